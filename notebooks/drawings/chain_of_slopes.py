"""Pictures of A chain of slopes: powers of one factor, and a tanh chain."""

import numpy as np

from gradtrace import activation
from gradtrace.notebook import figures


def both_axes(axes, weights):
    """Powers of each weight over 49 steps, on a linear axis and in decades."""
    for w, colour in zip(weights, figures.COLOURS, strict=False):
        axes[0].plot(w ** np.arange(50), color=colour, label=f"w = {w}")
        figures.norms(axes[1], figures.powers(w, 49), colour=colour)
    x = "steps back, k"
    figures.frame(axes[0], x, "slope $w^k$", (0, 49), (0, 110), "linear axis")
    figures.frame(
        axes[1],
        x,
        "powers of ten of $w^k$",
        (0, 49),
        (-2.5, 2.5),
        "logarithmic axis",
    )
    axes[0].legend()


def power(ax, w):
    """The powers of your weight over 49 steps, beside those of 0.9 and 1.1."""
    low = figures.powers(0.9, 49)
    high = figures.powers(1.1, 49)
    grey = figures.GREY
    figures.norms(ax, low, colour=grey, style=":", label="w = 0.9")
    figures.norms(ax, high, colour=grey, style="--", label="w = 1.1")
    figures.norms(ax, figures.powers(w, 49), label="your w")
    figures.frame(
        ax,
        "steps back, k",
        "powers of ten of $w^k$",
        (0, 49),
        (-15, 9),
        f"$w^{{49}}$ = {w**49:.3g}",
    )
    ax.legend(loc="lower left")


def factor(axes, unit, a, w):
    """Left, the activation with its tangent at ``a``; right, the powers of the
    factor of one step, φ'(a) w, over 20 steps."""
    slope = figures.tangent(axes[0], activation(unit), a)
    figures.frame(
        axes[0],
        "pre-activation a",
        "$\\varphi(a)$ and tangent",
        (-4, 4),
        (-1.5, 4),
        f"$\\varphi'(a)$ = {slope:.3f}",
    )
    log = figures.powers(slope * w, 20)
    figures.norms(axes[1], log, colour=figures.ORANGE)
    figures.frame(
        axes[1],
        "steps back, T",
        "powers of ten of $(\\varphi'(a)\\,w)^T$",
        (0, 20),
        (-20, 15),
        f"$\\varphi'(a)\\,w$ = {slope * w:.3f}",
    )


def tanh_chain(chain):
    """Left, the 50 states of a tanh chain; right, the slope of the last one.

    chain : returns, for a weight, a number of steps, an activation and a first
    state, all states and the natural logarithms of the slopes.
    """

    def view(axes, w, h1):
        h, log_slope = chain(w, 49, "tanh", h1)
        axes[0].plot(np.arange(1, 51), h, color=figures.BLUE)
        figures.frame(
            axes[0], "step t", "state $h_t$", (1, 50), (0, 1.05), "forward"
        )
        figures.norms(axes[1], log_slope, start=1, colour=figures.ORANGE)
        figures.frame(
            axes[1],
            "step t",
            "powers of ten of $dh_{50}/dh_t$",
            (1, 50),
            (-80, 4),
            "backward",
        )

    return view


def residual(axes, Z, T):
    """Left, the terms of (1 + Z)^T by the number of detours; right, the powers
    of Z and of 1 + Z."""
    k = np.arange(T + 1)
    choose = np.polynomial.polynomial.polypow([1, 1], T)
    terms = np.zeros(9)
    terms[: T + 1] = choose * Z**k
    colours = [figures.ORANGE] + 8 * [figures.GREY]
    axes[0].bar(np.arange(9), terms, color=colours)
    figures.frame(
        axes[0],
        "detours taken, k",
        "term $\\binom{T}{k} Z^k$",
        (-0.7, 8.7),
        (-80, 80),
        f"$(1+Z)^T$ = {(1 + Z) ** T:.3f}",
    )
    axes[0].set_yscale("symlog", linthresh=1)
    plain = figures.powers(Z, T)
    figures.norms(axes[1], plain, colour=figures.GREY, label="plain, $|Z|^t$")
    figures.norms(
        axes[1],
        figures.powers(1 + Z, T),
        colour=figures.ORANGE,
        label="residual, $|1+Z|^t$",
    )
    figures.frame(axes[1], "steps t", "powers of ten", (0, 8), (-8, 6))
    axes[1].legend(loc="upper left")
