"""Noisy descent: ways over two valleys, the noise, its price and its walls."""

import numpy as np
from contourpy import contour_generator  # comes with matplotlib

from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREY, ORANGE, RED

LEVELS = [0.003, 0.01, 0.02, 0.04, 0.07, 0.11, 0.16, 0.22, 0.3, 0.4]


def valleys(ways, starts_1, starts_2, rates, landscape, end):
    """Above, a descent over a map of the loss; below, its loss by update.

    ways : for each size of batch (updates + 1, 3, w, b, rates): weight, bias
    and loss of the descents from every start; landscape : weights, biases and
    the loss, (weights, biases); end : weight, bias and loss at the bottom of
    the right valley, of which the left one is the mirror image.
    """
    lines = contours(*landscape)
    weight, bias, lowest = end

    def view(axes, start_1, start_2, batch, lr):
        i = list(starts_1).index(start_1)
        j = list(starts_2).index(start_2)
        k = list(rates).index(lr)
        w, b, loss = ways[batch][:, :, i, j, k].T
        ax = axes[0]
        ax.plot(*lines, color=GREY, linewidth=0.6)
        ax.plot([-weight, weight], [bias, bias], "*", color=RED, markersize=12)
        ax.plot(w, b, ".-", color=BLUE, linewidth=0.8, markersize=3)
        mark(ax, w[-1:], b[-1:], "s", BLUE, 8)
        mark(ax, w[:1], b[:1], "o", ORANGE, 10, gid="drag")
        title = f"batch {batch}, rate {lr:g}: ends {where(w[-1])}"
        frame(ax, "weight w", "bias b", (-1.1, 1.1), (-1.8, 0.8), title)

        ax = axes[1]
        above = np.maximum(loss - lowest, 1e-7)
        late = np.mean(above[-100:])
        ax.plot(np.arange(len(loss)), above, color=BLUE, linewidth=1.2)
        title = f"last 100: {late:.1g} above on average"
        xlim = (0, len(loss) - 1)
        name = "loss above the valleys"
        frame(ax, "update", name, xlim, (1e-6, 2), title, log="y")

    return view


def where(w):
    """The place of a weight between the two valleys, in words."""
    if abs(w) < 0.05:
        return "on the ridge"
    if w < 0:
        return "in the left valley"
    return "in the right valley"


def contours(x, y, z):
    """The contour lines of ``z`` above its minimum, (2, points).

    They are one line with gaps: quick to draw, the same in all states.
    """
    drawn = contour_generator(x, y, z.T)
    gap = np.full((1, 2), np.nan)
    parts = []
    for level in np.min(z) + np.array(LEVELS):
        for line in drawn.lines(level):
            parts += [line, gap]
    return np.concatenate(parts).T


def noise(measured, sizes):
    """Above, the noise of a batch gradient; below, its cosines.

    measured : for epochs, with or without putting back, and the size of the
    batch, three things: the variance as measured and by the law, both in units
    of the true gradient's squared length, and the cosine of each batch
    gradient with the true one.
    """

    def view(axes, batch, epochs, put_back):
        found = [measured[epochs, put_back, B] for B in sizes]
        seen = hide_zeros([variance for variance, _, _ in found])
        law = hide_zeros([variance for _, variance, _ in found])
        k = list(sizes).index(batch)
        variance, _, cosines = found[k]
        ax = axes[0]
        ax.plot(sizes, law, color=GREY, label="law")
        ax.plot(sizes, seen, "o", color=BLUE, label="measured")
        mark(ax, sizes[k : k + 1], seen[k : k + 1], "o", ORANGE, 11)
        ax.axhline(1, color=RED, linestyle="--", label="noise = signal")
        ax.legend(loc="lower left", fontsize=9)
        title = (
            f"after {epochs} epochs: noise / signal = {variance:.2g} "
            f"for B = {batch}"
        )
        name = "samples in the batch, B"
        ylim = (1e-3, 5e3)
        frame(ax, name, "noise / signal", (0.8, 1300), ylim, title, log="xy")

        ax = axes[1]
        count, edges = np.histogram(cosines, bins=28, range=(-0.4, 1.0 + 1e-9))
        share = 100 * count / count.sum()
        outline = np.repeat(edges, 2)[1:-1]
        ax.fill_between(outline, np.repeat(share, 2), color=BLUE)
        ax.axvline(0, color=RED, linestyle=":")
        title = f"cosine {np.mean(cosines):.2f} on average"
        name = "cosine between batch gradient and true one"
        frame(ax, name, "batches, %", (-0.4, 1.02), (0, 104), title)

    return view


def hide_zeros(values):
    """The values with gaps where they are zero, for a logarithmic axis."""
    return np.where(np.greater(values, 1e-9), values, np.nan)


def price(curves, picks, rates, goal):
    """Above, losses on the way down; below, what each batch size pays.

    curves : for each size of batch, numbers of updates and the losses there,
    (points, rates); picks : lists with the place of each size's rate.
    """
    sizes = list(curves)

    def view(axes, batch, count, rate):
        pick = picks[rate]
        at = sizes.index(batch)
        way = {}
        for size, k in zip(sizes, pick, strict=True):
            updates, loss = curves[size]
            way[size] = updates, loss[:, k]
        need = np.array([updates_to(goal, *way[size]) for size in sizes])

        ax = axes[0]
        for size, (updates, loss) in way.items():
            label = "other batches" if size == sizes[0] else "_others"
            x = unit(count, size) * updates
            ax.plot(x, loss, color=GREY, linewidth=1, label=label)
        ax.axhline(
            goal, color=RED, linestyle="--", linewidth=1.2, label="goal"
        )
        updates, loss = way[batch]
        x = unit(count, batch) * updates
        ax.plot(x, loss, ".-", color=BLUE, linewidth=2, label="this batch")
        ax.legend(loc="lower left", fontsize=9)
        title = f"batch {batch}, rate {rates[pick[at]]:g}"
        name = f"{count} so far"
        ylim = (0.02, 5)
        frame(ax, name, "training loss", (1, 3e4), ylim, title, log="xy")

        ax = axes[1]
        for name, cost, style, colour in (
            ("updates", need, "o-", BLUE),
            ("samples", need * sizes, "s--", ORANGE),
        ):
            ax.plot(sizes, cost, style, color=colour, label=name)
            mark(ax, [batch], cost[at : at + 1], style[0], colour, 12)
        ax.legend(loc="upper center", fontsize=9, ncols=2)
        said = "not reached"
        if np.isfinite(need[at]):
            said = f"{need[at]:.0f} updates, {need[at] * batch:.0f} samples"
        name = "samples in the batch, B"
        title = f"to the goal: {said}"
        frame(ax, name, "price", (0.8, 1300), (4, 2e5), title, log="xy")

    return view


def unit(count, size):
    """What an update counts, in samples or in updates."""
    return size if count == "samples" else 1


def updates_to(goal, updates, loss):
    """The first of the updates with a loss below the goal, or ``nan``."""
    below = updates[loss < goal]
    return below[0] if len(below) else np.nan


def walls(rates, losses, sizes, each, long_run, wall):
    """The loss against the learning rate, each batch size with its limits.

    losses : for a number of updates, (batch sizes, rates); each, long_run :
    for each batch size, up to where every update helps on average, and up to
    where the mean square fades in the end; wall : where it ends for all.
    """

    def view(ax, batch, updates):
        k = list(sizes).index(batch)
        ylim = (0.1, 5)
        family(ax, rates, losses[updates], k, ylim)
        lines = {"color": ORANGE, "linewidth": 1.8}
        ax.axvline(each[k], linestyle="--", label="every update", **lines)
        ax.axvline(long_run[k], linestyle="-.", label="long run", **lines)
        red = {"color": RED, "linewidth": 1.8}
        ax.axvline(wall, linestyle=":", label="2/λ", **red)
        ax.legend(loc="upper left", fontsize=9)
        name = f"loss after {updates} updates"
        title = f"batch {batch}: limits {each[k]:.3f} and {long_run[k]:.3f}"
        rated(ax, rates, name, ylim, title, log="xy")

    return view


def dying(dead, rates):
    """The share of dead units against the learning rate, by batch size.

    dead : for each size of batch (2, 2, rates): per cent and loss, after the
    training and after the gentle epochs.
    """
    sizes = list(dead)
    curves = [dead[B][0, 0] for B in sizes]

    def view(ax, batch, rate):
        ylim = (-3, 103)
        family(ax, rates, curves, sizes.index(batch), ylim)
        later = dead[batch][1, 0]
        ax.plot(rates, later, "x:", color=RED, linewidth=1.5, markersize=7)
        ax.axvline(rate, linestyle="--", color=ORANGE, linewidth=1.8)
        before, after = dead[batch][..., list(rates).index(rate)]
        title = (
            f"{before[0]:.0f} % dead, loss {before[1]:.2g}; "
            f"later {after[0]:.0f} %, {after[1]:.2g}"
        )
        rated(ax, rates, "dead units, %", ylim, title, log="x")

    return view


def family(ax, rates, curves, k, ylim):
    """One curve in front of the others; what lies outside is at the edge."""
    for curve in np.clip(curves, *ylim):
        ax.plot(rates, curve, color=GREY, linewidth=0.8)
    front = np.clip(curves[k], *ylim)
    ax.plot(rates, front, "o-", color=BLUE, linewidth=2, markersize=4)


def rated(ax, rates, name, ylim, title, log):
    """Frame an axis on which learning rates run to the right."""
    xlim = (rates[0] / 1.1, rates[-1] * 1.1)
    frame(ax, "learning rate", name, xlim, ylim, title, log=log)


def mark(ax, x, y, style, colour, size, gid=None):
    """A large mark with a black edge."""
    ax.plot(
        x,
        y,
        style,
        color=colour,
        markersize=size,
        markeredgecolor="black",
        gid=gid,
    )


def frame(ax, x, y, xlim, ylim, title, log=""):
    """Frame the axes; ``log`` names those that are logarithmic."""
    figures.frame(ax, x, y, xlim, ylim, title, title_size=11)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    ax.minorticks_off()
    if "x" in log:
        narrow = xlim[1] < 64 * xlim[0]
        plain_ticks(ax.set_xticks, *xlim, base=2.0 if narrow else 4.0)
    if "y" in log:
        plain_ticks(ax.set_yticks, *ylim, base=10.0)


def plain_ticks(set_ticks, low, high, base):
    """Ticks at powers of the base, with plain numbers: quicker to read."""
    first = np.ceil(np.log(low) / np.log(base) - 1e-9)
    ticks = base ** np.arange(first, np.log(high) / np.log(base))
    names = [f"{t:.0f}" if t > 1 else f"{t:.3g}" for t in ticks]
    set_ticks(ticks, names)
