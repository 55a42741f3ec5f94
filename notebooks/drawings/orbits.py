"""Pictures of iterated maps: orbits of the logistic map, and numbers over a plane of starts or parameters."""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.ticker import MultipleLocator

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#808080"
INK = "#003350"                 # a blue, not a grey: greys turn light on a dark page, and images stay as they are
LABELS = ("#C8C8C8", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00")


def logistic(axes, r, xs, log_slope, exponent, period, *, diagram, curve):
    """Show an orbit of the logistic map as a cobweb, its gradient, and where ``r`` stands among all others.

    Parameters
    ----------
    axes : four matplotlib Axes
    r : float
        From 2.5 to 4.
    xs : ndarray of shape (steps + 1,)
        The orbit: its first 60 steps are the cobweb, its last 20 states are marked in the diagram.
    log_slope : ndarray of shape (T,)
        ``ln |∂x_t/∂x_0|`` for ``t = 1 … T``.
    exponent : float
    period : int
        0 for none.
    diagram : ndarray of shape (bins, N, 4)
        From :func:`density`, for ``r`` from 2.5 to 4.
    curve : pair of ndarray
        Many ``r`` and their exponents.

    Raises
    ------
    ValueError
        ``xs`` is no orbit of the logistic map.

    Notes
    -----
    Source: May 1976.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace import maps
    >>> from gradtrace.drawings import orbits
    >>> r = np.array([2.5, 3.0, 3.5, 4.0])
    >>> diagram, axes = orbits.density(maps.bifurcation(r), 9, colour="blue"), Figure().subplots(1, 4)
    >>> xs, log_slope, curve = maps.logistic(2.5, 0.3, 30), np.linspace(0, -21, 30), (r, maps.logistic_exponent(r))
    >>> orbits.logistic(axes, 2.5, xs, log_slope, -0.69, 1, diagram=diagram, curve=curve)
    >>> [ax.get_title() for ax in axes]
    ['r = 2.5', 'period 1', '', 'λ = −0.69']
    """
    if not np.allclose(r * xs[:-1] * (1 - xs[:-1]), xs[1:]):
        raise ValueError(f"xs: expected an orbit of the logistic map with r = {r}")
    x, web = np.linspace(0, 1, 101), xs[:61]
    axes[0].plot(x, r * x * (1 - x), color=BLUE, linewidth=2)
    axes[0].plot([0, 1], [0, 1], "--", color=GREY)
    axes[0].plot(np.repeat(web[:-1], 2), [0, *np.repeat(web[1:], 2)[:-1]], color=ORANGE, linewidth=1)
    axes[0].plot(xs[:1], [0], "o", color=ORANGE, clip_on=False)
    axes[1].imshow(diagram, origin="lower", aspect="auto", extent=(2.5, 4, 0, 1), interpolation="nearest")
    axes[1].plot(np.full(20, r), xs[-20:], ".", color=ORANGE, markersize=4, clip_on=False)
    t = np.arange(1, len(log_slope) + 1)
    axes[2].plot(t, t * exponent / np.log(10), ":", color=GREY, label="λ t")
    axes[2].plot(t, log_slope / np.log(10), color=BLUE, label="gradient")
    axes[3].plot([2.5, 4], [0, 0], "--", color=GREY, linewidth=1)
    axes[3].plot(*curve, color=BLUE, linewidth=1)
    axes[3].plot([r], [exponent], "o", color=ORANGE, clip_on=False)
    cycle = f"period {period}" if period else "no period"
    for ax, x, y, xlim, ylim, title in zip(
            axes, ("$x_t$", "r", "step t", "r"), ("$x_{t+1}$", "settled states", "powers of ten", "exponent λ"),
            ((0, 1), (2.5, 4), (0, len(log_slope)), (2.5, 4)), ((0, 1), (0, 1), (-180, 100), (-2, 1)),
            (f"r = {r:g}", cycle, "", f"λ = {exponent:.2f}".replace("-", "−")), strict=True):
        ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim, title=title)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
    axes[2].legend(loc="lower left", fontsize="small")


def density(states, bins, *, colour):
    """An image of how often each of the columns ``states[:, i]`` visits each part of 0 to 1: often is opaque.

    Parameters
    ----------
    states : ndarray of shape (keep, N)
    bins : int
        Parts of 0 to 1.
    colour

    Returns
    -------
    ndarray of shape (bins, N, 4)
        Red, green, blue and opacity; the first row is the lowest part.

    Examples
    --------
    >>> import numpy as np
    >>> from gradtrace.drawings import orbits
    >>> orbits.density(np.array([[0.1, 0.1], [0.9, 0.1]]), 2, colour="blue")[..., 3] > 0
    array([[ True,  True],
           [ True, False]])
    """
    counts = np.stack([np.histogram(column, bins, (0, 1))[0] for column in np.transpose(states)], axis=1)
    image = np.empty((*counts.shape, 4))
    image[..., :3], image[..., 3] = to_rgb(colour), np.minimum(1, 6 * counts / len(states)) ** 0.4
    return image


def field(ax, image, half, title, *, ends, names, cmap="inferno"):
    """Show numbers over the square from ``-half`` to ``half``, dark where they are small; ``nan`` is black.

    Parameters
    ----------
    ax : matplotlib Axes
    image : ndarray of shape (rows, columns)
        The first row is the lowest.
    half : float
    title : str
    ends : pair of float
        What is shown darkest and brightest.
    names : pair of str
        Of the axes.
    cmap : str

    Raises
    ------
    ValueError
        ``image`` has not two axes.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import orbits
    >>> ax = Figure().subplots()
    >>> orbits.field(ax, np.eye(3), 1.5, "identity", ends=(0, 1), names=("x", "y"))
    >>> ax.get_xlim(), ax.get_title()
    ((np.float64(-1.5), np.float64(1.5)), 'identity')
    """
    if np.ndim(image) != 2:
        raise ValueError(f"image: expected shape (rows, columns), came shape {np.shape(image)}")
    shown = mpl.colormaps[cmap].with_extremes(bad="black")
    ax.imshow(image, cmap=shown, vmin=ends[0], vmax=ends[1], origin="lower", extent=(-half, half, -half, half),
              interpolation="nearest")
    _square(ax, half, title, names)


def escape(axes, step, log_slope, level, decades, target):
    """Show when the points of a plane escape, and the gradient they then have; those that do not are black.

    Parameters
    ----------
    axes : two matplotlib Axes
    step, log_slope : ndarray of shape (rows, columns)
        From :func:`gradtrace.maps.mandelbrot`.
    level : int
        A step that is shown dark on the left; 14 steps later is bright.
    decades : float
        Powers of ten that are divided out of the gradient on the right.
    target : complex
        A point to ring, in half-widths from the centre.

    Notes
    -----
    Source: Grosse–Ba, "Iterated Functions".

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace import maps
    >>> from gradtrace.drawings import orbits
    >>> axes = Figure().subplots(1, 2)
    >>> orbits.escape(axes, *maps.mandelbrot(np.array([[0, 0.26], [1, 2]]), 100), 0, 0.0, 0j)
    >>> axes[0].get_title()
    'escape: n = 2 to 30'
    """
    inside, names = step < 0, ("Re c, in half-widths", "Im c, in half-widths")
    title = f"escape: n = {step[~inside].min()} to {step.max()}"
    field(axes[0], np.where(inside, np.nan, step - level), 1, title, ends=(-2, 14), names=names, cmap="viridis")
    field(axes[1], np.where(inside, np.nan, log_slope / np.log(10) - decades), 1, f"gradient / $10^{{{decades:.1f}}}$",
          ends=(-1, 3), names=names)
    for ax in axes:
        ax.plot(target.real, target.imag, "o", color=LABELS[1], fillstyle="none", markersize=9)


def basins(ax, label, half, title, *, names):
    """Show the basins of attraction ``label`` over the square from ``-half`` to ``half``; -1, none, is grey.

    Parameters
    ----------
    ax : matplotlib Axes
    label : ndarray of int of shape (rows, columns)
        From -1 to 6; the first row is the lowest.
    half, title, names
        As for :func:`field`.

    Raises
    ------
    ValueError
        There are more than seven basins.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import orbits
    >>> ax = Figure().subplots()
    >>> orbits.basins(ax, np.array([[0, 1], [-1, 1]]), 1.0, "basins", names=("left", "up"))
    >>> ax.images[0].get_clim()
    (-1.0, 6.0)
    """
    if np.max(label) > len(LABELS) - 2:
        raise ValueError(f"label: expected at most {len(LABELS) - 1} basins, came {np.max(label) + 1}")
    ax.imshow(label, cmap=ListedColormap(LABELS), vmin=-1, vmax=len(LABELS) - 2, origin="lower",
              extent=(-half, half, -half, half), interpolation="nearest")
    _square(ax, half, title, names)


def _square(ax, half, title, names):
    ax.set(xlabel=names[0], ylabel=names[1], title=title, box_aspect=1, xlim=(-half, half), ylim=(-half, half))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MultipleLocator(1))
