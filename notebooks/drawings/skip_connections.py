"""What adding the input does: two blocks drawn, shares of paths, gradients by
depth and kind, training by depth, slopes that shatter, ImageNet's winners."""

from itertools import pairwise

import numpy as np

from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY


def blocks(axes):
    """A residual block and a highway layer, from the bottom up."""
    residual, highway = axes
    draw_block(residual, ["$W_1$", "$\\varphi$", "$W_2$"], "residual block")
    draw_block(highway, ["$W$", "$\\varphi$"], "highway layer")
    text = {"va": "center", "color": RED}
    highway.text(-0.15, 4.2, "$\\times\\,(1 - z)$", ha="right", **text)
    highway.text(1.5, 2.5, "$\\times\\,z$", ha="left", **text)


def draw_block(ax, names, title):
    """A column of named boxes with a way around them to a plus sign."""
    heights = np.linspace(1.4, 3.5, len(names))
    middle = {"ha": "center", "va": "center", "color": figures.INK}
    frame = {"boxstyle": "round,pad=0.35", "facecolor": "white"}
    frame["edgecolor"] = BLUE
    stops = [0.2, *heights, 4.8]
    for low, high in pairwise(stops):
        into_box = 0.28 if high != 4.8 else 0.2
        out_of_box = 0.28 if low != 0.2 else 0.1
        figures.arrow(ax, (0, low + out_of_box), (0, high - into_box))
    for name, height in zip(names, heights, strict=True):
        ax.text(0, height, name, bbox=frame, fontsize=12, **middle)
    around = [(0, 0.55), (1.3, 0.55), (1.3, 4.8)]
    ax.plot(*zip(*around, strict=True), color=ORANGE, linewidth=1.8)
    figures.arrow(ax, (1.3, 4.8), (0.2, 4.8), colour=ORANGE)
    ax.text(0, 4.8, "$+$", fontsize=16, **middle)
    figures.arrow(ax, (0, 5.0), (0, 5.7))
    ax.text(0, 0.05, "$h$", fontsize=13, **middle)
    ax.text(0, 5.95, "$h'$", fontsize=13, **middle)
    ax.set(xlim=(-1.6, 2.3), ylim=(-0.3, 6.3), title=title, aspect="equal")
    ax.axis("off")


def paths(ax, Z, T):
    """What the paths of each length k contribute to (Z + 1)^T, as shares:
    the binomial coefficients times Z^k, up to k = T of 50."""
    lengths = np.arange(51)
    choose = np.polynomial.polynomial.polypow([1, 1], T).round()
    share = np.zeros(51)
    share[: T + 1] = choose * Z ** np.arange(T + 1) / (1 + Z) ** T
    ax.fill_between(
        lengths, share, step="mid", color=BLUE, label="all paths of length k"
    )
    ax.axvline(
        lengths @ share,
        ymax=0.6,
        color=ORANGE,
        label="their mean, $TZ/(1+Z)$",
    )
    ax.axvline(
        T,
        ymax=0.6,
        color=GREY,
        linestyle="--",
        label="the plain net's only path",
    )
    if T < 5:
        many = " ".join(f"{count:.0f}" for count in choose)
        title = f"paths of each length: {many}"
    else:
        title = f"{2**T:.1e} paths"
    figures.frame(
        ax,
        "path length k: layers gone through",
        "share of $(Z+1)^T$",
        (-1, 51),
        (0, 1),
        title,
    )
    ax.legend(loc="upper right")


def by_kind(decades, gains):
    """The gradient's norm in a plain net and in the chosen kind: above by
    layer at one gain, below at the input by gain.

    decades : by (kind, activation), powers of ten, (layers, gains).
    """

    def view(axes, layer, phi, gain):
        by_layer, by_gain = axes
        now = np.argmax(gains == gain)
        for kind, colour, style in (
            ("plain", GREY, "--"),
            (layer, BLUE, "-"),
        ):
            norm = decades[kind, phi]
            by_layer.plot(norm[:, now], style, color=colour, label=kind)
            by_gain.plot(np.log2(gains), norm[0], style, color=colour)
        by_gain.axvline(np.log2(gain), color=ORANGE, linestyle=":")
        figures.frame(
            by_layer,
            "layer l   (0: input, 50: output)",
            "powers of ten, $\\|\\partial L/\\partial h_l\\|$",
            (0, 50),
            (-55, 30),
        )
        figures.frame(
            by_gain,
            "powers of two of the gain s",
            "the same at the input",
            (-3, 2),
            (-55, 30),
        )
        by_layer.legend(loc="lower right")

    return view


def trained(losses, depths, epochs):
    """Training loss after an epoch against depth: median and quartiles of the
    starts, of plain and residual nets.

    losses : by kind, (depths, epochs, starts), in nats; below 0.0001 they are
    drawn there.
    """
    looks = {
        "plain, Xavier": (GREY, "s--"),
        "plain, orthogonal": (ORANGE, "^-."),
        "residual": (BLUE, "o-"),
    }

    def view(ax, epoch):
        now = epochs.index(epoch)
        for kind, loss in losses.items():
            colour, style = looks[kind]
            many = np.maximum(loss[:, now], 1e-4)
            figures.band(
                ax,
                np.array(depths),
                many,
                colour=colour,
                style=style,
                label=kind,
            )
        ax.axhline(
            np.log(10), color=GREEN, linewidth=1, label="guessing, ln 10"
        )
        ax.set(xscale="log", yscale="log")
        figures.frame(
            ax,
            "layers",
            "training loss, mean of an epoch",
            (3.5, 115),
            (0.00008, 60),
        )
        ax.set_xticks(depths, depths)
        ax.set_xticks([], minor=True)
        ax.legend(loc="upper left", ncols=2)

    return view


def shattered(grid, slopes, lag_1):
    """The slope ∂f/∂x of the first net over its input, in standard
    deviations, and the correlation of neighbours, ``lag_1``, of all nets.

    grid : inputs; slopes : by (kind, normalised), (layers, nets, inputs).
    """

    def view(ax, layers, normalised, depth):
        nets = slopes[layers, normalised][depth - 1]
        slope = nets[0]
        ax.plot(grid, slope / slope.std(), color=BLUE, linewidth=1)
        figures.frame(
            ax,
            "input x",
            "slope $\\partial f/\\partial x$, in standard deviations",
            (-2, 2),
            (-5, 5),
            f"lag 1: {lag_1(nets):.2f}",
        )

    return view


def imagenet(ax):
    """Top-5 errors of the best systems, as Grosse and Ba list them, beside
    one trained person's and that of an ensemble (He et al. 2016)."""
    winners = {
        "28.2\nSVM": 28.2,
        "25.8\nFisher\n+ SVM": 25.8,
        "16.4\nAlexNet": 16.4,
        "11.7\na variant": 11.7,
        "6.6\nGoogLeNet": 6.6,
        "4.5\nResNet": 4.5,
    }
    bars = ax.bar(np.arange(2010, 2016), winners.values(), color=SKY)
    ax.bar_label(bars, winners)
    ax.plot(
        [2009.5, 2014.5], [5.1, 5.1], "--", color=RED, label="humans, 5.1 %"
    )
    ax.plot(
        2015, 3.57, "v", color=RED, label="several ResNets together, 3.57 %"
    )
    figures.frame(ax, "year", "top-5 error, %", (2009.4, 2015.6), (0, 33))
    ax.legend()
