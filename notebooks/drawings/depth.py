"""Pictures of Depth: gradient norms by layer, under a bound and by gain."""

import numpy as np

from gradtrace.notebook import figures

NORM = "powers of ten, $\\|\\partial L/\\partial h_t\\|$"


def one_net(log, bound):
    """The gradient norm of one net by layer and the bound above it, both in
    decades."""

    def view(ax):
        red = figures.RED
        ax.plot(bound, "--", color=red, label="bound, $0.25^{50-t}$")
        ax.plot(log, color=figures.BLUE, label="measured")
        x = "layer t   (0 is the input, 50 the output)"
        figures.frame(ax, x, NORM, (0, 50), (-50, 3))
        ax.legend(loc="lower right")

    return view


def under_the_bound(fall, bound):
    """Gradient norms of twelve nets by layer, in decades; what lies above the
    bound is grey.

    fall : by weights, width and depth, of shape (depth + 1, 12); bound :
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
        labels = ["12 nets"] + 11 * [None]  # one line in the legend
        ax.plot(logs, color=figures.BLUE, linewidth=1, label=labels)
        figures.frame(ax, "layer t", NORM, (0, 50), (-50, 3))
        ax.legend(loc="lower right")

    return view


def by_gain(activations, gains, sweep, rates):
    """Above, gradient norms by layer at one gain, for each activation; below,
    the rate at every gain, in decades a layer.

    sweep : by activation and depth, decades of shape (depth + 1, gains);
    rates : likewise, of shape (gains,).
    """

    def view(axes, gain, depth):
        here = gain == gains
        for phi, colour in zip(activations, figures.COLOURS, strict=False):
            rate = rates[phi, depth]
            shown = round(rate[here].item(), 2) + 0.0  # -0.0 becomes 0.0
            label = f"{phi} {shown:+.2f}"
            axes[0].plot(sweep[phi, depth][:, here], color=colour, label=label)
            axes[1].semilogx(gains, rate, base=2, color=colour)
        axes[0].legend(loc="upper right", fontsize=8)
        axes[1].axvline(gain, color=figures.GREY, linestyle=":")
        axes[1].axhline(0, color=figures.GREY, linewidth=1)
        title = "legend: decades a layer"
        figures.frame(axes[0], "layer t", NORM, (0, 50), (-50, 75), title)
        x = "gain $\\gamma$"
        y = "rate, decades a layer"
        figures.frame(axes[1], x, y, (0.5, 16), (-1, 1.3), "level: rate 0")
        ticks = [0.5, 1, 2, 4, 8, 16]
        axes[1].set_xticks(ticks, ["½", "1", "2", "4", "8", "16"])

    return view


def fans(logs, deviations):
    """Gradient norms of forty nets by layer, in decades, one panel a width, in
    the band of the theory: the mean and two deviations to each side.

    logs : by width, of shape (40, 51); deviations : by width, of natural
    logarithms, one a layer.
    """

    def view(axes):
        for ax, n in zip(axes, logs, strict=True):
            sd = deviations[n]
            mean = -(sd**2)  # sd² = T / 2n
            low = (mean - 2 * sd) / np.log(10)
            high = (mean + 2 * sd) / np.log(10)
            orange = figures.ORANGE
            ax.fill_between(range(51), low, high, color=orange, alpha=0.5)
            ax.plot(logs[n].T, color=figures.BLUE, linewidth=0.5)
            title = f"width {n}"
            figures.frame(ax, "layer t", "", (0, 50), (-6, 3), title)
            ax.set_xticks([0, 20, 40])
            ax.tick_params(labelleft=False)
        axes[0].set_ylabel(NORM)  # the panels share their axis
        axes[0].tick_params(labelleft=True)

    return view
