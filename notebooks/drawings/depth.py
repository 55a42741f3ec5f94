"""Pictures of Depth: gradient norms by layer, under a bound, by gain, and what
a level line is worth."""

import numpy as np

from gradtrace.notebook import figures

NORM = "powers of ten, $\\|\\partial L/\\partial h_l\\|$"
LAYER = "input ← layer $l$ ← top"  # the way of the gradient


def opening(lines):
    """One net's gradient norm by layer, measured from that at the scores, as
    far down as it has come.

    lines : by activation and gain, decades of shape (51,).
    """

    def view(ax, gain, activation, layers_passed):
        log = lines[activation, gain] - lines[activation, gain][-1]
        front = 50 - layers_passed
        l = np.maximum(
            np.arange(51), front
        )  # what lies below is not yet known
        seen = np.clip(log[l], -30, 30)  # still outside the picture
        ax.axhline(0, color=figures.GREY, linewidth=1)
        ax.plot(l, seen, color=figures.BLUE, linewidth=2)
        ax.plot([front], seen[:1], "o", color=figures.BLUE)
        place = "the input" if front == 0 else f"layer {front}"
        title = (
            f"at {place}: $10^{{{log[front]:.0f}}}$ times that at the scores"
        )
        x = "input ← layer $l$ ← scores"
        y = "gradient, powers of ten"
        figures.frame(ax, x, y, (0, 50), (-16, 8), title)

    return view


def two_ways(ax):
    """A net of four layers: states on the way up, gradients on the way down,
    their arrows thinner from layer to layer."""
    blue, red = figures.BLUE, figures.RED
    names = ["$h_0$", "$h_1$", "$h_2$", "$h_3$", "$u$", "$L$"]
    for l, name in enumerate(names):
        ax.text(2 * l, 1, name, ha="center", va="center", fontsize=14)
        bar = "" if l == 5 else f"$\\partial L/\\partial ${name}"
        ax.text(2 * l, -0.2, bar, ha="center", va="center", fontsize=10)
        if l == 0:
            continue
        ax.annotate(
            "",
            (2 * l - 0.35, 1),
            (2 * l - 1.65, 1),
            arrowprops={"arrowstyle": "-|>", "color": blue, "linewidth": 1.5},
        )
        ax.annotate(
            "",
            (2 * l - 1.45, -0.2),
            (2 * l - 0.55, -0.2) if l < 5 else (2 * l - 0.3, 0.8),
            arrowprops={
                "arrowstyle": "-|>",
                "color": red,
                "linewidth": 0.4 * 1.75 ** min(l, 4),
            },
        )
        if l < 5:
            up = (
                f"$W_{l}$, $b_{l}$, $\\varphi$"
                if l < 4
                else f"$W_{l}$, $b_{l}$"
            )
            down = f"$\\varphi'$, $W_{l}^{{\\mathsf{{T}}}}$"
            down = down if l < 4 else f"$W_{l}^{{\\mathsf{{T}}}}$"
            x = 2 * l - 1
            ax.text(x, 1.22, up, ha="center", color=blue, fontsize=11)
            ax.text(x, -0.75, down, ha="center", color=red, fontsize=11)
    ax.text(-0.9, 1.6, "forward: states", color=blue, ha="left")
    ax.text(-0.9, -1.2, "backward: gradients", color=red, ha="left")
    ax.set(xlim=(-1, 10.6), ylim=(-1.4, 1.9))
    ax.axis("off")


def under_the_bound(fall, bound):
    """Gradient norms of twelve nets by layer, in decades; what lies above the
    bound is grey.

    fall : by weights, width and depth, of shape (12, depth + 1); bound :
    returns the bound of every layer for a depth.
    """

    def view(ax, weights, width, depth):
        ax.fill_between(
            range(depth + 1),
            bound(depth),
            3,
            color=figures.GREY,
            alpha=0.3,
            label="forbidden by the bound",
        )
        logs = fall[weights, width, depth]
        labels = ["each of 12 nets"] + 11 * [None]  # one line in the legend
        ax.plot(logs.T, color=figures.BLUE, linewidth=1, label=labels)
        figures.frame(ax, LAYER, NORM, (0, 50), (-50, 3))
        ax.legend(loc="lower right")

    return view


def directions(factors, gain, largest):
    """By what one matrix multiplies the length of many random vectors, and of
    the one in its worst direction; and the gain."""

    def view(ax):
        blue, red, orange = figures.BLUE, figures.RED, figures.ORANGE
        ax.hist(factors, bins=np.linspace(0, 1.2, 49), color=blue)
        ax.text(0.36, 100, "1000 random\ndirections", color=blue, ha="right")
        ax.plot([gain, gain], [0, 160], color=orange, linewidth=2)
        ax.text(gain, 167, "the gain", color=orange, ha="center")
        ax.plot([largest, largest], [0, 120], "--", color=red)
        ax.text(
            largest,
            128,
            "the worst direction,\n$\\|W\\|_2$",
            color=red,
            ha="center",
        )
        x = "length of $d\\,W^{\\mathsf{T}}$ over that of $d$"
        figures.frame(ax, x, "how many", (0, 1.2), (0, 190))

    return view


def by_gain(activations, gains, sweep, factors):
    """Above, gradient norms by layer at one gain, for each activation; below,
    the mean factor of a layer at this gain and all smaller ones.

    sweep : by activation, depth and draw, decades of shape (gains, depth + 1);
    factors : by the same, of shape (gains,).
    """
    wide = {activations[0]: 4}  # seen under the others

    def view(axes, gain, depth):
        here = np.flatnonzero(gain == gains)[0]
        known = np.minimum(np.arange(len(gains)), here)
        axes[1].axhline(1, color=figures.GREY, linewidth=1)
        for phi, colour in zip(activations, figures.COLOURS, strict=False):
            factor = factors[phi, depth, 0]
            style = {"color": colour, "linewidth": wide.get(phi, 1.5)}
            log = np.clip(sweep[phi, depth, 0][here], -60, 60)
            label = f"{phi}: {factor[here]:.2f}"
            axes[0].plot(log, label=label, **style)
            axes[1].loglog(
                gains[known], factor[known], base=2, label=phi, **style
            )
        legend = "mean factor of a layer"
        axes[0].legend(loc="lower right", fontsize=8, ncols=2, title=legend)
        axes[1].legend(loc="lower right", fontsize=8, ncols=2)
        axes[1].axvline(gain, color=figures.GREY, linestyle=":")
        figures.frame(axes[0], LAYER, NORM, (0, 50), (-50, 25))
        x = "gain $s$"
        y = "mean factor of a layer"
        title = f"at all gains up to {gain:.2f}"
        figures.frame(axes[1], x, y, (0.5, 16), (0.1, 20), title)
        axes[1].text(0.52, 1.15, "level", color=figures.GREY)
        ticks = [0.5, 1, 2, 4, 8, 16]
        axes[1].set_xticks(ticks, ["½", "1", "2", "4", "8", "16"])
        axes[1].set_yticks(
            [0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"]
        )

    return view


def fans(logs, means, deviations):
    """Gradient norms of forty nets by layer, one panel a width, in the band of
    the theory: the mean and two standard deviations to each side.

    logs : by width, decades of shape (40, 51); means, deviations : by width,
    decades of shape (51,).
    """

    def view(axes):
        for ax, n in zip(axes, logs, strict=True):
            ax.fill_between(
                range(51),
                means[n] - 2 * deviations[n],
                means[n] + 2 * deviations[n],
                color=figures.ORANGE,
                alpha=0.5,
                label="theory: mean ± 2 sd",
            )
            labels = ["each of 40 nets"] + 39 * [None]
            ax.plot(logs[n].T, color=figures.BLUE, linewidth=0.5, label=labels)
            x = "input ← layer $l$"
            figures.frame(ax, x, "", (0, 50), (-6, 3), f"width {n}")
            ax.set_xticks([0, 20, 40])
            ax.tick_params(labelleft=False)
        axes[0].set_ylabel(NORM)  # the panels share their axis
        axes[0].tick_params(labelleft=True)
        axes[2].legend(loc="lower right", fontsize=8)

    return view


def level_learns(lines, losses):
    """Left, the gradient by layer of five starts of one gain, from layer 49 to
    layer 1; right, the loss that each of them reaches, at the best of all
    rates.

    lines : by gain, decades of shape (51, 5); losses : by gain, the marks,
    the losses of shape (marks, 5) and the rate.
    """

    def view(axes, gain):
        blue, grey = figures.BLUE, figures.GREY
        l = np.arange(1, 50)
        axes[0].axhline(0, color=grey, linewidth=1)
        axes[0].plot(
            l, lines[gain][l] - lines[gain][49], color=blue, linewidth=1
        )
        x = "layer 1 ← layer $l$ ← layer 49"
        y = "gradient, powers of ten"
        title = "before learning"
        figures.frame(axes[0], x, y, (1, 49), (-14, 8), title)
        axes[0].set_xticks([1, 10, 20, 30, 40, 49])
        epochs, loss, rate = losses[gain]
        labels = ["each of 5 starts"] + 4 * [None]
        axes[1].plot(epochs, loss, color=blue, linewidth=1.5, label=labels)
        nothing = "a net that knows nothing"
        axes[1].axhline(
            np.log(10),
            color=grey,
            linestyle=(0, (3, 5)),  # the losses are seen in its gaps
            zorder=3,
            label=nothing,
        )
        axes[1].legend(loc="upper right", fontsize=9)
        title = f"at the best rate, {rate:g}"
        y = "loss, mean of an epoch"
        figures.frame(axes[1], "epoch", y, (1, 20), (0, 3.5), title)

    return view
