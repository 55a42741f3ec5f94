"""Pictures of iterated maps: staircases, orbits, and planes of starts.

Gradients come in natural logarithms, unless it says so, and are drawn as
powers of ten.
"""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.ticker import MultipleLocator

from gradtrace.notebook import figures
from gradtrace.notebook.figures import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
)

NO_BASIN = "#C8C8C8"
YELLOW = "#F0E442"
BASINS = (NO_BASIN, SKY, ORANGE, GREEN, PURPLE, YELLOW, BLUE, RED)
UNITS = ("first unit", "second unit")


def iterates(start, run):
    """Above, the last state as a function of the start; below, its slope.

    ``run`` holds the states and the slopes' logarithms of all starts, by
    step; each number of steps has its column.
    """

    def view(axes, steps):
        for above, below, T in zip(axes[:3], axes[3:], steps, strict=True):
            last = run.h[T, :, 0]
            slope = figures.decades(run.log_norm[T])
            above.plot(start, last, color=BLUE, linewidth=1)
            below.plot(start, slope, color=ORANGE, linewidth=1)
            names = ("start $h_0$", "last state $h_T$")
            figures.frame(above, *names, (0, 1), (0, 1), f"T = {T}")
            names = ("start $h_0$", "|slope|, powers of ten")
            figures.frame(below, *names, (0, 1), (-20, 8), f"T = {T}")

    return view


def web(rs, starts, orbits, log_slope, exponents, periods, settled, curve):
    """A cobweb, its gradient, and where r stands among all others.

    ``orbits`` has the shape (steps + 1, r, start), ``log_slope``, from step
    1 on, (steps, r, start); ``exponents`` and ``periods``, 0 for none, one
    entry for each of the ``rs``. ``settled`` holds the last states for many r
    from 2.5 to 4, a column each, and ``curve`` many r and their exponents.
    """
    diagram = density(settled, 120)
    many_r, many_exponents = curve

    def view(axes, r, h0):
        i = rs.tolist().index(r)
        j = starts.tolist().index(h0)
        orbit = orbits[:, i, j]
        cobweb(axes[0], r, orbit[:61])
        last_states(axes[1], r, orbit[-20:], periods[i])
        gradient(axes[2], log_slope[:, i, j], exponents[i])
        exponent_of(axes[3], r, exponents[i])

    def cobweb(ax, r, orbit):
        x = np.linspace(0, 1, 101)
        across = np.repeat(orbit[:-1], 2)
        up = np.repeat(orbit[1:], 2)
        heights = np.concatenate([[0], up[:-1]])
        ax.plot(x, r * x * (1 - x), color=BLUE, linewidth=2)
        ax.plot([0, 1], [0, 1], "--", color=GREY)
        ax.plot(across, heights, color=ORANGE, linewidth=1)
        ax.plot(orbit[:1], [0], "o", color=ORANGE, clip_on=False)
        title = f"r = {r:g}"
        figures.frame(ax, "$h_t$", "$h_{t+1}$", (0, 1), (0, 1), title)

    def last_states(ax, r, states, period):
        extent = (2.5, 4, 0, 1)
        here = np.full(len(states), r)
        dots = {"color": ORANGE, "markersize": 4, "clip_on": False}
        how = {"aspect": "auto", "interpolation": "nearest"}
        ax.imshow(diagram, origin="lower", extent=extent, **how)
        ax.plot(here, states, ".", **dots)
        title = f"period {period}" if period else "no period"
        figures.frame(ax, "r", "settled states", (2.5, 4), (0, 1), title)

    def gradient(ax, log, exponent):
        t = np.arange(1, len(log) + 1)
        long_run = t * exponent / np.log(10)
        ax.plot(t, long_run, ":", color=GREY, label="Λ t")
        ax.plot(t, figures.decades(log), color=BLUE, label="gradient")
        xlim = (0, len(log))
        figures.frame(ax, "step t", "powers of ten", xlim, (-180, 100))
        ax.legend(loc="lower left", fontsize="small")

    def exponent_of(ax, r, exponent):
        ax.plot([2.5, 4], [0, 0], "--", color=GREY, linewidth=1)
        ax.plot(many_r, many_exponents, color=BLUE, linewidth=1)
        ax.plot([r], [exponent], "o", color=ORANGE, clip_on=False)
        title = f"Λ = {exponent:.2f}".replace("-", "−")
        figures.frame(ax, "r", "exponent Λ", (2.5, 4), (-2, 1), title)

    return view


def density(states, bins):
    """An image of how often each column visits each part of 0 to 1.

    ``states`` has the shape (keep, N), the image (bins, N, 4): red, green,
    blue and opacity, the lowest part first. Often is opaque.
    """
    counts = []
    for column in states.T:
        visits, _ = np.histogram(column, bins, (0, 1))
        counts.append(visits)
    counts = np.stack(counts, axis=1)
    image = np.empty((*counts.shape, 4))
    image[..., :3] = to_rgb(BLUE)
    image[..., 3] = np.minimum(1, 6 * counts / len(states)) ** 0.4
    return image


def zoom(escapes, centres, halves, point):
    """When the numbers of a plane escape, and the gradient over the zoom.

    ``escapes[level]`` holds the steps (-1 for never, black) and the gradient,
    for the square of half the width ``halves[level]`` around
    ``centres[level]``; ``point`` is ringed. The zoom is the width at level 0
    by the width.
    """

    def view(axes, level):
        left, right = axes
        step, log_slope = escapes[level]
        magnified = np.log10(halves[0] / halves[level])
        at = (point - centres[level]) / halves[level]
        inside = step < 0
        first = step[~inside].min()
        names = ("Re c, in half-widths", "Im c, in half-widths")
        since = np.where(inside, np.nan, step - level)
        gradient = figures.decades(np.where(inside, np.nan, log_slope))
        field(left, since, 1, ends=(-2, 14), names=names, cmap="viridis")
        field(right, gradient - magnified, 1, ends=(-1, 3), names=names)
        left.set_title(f"escape: t = {first} to {step.max()}")
        right.set_title(f"gradient / $10^{{{magnified:.1f}}}$")
        ring = {"color": SKY, "fillstyle": "none", "markersize": 9}
        for ax in axes:
            ax.plot(at.real, at.imag, "o", **ring)

    return view


def fates(ends, decades, paths, cut, angles):
    """Basins with an orbit, gradients over all starts, and along two lines.

    All but ``angles``, the starts on a circle in degrees, are by gain.
    ``ends`` holds basins and attractors, ``paths`` the orbits of the angles
    and their gradients; ``decades`` (steps + 1, rows, columns) and ``cut``
    (steps + 1, 361 degrees) are powers of ten.
    """

    def view(axes, gain, T, angle):
        plane, gradients, over_time, around = axes
        i = angles.tolist().index(angle)
        orbit = paths[gain].h[:, i]
        log = paths[gain].log_norm[:, i]
        now = figures.decades(log[T])
        home(plane, ends[gain], orbit[: T + 1])
        field(gradients, decades[gain][T], 1.5, ends=(-4, 4), names=UNITS)
        gradients.set_title("$10^{-4}$ dark, $10^4$ bright")
        start(gradients, orbit[0], SKY)
        figures.norms(over_time, log)
        over_time.plot([T], now, "o", color=ORANGE, clip_on=False)
        powers(over_time, "step t", 40)
        over_time.set_title("from your start")
        every = np.arange(361)
        around.plot(every, cut[gain][T], color=GREY, lw=1, clip_on=False)
        around.plot([angle], now, "o", color="C0", clip_on=False)
        powers(around, "angle of start, degrees", 360)
        around.set_title(f"after {T} steps")

    def home(ax, found, path):
        basins(ax, found.label, 1.5)
        ax.plot(path[:, 0], path[:, 1], ".-", color=INK, markersize=5)
        ax.set_title(f"stable points: {len(found.attractors)}")
        start(ax, path[0], INK)

    def powers(ax, x, last):
        figures.frame(ax, x, "powers of ten", (0, last), (-12, 6))

    return view


def growth(ax, gains, rates):
    """Growth of the gradient per step against the gain, a band for each size.

    ``rates[n]`` holds natural logarithms, (gains, nets), for nets of n units.
    """
    colours = (GREY, BLUE)
    ax.axhline(0, color=INK, linewidth=0.8)
    for (n, rate), colour in zip(rates.items(), colours, strict=True):
        figures.band(ax, gains, rate, colour=colour, label=f"{n} units")
    ax.legend(loc="upper left")
    xlim = (gains[0], gains[-1])
    figures.frame(ax, "gain", "growth per step (ln)", xlim, (-0.4, 0.4))


def near(run, peaks, when, label):
    """Left, an orbit that starts near a boundary; right, its gradient.

    ``run`` holds the orbits, the distance a quarter from each to the next.
    Their gradients have the largest logarithms to base 2, ``peaks``, at the
    steps ``when``. ``label`` holds the basins.
    """

    def view(axes, halvings):
        left, right = axes
        k = halvings // 2
        orbit = run.h[:, k]
        log = figures.decades(run.log_norm[:, k])
        top = log[when[k]]
        line = peaks * np.log10(2)
        basins(left, label, 1.5)
        left.plot(orbit[:, 0], orbit[:, 1], ".", color=INK, markersize=3)
        left.set_title(f"distance $16°/2^{{{halvings}}}$")
        start(left, orbit[0], INK)
        right.plot(when, line, "--", color=GREY, label="peaks")
        right.plot(log, color=BLUE, label="gradient")
        right.plot(when[k], top, "o", color=ORANGE)
        size = "powers of ten"
        figures.frame(right, "step t", size, (0, 450), (-20, 16))
        right.set_title(f"peak $10^{{{top:.1f}}}$ at t = {when[k]}")
        right.legend(loc="lower left")

    return view


def start(ax, h, colour):
    """A ringed dot at a start."""
    ax.plot(*h, "o", color=colour, mec="white", markersize=8)


def field(ax, image, half, *, ends, names, cmap="inferno"):
    """Numbers over the square from -half to half; ``nan`` is black.

    The first row is the lowest; ``ends`` are shown darkest and brightest.
    """
    shown = mpl.colormaps[cmap].with_extremes(bad="black")
    square(ax, image, half, names, cmap=shown, vmin=ends[0], vmax=ends[1])


def basins(ax, label, half):
    """Basins of attraction over the square from -half to half.

    ``label`` is a number from -1, none, which is grey, to 6; the first row is
    the lowest.
    """
    shown = ListedColormap(BASINS)
    square(ax, label, half, UNITS, cmap=shown, vmin=-1, vmax=6)


def square(ax, image, half, names, **how):
    """An image over the square from -half to half."""
    sides = (-half, half)
    extent = (*sides, *sides)
    pixels = {"origin": "lower", "interpolation": "nearest"}
    ax.imshow(image, extent=extent, **pixels, **how)
    ax.set(xlabel=names[0], ylabel=names[1])
    ax.set(box_aspect=1, xlim=sides, ylim=sides)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MultipleLocator(1))
