"""Pictures of products of matrices: singular values over time, and fates.

Logarithms come in natural and are drawn as powers of ten, unless it says so.
"""

import numpy as np
from numpy.linalg import matrix_power, norm

from gradtrace import spectral_radius
from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREEN, GREY, ORANGE, RED, SKY


def lean(leaning, log_values):
    """Left, the unit circle of gradients after t steps; right, the factors.

    ``leaning(angle, rho)`` returns the matrix W and its eigenvectors as rows,
    ``log_values[angle, rho]`` the logarithms of both singular values of its
    powers from W on.
    """

    def view(axes, angle, rho, t):
        left, right = axes
        W, E = leaning(angle, rho)
        before = np.zeros((1, 2))  # ln 1 after no step
        log = np.concatenate([before, log_values[angle, rho]])
        largest = np.exp(log[t, 0])
        stretch(left, matrix_power(W, t).T, E)
        left.set_title(f"{t} steps back")
        spectrum(right, log, rho, norm(W, 2), (-3, 3))
        right.set_title(f"largest factor {largest:.2f}")
        right.axvline(t, color=GREY, lw=1)
        right.legend(loc="upper right")

    return view


def stretch(ax, W, directions):
    """What becomes of the unit circle of rows ``g`` under ``g W``.

    The ``directions``, rows, are dashed lines through the centre.
    """
    turn = np.linspace(0, 2 * np.pi, 97)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    stretched = circle @ W
    for x, y in directions:
        ax.plot([-9 * x, 9 * x], [-9 * y, 9 * y], "--", color=GREEN, lw=1)
    ax.plot(circle[:, 0], circle[:, 1], ":", color=GREY)
    ax.plot(stretched[:, 0], stretched[:, 1], color=BLUE, lw=2)
    limits = (-5.5, 5.5)
    figures.frame(ax, "first entry", "second entry", limits, limits)


def spectrum(ax, log, rho, top, ylim):
    """The singular values of a product over time, the largest thick.

    ``log`` has the shape (T + 1, n), the largest first. Dashed are the powers
    of ``rho``, the spectral radius, dotted those of ``top``, the norm.
    """
    t = np.arange(len(log))
    decades = figures.decades(log)
    for k in range(log.shape[1] - 1, 0, -1):
        ax.plot(t, decades[:, k], color=SKY, lw=1)
    ax.plot(t, decades[:, 0], color=BLUE, lw=2.5, label="σ₁")
    ax.plot(t, t * np.log10(rho), "--", color=ORANGE, label="ρᵗ")
    ax.plot(t, t * np.log10(top), ":", color=RED, lw=2, label="‖W‖ᵗ")
    xlim = (0, len(log) - 1)
    figures.frame(ax, "steps t", "factor, powers of ten", xlim, ylim)


def values(log_values, starts, gains):
    """All singular values over time, between the powers of ρ and of ‖W‖.

    ``log_values[weights, net]`` has the shape (T + 1, gains, n), the largest
    first; ``starts[weights]`` is W at gain 1.
    """

    def view(ax, gain, weights, net):
        i = gains.tolist().index(gain)
        log = log_values[weights, net][:, i]
        W = gain * starts[weights]
        rho = spectral_radius(W)
        top = norm(W, 2)
        last = log[-1, 0] / np.log(10)
        spectrum(ax, log, rho, top, (-30, 16))
        ax.set_title(
            f"ρ = {rho:.2f}, ‖W‖ = {top:.2f}; last σ₁ = 10^{last:.1f}"
        )
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))

    return view


def fates(ceiling, gains, decades):
    """Left, each start's rate below its ceiling; right, shares by gain.

    ``ceiling``, of shape (starts, gains), holds the largest slope times ‖W‖,
    ``gains`` the largest slope times the gain. ``decades[phi, inputs]``
    holds powers of ten of the gradient, of shape (starts, gains, steps + 1).
    Below -3 it has vanished, above 3 exploded.
    """

    def view(axes, phi, inputs, steps):
        end = decades[phi, inputs][..., steps]
        vanished = end < -3
        exploded = end > 3
        rates(axes[0], end / steps, vanished, exploded)
        axes[0].set_title(f"{steps} steps")
        by_gain(axes[1], vanished, exploded)

    def rates(ax, rate, vanished, exploded):
        bound = np.geomspace(0.4, 20, 30)
        between = ~vanished & ~exploded
        ax.fill_between([0.4, 1], -1.6, 1.4, color=SKY, alpha=0.3)
        ax.plot(bound, np.log10(bound), color=GREY)
        dots(ax, rate, vanished, "v", BLUE)
        dots(ax, rate, between, ".", GREY)
        dots(ax, rate, exploded, "^", RED)
        ax.set_xscale("log", base=2)
        pace = "powers of ten per step"
        figures.frame(ax, "max φ′ · ‖W‖", pace, (0.4, 20), (-1.6, 1.4))

    def dots(ax, rate, which, marker, colour):
        x = ceiling.ravel()
        y = np.where(which, rate, np.nan).ravel()
        ax.plot(x, y, marker, color=colour, markersize=3)

    def by_gain(ax, vanished, exploded):
        low = 100 * vanished.mean(axis=0)
        high = 100 - 100 * exploded.mean(axis=0)
        below = {"color": BLUE, "alpha": 0.6, "label": "vanished"}
        above = {"color": RED, "alpha": 0.6, "label": "exploded"}
        ax.fill_between(gains, 0, low, **below)
        ax.fill_between(gains, high, 100, **above)
        ax.plot(gains, low, "v-", color=BLUE, markersize=3)
        ax.plot(gains, high, "^-", color=RED, markersize=3)
        ax.set_xscale("log", base=2)
        xlim = (gains[0], gains[-1])
        figures.frame(
            ax, "max φ′ × gain", "share of starts, %", xlim, (0, 100)
        )
        dead = 100 * vanished.mean()
        wild = 100 * exploded.mean()
        ax.set_title(f"{dead:.0f} % vanished, {wild:.0f} % exploded")

    return view


def tally(axes, counts, columns, out_of):
    """How many starts vanished, to the left, and exploded, to the right.

    ``counts[start]`` holds a pair (vanished, exploded) for each of the
    ``columns``, which are panels.
    """
    starts = list(counts)
    rows = range(len(starts))
    for k, ax in enumerate(axes):
        vanished = [counts[start][k][0] for start in starts]
        exploded = [counts[start][k][1] for start in starts]
        ax.barh(rows, np.negative(vanished), color=BLUE, label="vanished")
        ax.barh(rows, exploded, color=RED, hatch="//", label="exploded")
        ylim = (len(starts) - 0.4, -0.6)
        edge = 1.2 * out_of  # room for the outer numbers
        figures.frame(ax, f"of {out_of}", "", (-edge, edge), ylim)
        ax.set_title(columns[k])
        ax.set_xticks([-out_of, 0, out_of], [out_of, 0, out_of])
        ax.set_yticks(rows, [""] * len(starts))
    axes[0].set_yticks(rows, starts)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.38)}
    axes[len(axes) // 2].legend(ncols=2, fontsize=8, **below)


def growth(measures, exponents):
    """Left, three measures of a product's growth; right, growth per step.

    ``measures[matrices]`` holds logarithms of true singular values, of QR
    growth, and of singular values of the multiplied-out product, each of
    shape (T, n). The right panel is in natural logarithms, and its bars are
    the Lyapunov ``exponents[matrices]``.
    """

    def view(axes, matrices, t):
        over_time(axes[0], *measures[matrices])
        axes[0].axvline(t, color=ORANGE, lw=1)
        axes[0].set_title(f"t = {t}")
        per_step = [log[t - 1] / t for log in measures[matrices]]
        beside(axes[1], exponents[matrices], *per_step)

    def over_time(ax, true, qr, naive):
        t = np.arange(1, len(true) + 1)
        ax.plot(t, figures.decades(true), "-", color=BLUE, lw=2.5)
        ax.plot(t, figures.decades(qr), "--", color=GREEN, lw=1.2)
        ax.plot(t, figures.decades(naive), ":", color=RED, lw=2)
        xlim = (0, len(true))
        figures.frame(ax, "steps t", "powers of ten", xlim, (-120, 60))

    def beside(ax, bars, true, qr, naive):
        k = np.arange(1, len(bars) + 1)
        bar = {"color": GREY, "markersize": 26, "markeredgewidth": 2}
        hollow = {"fillstyle": "none"}
        circle = {"color": BLUE, "markersize": 9, **hollow}
        cross = {"color": GREEN, "markersize": 8, **hollow}
        square = {"color": RED, "markersize": 5, **hollow}
        ax.plot(k, bars, "_", label="exponents", **bar)
        ax.plot(k, true, "o", label="true ln σ", **circle)
        ax.plot(k, qr, "x", label="QR", **cross)
        ax.plot(k, naive, "s", label="SVD of product", **square)
        ax.legend(loc="lower left")
        xlim = (0.5, len(bars) + 0.5)
        pace = "growth per step (ln)"
        figures.frame(ax, "index k", pace, xlim, (-1.7, 1.3))

    return view
