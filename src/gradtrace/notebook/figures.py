"""Arrays in, matplotlib out: the pieces that the notebooks' figures share, on one palette."""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from explorable.palette import BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, RED, SKY

from ..expect import (
    expect_bool,
    expect_callable,
    expect_number,
    expect_positive,
    expect_size,
    expect_string,
    given,
)
from ..steps.activations import Activation

__all__ = [
    "BLUE",
    "COLOURS",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "arrow",
    "band",
    "decades",
    "frame",
    "mosaic",
    "norms",
    "pixels",
    "powers",
    "still",
    "tangent",
]

# a dark blue, not a grey: greys turn light on a dark page, and images stay as they are
INK = "#003350"


def still(view, *, size=(5.6, 3.3), panels=(1, 1), **state):
    """Draw ``view(ax, **state)`` once, as a plain matplotlib figure.

    Parameters
    ----------
    view : callable
        The function that :func:`explorable.explore` turns into a live figure; with more than one
        panel it gets the flat array of axes.
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
    expect_callable("view", view)
    figure, axes = plt.subplots(*panels, figsize=size, layout="constrained")
    view(axes.ravel() if isinstance(axes, np.ndarray) else axes, **state)
    plt.show()


def frame(ax, x, y, xlim, ylim, title=None, *, title_size=None):
    """Name the axes and fix their limits, so that only the quantity moves.

    Parameters
    ----------
    ax : matplotlib Axes
    x, y : str
        Labels, with units.
    xlim, ylim : (float, float)
    title : str, optional
    title_size : float, optional
        In points.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> figures.frame(ax, "step", "gradient", (0, 50), (-8, 0))
    >>> ax.get_ylim()
    (np.float64(-8.0), np.float64(0.0))
    """
    _expect_axes(ax)
    for name, value in (("x", x), ("y", y), ("title", "" if title is None else title)):
        expect_string(name, value)
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim)
    if title:
        ax.set_title(title, **({} if title_size is None else {"fontsize": title_size}))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)


def decades(log):
    """Powers of ten from natural logarithms; that of zero, ``-inf``, becomes ``nan``, a gap.

    Parameters
    ----------
    log : ndarray

    Examples
    --------
    >>> figures.decades(np.log([100.0, 0.1])).round(9), figures.decades(-np.inf)
    (array([ 2., -1.]), np.float64(nan))
    """
    log = _expect_numbers("log", log)
    return np.where(np.isfinite(log), log, np.nan)[()] / math.log(10)


def powers(factor, steps):
    """Natural logarithms of ``|factor|^t`` for ``t = 0 … steps``.

    They are ``-inf`` from ``t = 1`` on if the factor is zero.

    Examples
    --------
    >>> figures.powers(0.5, 2).round(4)
    array([ 0.    , -0.6931, -1.3863])
    """
    if not isinstance(factor, complex | np.complexfloating):
        factor = expect_number("factor", factor)
    t = np.arange(1, expect_size("steps", steps, least=0) + 1)
    with np.errstate(divide="ignore"):
        return np.concatenate([[0.0], t * np.log(np.abs(factor))])


def tangent(ax, phi, a):
    """Draw the activation ``phi`` and its tangent at ``a``, and return the slope there.

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
    _expect_axes(ax)
    if not isinstance(phi, Activation):
        raise TypeError(f"phi: expected an Activation, got {given(phi)}")
    a, near = expect_number("a", a), np.linspace(-6, 6, 121)
    point = np.array([a], dtype=float)
    value, slope = phi(point).item(), phi.slope(point).item()
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
        Natural logarithms, such as ``Trace.log_h``. A gradient of exactly zero, ``-inf``, leaves a
        gap.
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
    _expect_axes(ax)
    log, start = _expect_numbers("log", log, "T"), expect_number("start", start)
    ax.plot(start + np.arange(len(log)), decades(log), style, color=colour, label=label)


def band(ax, x, many, *, colour=BLUE, style="-", label=None):
    """A curve for many seeds: their median, in a band from the lower to the upper quartile.

    Parameters
    ----------
    ax : matplotlib Axes
    x : ndarray of shape (points,)
    many : ndarray of shape (points, seeds)
    colour, style, label
        As for ``ax.plot``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> figures.band(ax, np.arange(2), np.array([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]]))
    >>> ax.lines[0].get_ydata()
    array([2., 3.])
    """
    _expect_axes(ax)
    x, many = _expect_numbers("x", x, "points"), _expect_numbers("many", many, "points, seeds")
    low, middle, high = np.quantile(many, [0.25, 0.5, 0.75], axis=-1)
    ax.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    ax.plot(x, middle, style, color=colour, markersize=4, label=label)


def arrow(ax, start, end, *, colour=GREY):
    """An arrow between two points of the axes.

    Parameters
    ----------
    ax : matplotlib Axes
    start, end : (float, float)
    colour : str

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> figures.arrow(ax, (0, 0), (1, 1))
    >>> ax.texts[0].xy
    (1, 1)
    """
    _expect_axes(ax)
    for name, point in (("start", start), ("end", end)):
        if _expect_numbers(name, point, "2").shape != (2,):
            raise ValueError(f"{name}: expected two numbers, got {given(point)}")
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour})


def pixels(ax, image, title=None, *, most=1.0, signed=False, side=None, numbers=False, window=None):
    """Show ``image`` on ``ax``, rows from the top, with the axes named and their limits fixed.

    Parameters
    ----------
    ax : matplotlib Axes
    image : ndarray of shape (height, width)
        ``nan`` stays empty.
    title : str, optional
    most : float
        The value that gets full colour: white is 0 and black is ``most``; in signed images orange
        is ``most`` and purple ``-most``.
    signed : bool
    side : float, optional
        Stretch the image to ``side × side`` units, so that images of different sizes share their
        axes; by default a pixel is a unit.
    numbers : bool
        Write its value into every pixel.
    window : (int, int, int), optional
        Frame the window whose upper left pixel is at this row and column, with this many pixels a
        side.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> figures.pixels(ax, np.eye(3), "identity", numbers=True)
    >>> len(ax.images), [text.get_text() for text in ax.texts[:3]]
    (1, ['1', '0', '0'])
    """
    _expect_axes(ax)
    expect_string("title", "" if title is None else title)
    expect_bool("signed", signed)
    expect_bool("numbers", numbers)
    image, most = _expect_numbers("image", image, "height, width"), expect_positive("most", most)
    height, width = image.shape
    if side is not None:
        height = width = expect_positive("side", side)
    ax.imshow(
        image,
        cmap="PuOr_r" if signed else "Greys",
        vmin=-most if signed else 0,
        vmax=most,
        aspect="auto",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    ax.set(
        xlabel="column",
        ylabel="row",
        xlim=(-0.5, width - 0.5),
        ylim=(height - 0.5, -0.5),
        title=title or "",
        box_aspect=height / width,
    )
    for axis, length in ((ax.xaxis, width), (ax.yaxis, height)):
        # a locator, as ticks take time to make
        axis.set_major_locator(MultipleLocator(max(1, int(np.ceil(length / 5)))))
    if numbers:
        for (row, column), value in np.ndenumerate(image):
            number = f"{value + 0.0:.2g}".replace("-", "−")
            ax.text(column, row, number, ha="center", va="center", color=INK)
    if window is not None:
        if _expect_numbers("window", window, "3").shape != (3,):
            raise ValueError(
                f"window: expected a row, a column and a number of pixels, got {given(window)}"
            )
        row, column, width = window
        near, far = -0.4, width - 0.6
        ax.plot(
            column + np.array([near, far, far, near, near]),
            row + np.array([near, near, far, far, near]),
            color=RED,
            linewidth=2.5,
        )


def mosaic(images, columns):
    """Many small images as one, with an empty (``nan``) line between them.

    Parameters
    ----------
    images : ndarray of shape (n, height, width)
    columns : int
        How many stand side by side.

    Examples
    --------
    >>> figures.mosaic(np.ones((8, 3, 3)), 4).shape
    (7, 15)
    """
    images = _expect_numbers("images", images, "n, height, width")
    columns = expect_size("columns", columns)
    n, height, width = images.shape
    rows = -(-n // columns)
    dtype = images.dtype if images.dtype.kind == "f" else float
    out = np.full((rows * (height + 1), columns * (width + 1)), np.nan, dtype)
    for k, image in enumerate(images):
        row, column = (height + 1) * (k // columns), (width + 1) * (k % columns)
        out[row : row + height, column : column + width] = image
    return out[:-1, :-1]


def _expect_axes(ax):
    if not isinstance(ax, Axes):
        raise TypeError(f"ax: expected matplotlib axes, got {given(ax)}")


def _expect_numbers(name, value, axes=None):
    """``value`` as an array of real numbers, ``nan`` and infinity too, with axes like ``"T"``."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf" or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected an array of real numbers, got {given(value)}")
    if axes is not None and array.ndim != len(axes.split(", ")):
        raise ValueError(f"{name}: expected shape ({axes}), got shape {array.shape}")
    return array
