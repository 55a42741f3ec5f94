"""The pictures of the notebook on gates.

What happens to a state within one step, a memory cell under gates that are
held, and gradients and singular values on the way back through six cells.
Logarithms come in natural and are drawn as powers of ten; a logarithm of
zero, ``-inf``, leaves a gap.
"""

import numpy as np

from gradtrace import sigmoid
from gradtrace.notebook import figures

CORNERS = {
    (1.0, 0.0): "remember",
    (1.0, 1.0): "add",
    (0.0, 0.0): "erase",
    (0.0, 1.0): "overwrite",
}


def carried(axes):
    """The way of a state through one step: a plain RNN, an LSTM, a GRU."""
    plain = [("×", "$W$"), ("+", "$x\\,U + b$"), ("φ", "")]
    lstm = [("×", "$f$"), ("+", "$i \\odot \\tilde c$")]
    gru = [("×", "$z$"), ("+", "$(1 - z) \\odot \\tilde h$")]
    carry(axes[0], "plain RNN", "$h$", "$h'$", plain)
    carry(axes[1], "LSTM", "$c$", "$c'$", lstm, "$h' = o \\odot \\tanh\\,c'$")
    carry(axes[2], "GRU", "$h$", "$h'$", gru)


def carry(ax, name, first, last, stations, out=None):
    """A line from the state ``first`` to ``last``, and on it what happens.

    A station is what is done to the state, such as ``"×"``, and with what,
    which comes from below; ``out`` is read off at the end of the line.
    """
    ax.set(xlim=(0, 12), ylim=(0, 3), xticks=[], yticks=[], frame_on=False)
    bar = {"linewidth": 5, "solid_capstyle": "butt", "zorder": 1}
    ax.plot([1.0, 11.0], [2, 2], color=figures.BLUE, **bar)
    ax.plot([11.0], [2], ">", color=figures.BLUE, markersize=11)
    ax.text(0.3, 2.8, name, va="center", weight="bold")
    middle = {"ha": "center", "va": "center"}
    ax.text(0.55, 2, first, **middle)
    ax.text(11.6, 2, last, **middle)
    circle = {
        "boxstyle": "circle,pad=0.25",
        "facecolor": "white",
        "edgecolor": figures.BLUE,
    }
    places = [2.2, 4.8, 7.4]
    for place, (symbol, source) in zip(places, stations, strict=False):
        ax.text(place, 2, symbol, zorder=3, bbox=circle, **middle)
        if source:
            figures.arrow(ax, (place, 0.7), (place, 1.45))
            ax.text(place, 0.4, source, **middle)
    if out:
        figures.arrow(ax, (9.2, 1.9), (9.2, 0.75))
        ax.text(9.2, 0.4, out, **middle)


def corners(runs, candidates):
    """Left, a cell and its candidates over time; right, its gradient by delay.

    runs : for each pair of gates f and i, the cell (T + 1,) and the logarithm
    of its gradient by delay (T + 1,); candidates : (T,).
    """

    def view(axes, f, i):
        c, back = runs[f, i]
        steps = np.arange(len(c))
        ends = (-0.5, steps[-1] + 0.5)
        title = CORNERS.get((f, i), "in between")
        cross = {"color": figures.RED, "label": "candidate"}
        axes[0].plot(steps[1:], candidates, "x", **cross)
        axes[0].plot(steps, c, ".-", color=figures.BLUE, label="cell state c")
        axes[0].legend(loc="upper left", ncols=2)
        figures.frame(axes[0], "step t", "value", ends, (-1.2, 3.9), title)
        figures.norms(axes[1], back, style=".-", colour=figures.ORANGE)
        x = "steps back, k"
        title = "$|\\partial c_T/\\partial c_{T-k}|$"
        figures.frame(axes[1], x, "powers of ten", ends, (-8, 1), title)

    return view


def switch(spectra, log_norms):
    """Left, gradient norm and singular values by delay; right, at one delay.

    For each cell, spectra : (T, N), for 1 to T factors; log_norms :
    (T + 1, starts), of which the first is drawn.
    """

    def view(axes, cell, delay):
        at_delay = {name: log_s[delay - 1] for name, log_s in spectra.items()}
        zero = np.mean(np.isinf(at_delay[cell]))
        title = f"k = {delay}, {zero:.0%} exactly zero"
        fan(axes[0], spectra[cell], log_norms[cell][:, 0], cell)
        axes[0].axvline(
            delay, color=figures.ORANGE, linestyle=":", linewidth=2
        )
        axes[0].legend(loc="upper right")
        ranked(axes[1], at_delay, cell, title)

    return view


def opening(log_norms, spectra):
    """Left, gradient norms by delay, of all starts; right, one start's fan.

    For each memory and bias, log_norms : (T + 1, starts); spectra : (T, N).
    """

    def view(axes, memory, bias):
        keep = sigmoid(np.array(bias))
        log = log_norms[memory, bias]
        title = f"$\\sigma(b)$ = {keep:.3f}"
        spread(axes[0], log, figures.powers(keep, len(log) - 1), title)
        one = f"one start, {memory}"
        fan(axes[1], spectra[memory, bias], log[:, 0], one)

    return view


def taps(log_norms, times, numbers):
    """Left, the gradient by delay, of a NARX and of an RNN; right, how many
    times slower that of the NARX fades, by its taps.

    For each of the ``numbers`` of taps and each gain, log_norms : (T + 1,);
    times : a number.
    """

    def view(axes, taps, gain):
        rnn = {"style": "--", "colour": figures.GREY, "label": "one tap: RNN"}
        figures.norms(axes[0], log_norms[1, gain], **rnn)
        figures.norms(axes[0], log_norms[taps, gain], label="NARX")
        axes[0].legend(loc="lower left")
        y = "gradient norm, powers of ten"
        figures.frame(axes[0], "steps back, k", y, (0, 60), (-25, 1))

        slower = times[taps, gain]
        at_gain = [times[number, gain] for number in numbers]
        axes[1].plot(numbers, numbers, ":", color=figures.GREY)
        axes[1].plot(numbers, numbers / 2, ":", color=figures.GREY)
        axes[1].plot(numbers, at_gain, ".-", color=figures.BLUE)
        axes[1].plot([taps], [slower], "o", color=figures.ORANGE)
        axes[1].set_xticks(numbers[::3])
        limits = (0, 10.5)
        title = f"{slower:.1f} times slower"
        figures.frame(axes[1], "taps", "times slower", limits, limits, title)

    return view


def fan(ax, log_s, log_norm, title):
    """All singular values of a product by its number of factors, as one line
    with gaps, and a gradient norm over them.

    log_s : (T, N), for 1 to T factors; log_norm : (T + 1,).
    """
    steps, many = log_s.shape
    curves = np.full((many, steps + 2), np.nan)  # a gap after each
    curves[:, 0] = 0  # before the first factor, all are 1
    curves[:, 1:-1] = figures.decades(log_s).T
    delays = np.full((many, steps + 2), np.nan)
    delays[:, :-1] = np.arange(steps + 1)
    thin = {"color": figures.GREY, "linewidth": 0.8}
    thick = {"color": figures.BLUE, "linewidth": 2}
    ax.plot(delays.ravel(), curves.ravel(), label="singular values", **thin)
    ax.plot(figures.decades(log_norm), label="gradient norm", **thick)
    x = "steps back, k"
    figures.frame(ax, x, "powers of ten", (0, steps), (-25, 12), title)


def ranked(ax, spectra, chosen, title):
    """Singular values of several products, in order, over the share of
    directions: the chosen one in blue, the others in grey, as one line.

    spectra : for each name (N,), in descending order; N may differ.
    """
    shares = []
    values = []
    for log_s in spectra.values():
        shares += [*share(log_s), np.nan]  # a gap after each
        values += [*figures.decades(log_s), np.nan]
    mine = spectra[chosen]
    ax.plot(shares, values, color=figures.GREY, linewidth=0.8)
    ax.plot(share(mine), figures.decades(mine), ".-", color=figures.BLUE)
    x = "share of directions, %"
    y = "singular values, powers of ten"
    figures.frame(ax, x, y, (0, 100), (-25, 12), title)


def share(log_s):
    """Where the singular values stand, from 0 to 100 %."""
    return np.linspace(0, 100, len(log_s))


def spread(ax, log, log_keep, title):
    """The median of many curves by delay, in a band from the lowest to the
    highest, and dotted what the gates keep if they stay at their bias.

    log : (T + 1, many); log_keep : (T + 1,).
    """
    log = figures.decades(log)
    delays = np.arange(len(log))
    band = {"color": figures.SKY, "alpha": 0.4, "label": "all starts"}
    ax.fill_between(delays, log.min(axis=1), log.max(axis=1), **band)
    median = {"color": figures.BLUE, "linewidth": 2, "label": "their median"}
    ax.plot(np.median(log, axis=1), **median)
    keep = {"color": figures.ORANGE, "linewidth": 2, "label": "$\\sigma(b)^k$"}
    ax.plot(figures.decades(log_keep), ":", **keep)
    ax.legend(loc="upper right")
    x = "steps back, k"
    figures.frame(ax, x, "powers of ten", (0, delays[-1]), (-25, 12), title)
