"""Pictures of A chain of slopes: powers of one factor, and a tanh chain."""

from math import comb

import numpy as np

from gradtrace import activation
from gradtrace.notebook import figures


def both_axes(axes, weights):
    """Powers of each weight over 49 steps, on a linear axis and in decades."""
    k = np.arange(50)
    for w, colour in zip(weights, figures.COLOURS, strict=False):
        axes[0].plot(k, w**k, color=colour, label=f"w = {w}")
        figures.norms(axes[1], figures.powers(w, 49), colour=colour)
    axes[0].legend()
    x = "steps back, k"
    y = "slope $w^k$"
    figures.frame(axes[0], x, y, (0, 49), (0, 110), "linear axis")
    y = "powers of ten of $w^k$"
    figures.frame(axes[1], x, y, (0, 49), (-2.5, 2.5), "logarithmic axis")


def power(ax, w):
    """The powers of your weight over 49 steps, beside those of 0.9 and 1.1."""
    low = figures.powers(0.9, 49)
    high = figures.powers(1.1, 49)
    grey = figures.GREY
    figures.norms(ax, low, colour=grey, style=":", label="w = 0.9")
    figures.norms(ax, high, colour=grey, style="--", label="w = 1.1")
    figures.norms(ax, figures.powers(w, 49), label="your w")
    x = "steps back, k"
    y = "powers of ten of $w^k$"
    title = f"$w^{{49}}$ = {w**49:.3g}"
    figures.frame(ax, x, y, (0, 49), (-15, 9), title)
    ax.legend(loc="lower left")


def factor(axes, unit, a, w):
    """Left, the activation with its tangent at ``a``; right, the powers of the
    factor of one step, φ'(a) w, over 20 steps."""
    slope = figures.tangent(axes[0], activation(unit), a)
    y = "$\\varphi(a)$ and tangent"
    title = f"$\\varphi'(a)$ = {slope:.3f}"
    figures.frame(axes[0], "pre-activation a", y, (-4, 4), (-1.5, 4), title)
    one_step = slope * w
    powers = figures.powers(one_step, 20)
    figures.norms(axes[1], powers, colour=figures.ORANGE)
    y = "powers of ten of $(\\varphi'(a)\\,w)^T$"
    title = f"$\\varphi'(a)\\,w$ = {one_step:.3f}"
    figures.frame(axes[1], "steps back, T", y, (0, 20), (-20, 15), title)


def tanh_chain(chain):
    """Left, the 50 states of a tanh chain; right, the slope of the last one.

    chain : returns, for a weight, a number of steps, an activation and a first
    state, all states and the natural logarithms of the slopes.
    """

    def view(axes, w, h1):
        h, log_slope = chain(w, 49, "tanh", h1)
        t = np.arange(1, 51)
        axes[0].plot(t, h, color=figures.BLUE)
        x = "step t"
        y = "state $h_t$"
        figures.frame(axes[0], x, y, (1, 50), (0, 1.05), "forward")
        figures.norms(axes[1], log_slope, start=1, colour=figures.ORANGE)
        y = "powers of ten of $dh_{50}/dh_t$"
        figures.frame(axes[1], x, y, (1, 50), (-80, 4), "backward")

    return view


def residual(axes, Z, T):
    """Left, the terms of (1 + Z)^T by the number of detours; right, the powers
    of Z and of 1 + Z."""
    choose = np.array([comb(T, k) for k in range(T + 1)])
    terms = np.zeros(9)  # as many bars for every T
    terms[: T + 1] = choose * Z ** np.arange(T + 1)
    colours = [figures.ORANGE] + 8 * [figures.GREY]
    axes[0].bar(np.arange(9), terms, color=colours)
    x = "detours taken, k"
    y = "term $\\binom{T}{k} Z^k$"
    title = f"$(1+Z)^T$ = {(1 + Z) ** T:.3f}"
    figures.frame(axes[0], x, y, (-0.7, 8.7), (-80, 80), title)
    axes[0].set_yscale("symlog", linthresh=1)

    plain = figures.powers(Z, T)
    with_input = figures.powers(1 + Z, T)
    label = "plain, $|Z|^t$"
    figures.norms(axes[1], plain, colour=figures.GREY, label=label)
    label = "residual, $|1+Z|^t$"
    figures.norms(axes[1], with_input, colour=figures.ORANGE, label=label)
    figures.frame(axes[1], "steps t", "powers of ten", (0, 8), (-8, 6))
    axes[1].legend(loc="upper left")
