"""What adding the input does: shares of paths, gradients by depth and kind,
training by depth, slopes that shatter, and the winners of ImageNet."""

import numpy as np

from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY


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
            "layer t   (0: input, 50: output)",
            "powers of ten, $\\|\\partial L/\\partial h_t\\|$",
            (0, 50),
            (-55, 30),
        )
        figures.frame(
            by_gain,
            "powers of two of the gain $\\gamma$",
            "the same at the input",
            (-3, 2),
            (-55, 30),
        )
        by_layer.legend(loc="lower right")

    return view


def trained(losses, depths):
    """Training loss after an epoch against depth, of plain and residual nets.

    losses : by kind, (depths, epochs, 2), the mean loss of an epoch in nats
    for the learning rates 0.01 and 0.003.
    """
    looks = {"plain": (GREY, "s--"), "residual": (BLUE, "o-")}

    def view(ax, epoch, rate):
        for kind, loss in losses.items():
            fast, slow = loss[:, epoch - 1].T
            if rate == "0.01":
                shown = fast
            elif rate == "0.003":
                shown = slow
            else:
                fast_end, slow_end = loss[:, -1].T
                shown = np.where(fast_end <= slow_end, fast, slow)
            colour, style = looks[kind]
            ax.loglog(depths, shown, style, color=colour, label=kind)
        ax.axhline(
            np.log(10), color=GREEN, linewidth=1, label="guessing, ln 10"
        )
        figures.frame(
            ax,
            "layers",
            "training loss, mean of an epoch",
            (3.5, 115),
            (0.01, 30),
        )
        ax.set_xticks(depths, depths)
        ax.legend(loc="upper left")

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
