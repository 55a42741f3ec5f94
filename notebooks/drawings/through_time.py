"""Pictures of one weight at every step: the net unrolled, shares, and lags.

Logarithms come in natural and are drawn as powers of ten.
"""

import numpy as np
from numpy.linalg import norm

from gradtrace import log_norm
from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREY, ORANGE, RED


def unrolled(x, h, y, h_bar, to_past, to_state):
    """The net over its steps, forward in blue; in red the way back.

    All arrays start at t = 0, which is not drawn. ``to_past[t]`` is what
    step t hands to the state before it, ``to_state[t]`` what the output
    hands to its own state; ``h_bar`` is the sum of what arrives.
    """

    def view(ax):
        for t in range(1, len(x)):
            numbers(ax, t)
            arrows(ax, t)
        ax.set(xlim=(0.2, 5.5), ylim=(-0.1, 2.1), xticks=[], yticks=[])
        ax.set_frame_on(False)

    def numbers(ax, t):
        middle = {"ha": "center", "va": "center"}
        for height, name, value in ((0, "x", x), (1, "h", h), (2, "y", y)):
            text = f"${name}_{t}$ = {value[t]:.2f}"
            ax.text(t, height, text, color=BLUE, **middle)
        ax.text(t - 0.07, 0.4, "u", color=BLUE, **middle)
        ax.text(t - 0.5, 1.08, "w", color=BLUE, **middle)
        ax.text(t - 0.17, 1.5, "v", color=BLUE, **middle)
        bar = f"$\\bar h_{t}$ = {h_bar[t]:.2f}"
        ax.text(t, 0.85, bar, color=RED, **middle)
        ax.text(t - 0.5, 0.73, f"{to_past[t]:.2f}", color=RED, **middle)
        ax.text(t + 0.31, 1.5, f"{to_state[t]:.2f}", color=RED, **middle)

    def arrows(ax, t):
        figures.arrow(ax, (t - 0.7, 1), (t - 0.3, 1), colour=BLUE)
        figures.arrow(ax, (t, 0.1), (t, 0.75), colour=BLUE)
        figures.arrow(ax, (t - 0.1, 1.1), (t - 0.1, 1.9), colour=BLUE)
        figures.arrow(ax, (t - 0.3, 0.85), (t - 0.7, 0.85), colour=RED)
        figures.arrow(ax, (t + 0.1, 1.9), (t + 0.1, 1.1), colour=RED)

    return view


def shares(log_shares):
    """The size of each step's share by its delay, and the powers of w, dotted.

    ``log_shares(w, phi, inputs)`` returns natural logarithms, the newest
    of 40 steps first.
    """

    def view(ax, w, phi, inputs):
        log = log_shares(w, phi, inputs)
        ceiling = figures.powers(w, 39)
        figures.norms(ax, ceiling, style=":", colour=GREY)
        figures.norms(ax, log, style="o", colour=ORANGE)
        newest = np.exp(log[:10]).sum() / np.exp(log).sum()
        title = f"newest 10 of 40: {newest:.0%} of all"
        size = "|share of step t|, powers of ten"
        figures.frame(ax, "delay T − t", size, (-1, 40), (-25, 9), title)

    return view


def steps_back(runs, gains):
    """Norms of gradients and shares by steps back, below the gain's powers.

    ``runs[phi, inputs]`` is a trace of 40 steps with the ``gains`` along its
    sweep axis.
    """

    def view(ax, gain, phi, inputs):
        run = runs[phi, inputs]
        i = gains.tolist().index(gain)
        gradient = run.log_h[::-1, i]
        ceiling = gradient[0] + figures.powers(gain, 40)
        share = run.log_p["W"][::-1, i]
        gradient_name = "$\\|\\partial L/\\partial h_{T-k}\\|$"
        share_name = "‖share of step $T-k$‖"
        figures.norms(ax, ceiling, style=":", colour=GREY, label="ceiling")
        figures.norms(ax, gradient, label=gradient_name)
        figures.norms(ax, share, colour=ORANGE, label=share_name)
        pace = (gradient[-1] - gradient[0]) / 40 / np.log(10)
        size = "powers of ten"
        figures.frame(ax, "steps back, k", size, (0, 40), (-21, 9))
        ax.set_title(f"gradient: {pace:+.3f} decades a step")
        ax.legend(loc="lower left")

    return view


def lags(by_lag):
    """Left, shares by delay for two losses; right, parts of the sum by lag.

    ``by_lag(gain, phi)`` returns the shares of W for a loss at every step
    and for one at the end, the oldest first, and the parts, lag 0 first: three
    arrays of 40 matrices.
    """

    def view(axes, gain, phi):
        left, right = axes
        every, last, parts = by_lag(gain, phi)
        total = norm(parts.sum(axis=0))
        far = norm(parts[11:].sum(axis=0))
        by_delay(left, every, last)
        left.set_title(f"norm of sum: {total:.3g}")
        figures.norms(right, log_norm(parts, 2), colour=ORANGE)
        decades(right, "lag k", "part, powers of ten")
        right.set_title(f"lags > 10: {far / total:.2%} of it")

    def by_delay(ax, every, last):
        newest_first = log_norm(every, 2)[::-1]
        label = "loss at every step"
        figures.norms(ax, newest_first, colour=ORANGE, label=label)
        newest_first = log_norm(last, 2)[::-1]
        figures.norms(ax, newest_first, label="loss at the end")
        decades(ax, "delay T − t", "share, powers of ten")
        ax.legend(loc="lower left")

    def decades(ax, steps, size):
        figures.frame(ax, steps, size, (0, 39), (-24, 9))

    return view
