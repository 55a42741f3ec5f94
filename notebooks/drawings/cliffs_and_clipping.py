"""Pictures of cliffs in a loss, and of gradients before and after clipping.

Blue is what a picture is about, grey what it is compared with, orange marks a
place, red is a limit. Lengths come as they are and are drawn as powers of ten.
"""

import numpy as np

from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREY, ORANGE, RED


def wall(off, across):
    """Left, a loss on both sides of a boundary; right, its slope.

    ``across(w, steps)`` returns the loss and its gradients at the distances
    ``off`` from b₀, the slope λ of a step, and that at b₀, which is dotted.
    """

    def view(axes, w, steps):
        loss, λ, peak = across(w, steps)
        slope = np.log10(np.abs(loss.db) + 1e-9)
        axes[0].plot(off, loss.loss, color=BLUE)
        axes[1].plot(off, slope, color=BLUE)
        axes[1].plot([0], [np.log10(peak)], "o", color=ORANGE)
        title = f"λ = {λ:.2f}, {steps} steps"
        frame(axes[0], "b − b₀", "loss", (-0.6, 0.6), (0, 0.5), title)
        y = "|∂L/∂b|, powers of ten"
        title = f"slope at b₀: {peak:.2g}"
        frame(axes[1], "b − b₀", y, (-0.6, 0.6), (-4, 11), title)

    return view


def clipped(ax, g, limit):
    """A gradient of two entries, clipped by norm and clipped by value.

    The ``limit`` is the radius of the dashed circle and half the side of the
    dotted square.
    """
    g = np.array(g)
    by_norm = g * min(1.0, limit / np.hypot(*g))
    by_value = np.minimum(g, limit)
    arc = np.linspace(0, np.pi / 2, 31)
    circle = limit * np.stack([np.cos(arc), np.sin(arc)])
    ax.plot(*circle, "--", color=BLUE, linewidth=1)
    ax.plot([limit, limit, 0], [0, limit, limit], ":", color=RED, linewidth=1)
    vector(ax, g, "gradient", (6, 4), "-", GREY)
    vector(ax, by_norm, "norm", (6, -10), "--", BLUE)
    vector(ax, by_value, "value", (6, 4), ":", RED)
    ax.set_aspect("equal")
    xlim = (0, 1.3 * max(*g, limit))
    ylim = (0, 1.3 * max(g[1], limit))
    title = (
        f"by norm turned by {turn(g, by_norm):.0f}°, "
        f"by value by {turn(g, by_value):.0f}°"
    )
    frame(ax, "first entry", "second entry", xlim, ylim, title)


def vector(ax, end, name, offset, style, colour):
    """A line from the origin to a dot, with a name ``offset`` points away."""
    how = {"textcoords": "offset points", "color": colour}
    ax.plot([0, end[0]], [0, end[1]], style, color=colour, linewidth=2)
    ax.plot(*end, "o", color=colour)
    ax.annotate(name, end, offset, **how)


def turn(a, b):
    """The angle between two vectors, in degrees."""
    return abs(np.degrees(np.arctan2(*b) - np.arctan2(*a)))


def descent(ways, lrs, limits, surface):
    """Left, a way down from circle to star; right, lengths of its gradients.

    ``ways[kind]`` holds w, b and the loss, of shape (steps, rates, limits),
    and the gradients before and after clipping, ``g`` and ``clipped``, of
    shape (steps, 2, rates, limits). ``surface`` is w, b and the loss, dark
    where it is high; what lies outside is not seen.
    """

    def view(axes, kind, lr, limit):
        i = list(lrs).index(lr)
        j = list(limits).index(limit)
        way = {name: some[..., i, j] for name, some in ways[kind].items()}
        w = way["w"]
        b = way["b"]
        before = way["g"].T
        after = way["clipped"].T
        lengths = (np.hypot(*before), np.hypot(*after))
        dot = before[0] * after[0] + before[1] * after[1]
        cosine = np.clip(dot / lengths[0] / lengths[1], -1, 1)
        turned = np.degrees(np.arccos(cosine)).max()
        valley(axes[0])
        path(axes[0], w, b)
        ends = f"{kind}: ends at w {w[-1]:.1f}, b {b[-1]:.1f}"
        axes[0].set_title(ends)
        before_and_after(axes[1], np.arange(len(w)), lengths, limit)
        y = "‖gradient‖, powers of ten"
        title = f"lr {lr:g}, turn ≤ {turned:.0f}°, L {way['loss'][-1]:.3f}"
        frame(axes[1], "step", y, (0, len(w)), (-12, 4), title)

    def valley(ax):
        w, b, loss = surface
        extent = (b[0], b[-1], w[0], w[-1])
        how = {"cmap": "Greys", "vmin": 0.0, "vmax": 0.5, "origin": "lower"}
        how |= {"aspect": "auto", "interpolation": "nearest"}
        ax.imshow(loss, extent=extent, **how)
        ax.set(xlabel="bias b", ylabel="weight w")
        ax.set(xlim=(b[0], b[-1]), ylim=(w[0], w[-1]))

    def path(ax, w, b):
        dots = {"linewidth": 1, "markersize": 4}
        edge = {"color": ORANGE, "markeredgecolor": "black"}
        ax.plot(b, w, ".-", color=ORANGE, **dots)
        ax.plot(b[0], w[0], "o", markersize=7, **edge)
        ax.plot(b[-1], w[-1], "*", markersize=12, **edge)

    return view


def examples(inputs, states, target, bias, losses):
    """Left, the functions that a unit computes; right, losses and their mean.

    ``states(b)`` returns the states after each number of steps for all
    ``inputs``, of shape (steps + 1, inputs), and ``target(x)`` the targets.
    ``losses[steps]`` has the shape (biases, examples).
    """

    def view(axes, steps, n, b):
        h = states(b)
        single = losses[steps][:, :5].T
        mean = losses[steps][:, :n].mean(axis=1)
        bundle(axes[0], inputs, h, h[steps])
        axes[0].plot(inputs, target(inputs), ":", color=RED, label="target")
        axes[0].legend(loc="upper left", fontsize=8)
        bundle(axes[1], bias, single, mean)
        mark(axes[1], b, "--")
        y = f"state after {steps}"
        title = f"b = {b:+.2f}"
        frame(axes[0], "input x", y, (-0.6, 0.6), (-1, 1), title)
        jump = abs(np.diff(mean)).max()
        title = f"mean of {n}: jumps ≤ {jump:.2f}"
        frame(axes[1], "bias b", "loss", (-0.3, 0.3), (0, 2.6), title)

    return view


def biased(bias, cosines, lengths, rests, sizes):
    """Left, cosines of mean clipped gradients with the true; right, lengths.

    For each kind, limit and batch size, ``cosines`` : (biases,); ``lengths``
    of the true and of the mean clipped gradient : (2, biases); ``rests`` :
    the bias where descent would rest, which is marked.
    """

    def view(axes, kind, limit, batch):
        rest = rests[kind, limit, batch]
        all_sizes = np.array([cosines[kind, limit, n] for n in sizes])
        k = sizes.index(batch)
        x = "bias b"
        title = f"{kind}, batch {batch}"
        directions(axes[0], bias, all_sizes, k, rest, x, title, "rest")
        mark(axes[1], rest, "-.")
        before_and_after(axes[1], bias, lengths[kind, limit, batch], limit)
        span = (bias[0], bias[-1])
        y = "length, powers of ten"
        frame(axes[1], x, y, span, (-3, 5), f"c = {limit:g}")

    return view


def capped(kept, gains, cosines, near, lengths, cap):
    """Left, cosines by steps kept, of all gains; right, lengths at the wall.

    ``cosines`` has the shape (kept, gains). ``lengths``, a row for each
    number of ``kept`` steps, the last for all, are the unit's at the
    distances ``near`` from b₀, and ``cap(k)`` their bound.
    """

    def view(axes, steps, gain):
        k = gains.tolist().index(gain)
        two = (lengths[-1], lengths[kept.index(steps)])
        x = "steps kept, k"
        title = f"gain {gain:g}"
        directions(axes[0], kept, cosines.T, k, steps, x, title, "k")
        mark(axes[1], 0, "-.")
        before_and_after(axes[1], near, two, cap(steps))
        span = (near[0], near[-1])
        y = "length, powers of ten"
        frame(axes[1], "b − b₀", y, span, (-3, 5), f"k = {steps}")

    return view


def directions(ax, x, cosines, k, at, name, title, place):
    """Many curves of cosines, row k in front, and its value at a mark, whose
    name is ``place``."""
    here = np.abs(np.asarray(x) - at).argmin()
    bundle(ax, x, cosines, cosines[k])
    mark(ax, at, "-.", place)
    ax.legend(loc="lower left", fontsize=8)
    span = (x[0], x[-1])
    title = f"{title}: cosine {cosines[k][here]:.2f}"
    frame(ax, name, "cosine", span, (-0.5, 1.05), title)


def before_and_after(ax, x, lengths, limit):
    """Lengths of gradients before a cut, as dots, and after; the limit."""
    before, after = np.log10(lengths)
    dashed = np.full(len(x), np.log10(limit))
    ax.plot(x, before, ".", color=GREY, markersize=4, label="before")
    ax.plot(x, after, color=BLUE, linewidth=1.5, label="after")
    ax.plot(x, dashed, "--", color=RED, linewidth=1, label="limit")
    row = {"ncols": 3, "handlelength": 1.5, "columnspacing": 1}
    ax.legend(loc="lower center", fontsize=8, **row)


def bundle(ax, x, many, one):
    """Many thin curves, the rows of ``many``, and one in front."""
    gaps = np.full((len(many), 1), np.nan)  # one line with gaps is quicker
    xs = np.hstack([np.tile(x, (len(many), 1)), gaps])
    ys = np.hstack([many, gaps])
    ax.plot(xs.ravel(), ys.ravel(), color=GREY, linewidth=0.7)
    ax.plot(x, one, color=BLUE, linewidth=2)


def mark(ax, x, style, label=None):
    """An upright line."""
    how = {"color": ORANGE, "linewidth": 1.2}
    ax.axvline(x, linestyle=style, label=label, **how)


def frame(ax, x, y, xlim, ylim, title):
    """The house's frame, with a title that two narrow panels have room for."""
    figures.frame(ax, x, y, xlim, ylim, title, title_size=10)
