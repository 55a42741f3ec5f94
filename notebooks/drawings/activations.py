"""Pictures of Activations: slopes, squashing, silent and dead units."""

import numpy as np

from gradtrace.notebook import figures
from gradtrace.steps.activations import NAMED


def curve(axes, unit, a):
    """Left, the activation with its tangent at ``a``; right, its slope."""
    phi = NAMED[unit]
    x = "pre-activation a"
    slope = figures.tangent(axes[0], phi, a)
    y = "$\\varphi(a)$ and tangent"
    figures.frame(axes[0], x, y, (-6, 6), (-2, 4), "value")
    grid = np.linspace(-6, 6, 121)
    axes[1].plot(grid, phi.slope(grid), color=figures.ORANGE)
    axes[1].plot([a], [slope], "o", color=figures.BLUE)
    y = "slope $\\varphi'(a)$"
    title = f"slope {slope:.4f}"
    figures.frame(axes[1], x, y, (-6, 6), (-0.1, 1.9), title)


def squash(starts, weights, paths, slopes, gaps):
    """Left, the paths of all starts for one weight, yours in blue; right, in
    decades, the product of slopes (line) and the gap of neighbours (dots).

    paths : by unit, states of shape (9, starts, weights); slopes : natural
    logarithms, gaps : numbers, by unit, of shape (8, starts, weights).
    """

    def view(axes, unit, w, x):
        i = list(starts).index(x)
        j = list(weights).index(w)
        states = paths[unit][:, :, j]
        axes[0].plot(states, color=figures.GREY, linewidth=0.8)
        axes[0].plot(states[:, i], color=figures.BLUE, linewidth=2)
        y = "state $h_t$"
        figures.frame(axes[0], "step t", y, (0, 8), (-3, 3), "yours in blue")
        log_slope = slopes[unit][:, i, j]
        with np.errstate(divide="ignore"):  # a gap of 0 is not drawn
            log_gap = np.log(gaps[unit][:, i, j])
        figures.norms(axes[1], log_slope, start=1, colour=figures.ORANGE)
        figures.norms(axes[1], log_gap, start=1, style="o")
        y = "powers of ten"
        title = "line: slope, dots: gap"
        figures.frame(axes[1], "step t", y, (0.5, 8.5), (-10, 3), title)

    return view


def bell(a, mean, s):
    """The normal density at ``a``, with the standard deviation ``s``."""
    return np.exp(-(((a - mean) / s) ** 2) / 2) / s / 2.507  # √2π


def bias(biases, deviations, theory, silent, dead):
    """Left, the density of pre-activations over all images at one bias; right,
    the shares of silent pairs and of dead units at every bias.

    deviations : of the pre-activation, one an image; theory, silent, dead :
    shares, one a bias.
    """

    def view(axes, b):
        a = np.linspace(-5, 4, 181)
        bells = [bell(a, b, s) for s in deviations[::10]]
        density = np.mean(bells, axis=0)
        off = slice(101)  # a up to 0
        grey = figures.GREY
        axes[0].fill_between(a[off], density[off], color=grey, alpha=0.5)
        axes[0].plot(a, density, color=figures.BLUE)
        x = "pre-activation a"
        title = "grey: silent"
        figures.frame(axes[0], x, "density", (-5, 4), (0, 0.9), title)
        axes[1].plot(biases, 100 * theory, "-", color=figures.BLUE)
        axes[1].plot(biases, 100 * silent, ".", color=figures.BLUE)
        axes[1].plot(biases, 100 * dead, figures.RED)
        axes[1].plot([b, b], [0, 100], figures.ORANGE)
        share = dead[list(biases).index(b)]
        title = f"{share:.0%} dead (red)"
        figures.frame(axes[1], "bias b", "share, %", (-3, 1), (0, 102), title)

    return view


def dying(rates, on):
    """Left, the share of images that switch each of 256 units on; right, the
    share of dead units at every learning rate.

    on : by stage of the training, shares of images of shape (8 starts, rates,
    32 units).
    """
    colours = [figures.RED, figures.SKY, figures.GREEN]
    widths = [4, 1, 2]

    def view(axes, lr, then):
        j = list(rates).index(lr)
        share = np.sort(on[then][:, j].ravel())
        axes[0].fill_between(range(256), 100 * share, color=figures.BLUE)
        x = "256 units, sorted"
        y = "on, % of images"
        title = f"{then}: {np.mean(share == 0):.0%} dead"
        figures.frame(axes[0], x, y, (0, 255), (0, 102), title)
        for name, colour, width in zip(on, colours, widths, strict=True):
            dead = on[name] == 0
            percent = 100 * dead.mean(axis=(0, 2))
            how = {"color": colour, "linewidth": width, "label": name}
            axes[1].semilogx(rates, percent, base=2, **how)
        axes[1].plot([lr, lr], [0, 100], color=figures.ORANGE)
        x = "learning rate $\\eta$, powers of 2"
        figures.frame(axes[1], x, "dead units, %", (0.25, 8), (0, 102))
        axes[1].legend(loc="lower right")

    return view


def walks(paths, goal):
    """The ways of two weights in their plane, a panel each, and the goal.

    paths : by title, weights of shape (steps + 1, 2).
    """

    def view(axes):
        for ax, (title, path) in zip(axes, paths.items(), strict=True):
            first = path[:, 0]
            second = path[:, 1]
            thin = {"linewidth": 1, "markersize": 4}
            ax.plot(first, second, ".-", color=figures.BLUE, **thin)
            ax.plot(*goal, "*", color=figures.ORANGE, markersize=14)
            ax.set(xlabel="first weight", ylabel="second weight", title=title)
            ax.set(xlim=(-0.5, 1.5), ylim=(-1.5, 0.5), box_aspect=1)
            ax.grid(alpha=0.25)

    return view


def envelope(ax, W, b):
    """The straight pieces ``h W_k + b_k`` of a maxout unit with one input, and
    their maximum. W : (1, pieces); b : (pieces,)."""
    h = np.linspace(-3, 3, 121)
    pieces = h.reshape(-1, 1) @ W + b  # a column for each piece
    lines = ax.plot(h, pieces, "--", color=figures.GREY, linewidth=1)
    lines[0].set_label("pieces")
    largest = pieces.max(axis=1)
    ax.plot(h, largest, color=figures.BLUE, linewidth=2, label="the largest")
    ax.set(xlabel="state h", ylabel="output", xlim=(-3, 3), ylim=(-3, 5))
    ax.grid(alpha=0.25)
    ax.legend(loc="upper center")
