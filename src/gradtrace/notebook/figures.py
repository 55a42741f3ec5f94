"""Arrays in, matplotlib out: the pieces that the notebooks' figures share, on one palette."""

import matplotlib.pyplot as plt
import numpy as np

from explorable.palette import BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, RED, SKY

__all__ = ["BLUE", "COLOURS", "GREEN", "GREY", "ORANGE", "PURPLE", "RED", "SKY", "frame", "norms", "powers", "still",
           "tangent"]


def still(view, *, size=(5.6, 3.3), panels=(1, 1), **state):
    """Draw ``view(ax, **state)`` once, as a plain matplotlib figure.

    Parameters
    ----------
    view : callable
        The function that :func:`gradtrace.explore` turns into a live figure; with more than one panel it gets the
        flat array of axes.
    size : (float, float)
        Width and height in inches.
    panels : (int, int)
        Rows and columns.
    **state
        One value for every parameter of ``view``.

    Examples
    --------
    >>> def view(ax, gain):
    ...     ax.plot(gain ** np.arange(50))
    >>> figures.still(view, gain=0.9)          # displays a picture
    """
    figure, axes = plt.subplots(*panels, figsize=size, layout="constrained")
    view(axes.ravel() if isinstance(axes, np.ndarray) else axes, **state)
    plt.show()


def frame(ax, x, y, xlim, ylim, title=None):
    """Name the axes and fix their limits, so that only the quantity moves.

    Parameters
    ----------
    ax : matplotlib Axes
    x, y : str
        Labels, with units.
    xlim, ylim : (float, float)
    title : str, optional

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> figures.frame(ax, "step", "gradient", (0, 50), (-8, 0))
    >>> ax.get_ylim()
    (np.float64(-8.0), np.float64(0.0))
    """
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim)
    if title:
        ax.set_title(title)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)


def powers(factor, steps):
    """Natural logarithms of ``|factor|^t`` for ``t = 0 … steps``; ``-inf`` from ``t = 1`` if the factor is zero.

    Examples
    --------
    >>> figures.powers(0.5, 2).round(4)
    array([ 0.    , -0.6931, -1.3863])
    """
    with np.errstate(divide="ignore"):
        return np.concatenate([[0.0], np.arange(1, steps + 1) * np.log(np.abs(factor))])


def tangent(ax, phi, a):
    """Draw the activation ``phi`` and its tangent at the pre-activation ``a``, and return the slope there.

    Parameters
    ----------
    ax : matplotlib Axes
    phi : Activation
    a : float

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figures.tangent(Figure().subplots(), sigmoid, 0.0)
    0.25
    """
    near = np.linspace(-6, 6, 121)
    value, slope = phi(np.array([a], dtype=float)).item(), phi.slope(np.array([a], dtype=float)).item()
    ax.plot(near, phi(near), color=GREY)
    ax.plot(near, value + slope * (near - a), color=BLUE)
    ax.plot([a], [value], "o", color=BLUE)
    return slope


def norms(ax, log, *, start=0, colour=BLUE, label=None, style="-"):
    """A curve of gradient norms, in powers of ten, from their natural logarithms.

    Parameters
    ----------
    ax : matplotlib Axes
    log : ndarray of shape (T,)
        Natural logarithms, such as ``Trace.log_h``. A gradient of exactly zero, ``-inf``, leaves a gap.
    start : int
        The step that the first entry belongs to.
    colour, label, style
        As for ``ax.plot``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> _ = figures.norms(ax, figures.powers(0.1, 3))
    >>> ax.lines[0].get_ydata()
    array([ 0., -1., -2., -3.])
    """
    log = np.asarray(log)
    if log.ndim != 1:
        raise ValueError(f"log: expected one curve of shape (T,), came shape {log.shape}")
    decades = np.where(np.isfinite(log), log, np.nan) / np.log(10)
    ax.plot(start + np.arange(len(log)), decades, style, color=colour, label=label)
