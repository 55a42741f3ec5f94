"""Traces of a PyTorch model: by layer, time step and block, and in training.

A trace holds natural logarithms of gradient norms; pictures show decades.
"""

import numpy as np

from gradtrace.notebook.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    decades,
    frame,
    norms,
)

EPSILON = -8 + np.log10(64)  # ε √entries, of a matrix of 64 × 64
FLOAT32 = np.log10(np.finfo(np.float32).tiny)


def layers(traces, rate):
    """By layer, the gradient at the states, and below of the weights.

    Grey is a line by the formula, which starts at the last but one state.
    traces : for each kind of block, activation, start and depth; rate : ``ln``
    of the formula's factor, of an activation and a start.
    """

    def view(axes, blocks, activation, weights, depth):
        state = blocks, activation, weights, depth
        log = traces[state]
        steps_back = np.arange(len(log.names) - 1, -1, -1)
        formula = log.log_h[-2] + rate(activation, weights) * steps_back
        by_layer = weight_norms(log)
        ax = axes[0]
        ax.plot(decades(formula), color=GREY, linewidth=4, alpha=0.5)
        norms(ax, log.log_h, colour=BLUE, style=".")
        line(ax, FLOAT32, RED, "float32 ends")
        name = "‖∂L/∂h‖, powers of ten"
        frame(
            ax,
            "layer  (0: input)",
            name,
            (0, 61),
            (-54, 30),
            change(log.log_h),
        )
        legend(ax, (BLUE, "• measured"), (GREY, "— plain net, by formula"))

        ax = axes[1]
        norms(ax, by_layer, colour=ORANGE, style=".-", start=1)
        limits(ax)
        name = "‖∂L/∂W‖, powers of ten"
        title = f"first layer: {np.exp(by_layer[0]):.0e}"
        frame(ax, "layer  (0: input)", name, (0, 61), (-54, 30), title)

    return view


def steps(traces, reach):
    """By time step, the gradient at the states, and shares of a weight's.

    traces : for each net and each place of the loss; reach : how many of the
    last steps make up 99 % of the shares.
    """

    def view(axes, net, loss_on):
        log = traces[net, loss_on]
        shares = log.log_p["weight_hh_l0"]
        T = len(shares)
        last = reach(shares)
        ax = axes[0]
        norms(ax, log.log_h, colour=BLUE)
        line(ax, FLOAT32, RED, "float32 ends")
        name = "‖∂L/∂h‖, powers of ten"
        title = change(log.log_h)
        frame(ax, "time step t", name, (0, 201), (-46, 8), title)

        ax = axes[1]
        norms(ax, shares, colour=ORANGE, start=1)
        ax.axvspan(T - last, T, color=GREY, alpha=0.3)
        line(ax, FLOAT32, RED, "float32 ends")
        name = "share of ∂L/∂W, powers of ten"
        title = f"99 % of it from the last {last} of {T} steps"
        frame(ax, "time step t", name, (0, 201), (-46, 8), title)

    return view


def blocks(traces, weight):
    """By block, gradients at the states and of a weight; below, by depth.

    Below is the weight's gradient in the last block, a dot for each seed.
    traces : for each order, post or pre, and depth a list, one for each seed,
    of which the first is shown above; weight : its name.
    """
    depths = sorted({depth for _, depth in traces})
    orders = list(dict.fromkeys(order for order, _ in traces))
    last = {}
    for key, logs in traces.items():
        last[key] = np.exp([log.log_p[weight][-1] for log in logs])
    medians = {}
    for order in orders:
        medians[order] = np.array([np.median(last[order, k]) for k in depths])

    def view(axes, norm, depth):
        shown = traces[norm, depth][0]
        ax = axes[0]
        norms(ax, shown.log_h, colour=BLUE)
        norms(ax, shown.log_p[weight], colour=ORANGE, style=".-", start=1)
        name = "block  (0: input)"
        title = change(shown.log_h)
        frame(ax, name, "powers of ten", (0, 25), (-2, 2), title)
        legend(
            ax,
            (BLUE, "— at the state, ‖∂L/∂h‖"),
            (ORANGE, "•– of the weights, ‖∂L/∂W₂‖"),
        )

        ax = axes[1]
        for curve in medians.values():
            ax.loglog(depths, curve, color=GREY, linewidth=1)
        middle = medians[norm]
        ax.loglog(depths, middle[0] / np.sqrt(depths), ":", color=GREEN)
        for dots in np.transpose([last[norm, k] for k in depths]):
            ax.loglog(depths, dots, ".", color=ORANGE)
        ax.loglog(depths, middle, color=ORANGE)
        here = middle[depths.index(depth)]
        ax.loglog([depth], here, "o", color=ORANGE)
        name = "‖∂L/∂W₂‖ of the last block"
        frame(ax, "number of blocks", name, (0.9, 27), (0.1, 10))
        ax.set_xticks(depths, depths)
        ax.minorticks_off()
        legend(
            ax,
            (ORANGE, f"— {norm}-LN, median of seeds"),
            (GREY, f"— {' and '.join(set(orders) - {norm})}-LN"),
            (GREEN, "··· as 1/√blocks"),
        )

    return view


def training(runs):
    """The loss by update; by layer, gradients, and how far an update moves.

    runs : for each kind of block and rule the losses, and at some updates a
    trace and the ratios ‖ΔW‖ / ‖W‖ by layer.
    """

    def view(axes, blocks, rule, update):
        losses, seen = runs[blocks, rule]
        log, ratio = seen[update]
        ax = axes[0]
        ax.plot(losses, color=BLUE, linewidth=1)
        line(ax, np.log(10), GREEN, "guessing, ln 10")
        ax.plot([update], [losses[update]], "o", color=BLUE)
        title = f"update {update}: loss {losses[update]:.2f}"
        frame(ax, "update", "loss", (0, len(losses)), (0, 7), title)

        ax = axes[1]
        xlim = (0, len(ratio) + 1)
        norms(ax, weight_norms(log), colour=ORANGE, style=".-", start=1)
        line(ax, EPSILON, GREEN, "Adam's ε √entries")
        frame(ax, "layer", "‖∂L/∂W‖, 10ˣ", xlim, (-13, 3))

        ax = axes[2]
        norms(ax, np.log(ratio), colour=BLUE, style=".-", start=1)
        line(ax, -9, GREY, "a billionth")
        line(ax, -3, GREEN, "rule of thumb", ha="left")
        frame(ax, "layer", "‖ΔW‖ / ‖W‖, 10ˣ", xlim, (-13, 1))

    return view


def change(log_h):
    """What the way back does to a gradient, in a few words."""
    seen = log_h[~np.isnan(log_h)]  # whole numbers have no gradient
    power = (seen[0] - seen[-1]) / np.log(10)
    return f"from output to input: × 10^{power:.1f}"


def weight_norms(log):
    """``ln ‖∂L/∂W‖`` of all that is called ``weight`` in a step, by step.

    ``nan`` where a step has none.
    """
    logs = []
    for name, log_p in log.log_p.items():
        if name.split(".")[-1].startswith("weight"):
            logs.append(log_p)
    missing = np.isnan(logs)
    squares = np.where(missing, -np.inf, 2 * np.array(logs))
    size = np.logaddexp.reduce(squares) / 2
    return np.where(missing.all(axis=0), np.nan, size)


def legend(ax, *names):
    """Coloured words in the upper left corner; a legend would be slow."""
    for k, (colour, words) in enumerate(names):
        y = 0.97 - 0.1 * k
        ax.text(0.02, y, words, color=colour, va="top", transform=ax.transAxes)


def limits(ax):
    """Where Adam slows down in a matrix, and where float32 ends."""
    line(ax, EPSILON, GREEN, "Adam's ε √entries")
    line(ax, FLOAT32, RED, "float32 ends")


def line(ax, y, colour, words, va="bottom", ha="right"):
    """A level line with its name at the end."""
    x = 0.99 if ha == "right" else 0.01
    place = ax.get_yaxis_transform()
    ax.axhline(y, color=colour, linestyle=":")
    ax.text(x, y, words, color=colour, ha=ha, va=va, transform=place)
