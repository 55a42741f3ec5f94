"""Pictures of products of matrices: all singular values over time, and what becomes of many random starts."""

import numpy as np

BLUE, ORANGE, GREEN, SKY, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#56B4E9", "#D55E00", "#808080"


def _decades(log):
    return np.where(np.isfinite(log), log, np.nan) / np.log(10)             # exactly zero leaves a gap


def _frame(ax, x, y, xlim, ylim, title=""):
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim, title=title)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)


def spectrum(ax, log, rho, top, ylim, title=""):
    """Show the singular values of a product over time, between the powers of a spectral radius and of a norm.

    Parameters
    ----------
    ax : matplotlib Axes
    log : ndarray of shape (T + 1, n)
        Natural logarithms, the largest first. It is drawn thick.
    rho, top : float
        Drawn dashed as ``ρ^t`` and dotted as ``σ_max^t``.
    ylim : (float, float)
        In powers of ten.
    title : str, optional

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> spectrum(ax, np.log([[1.0, 1.0], [2.0, 0.1], [4.0, 0.01]]), 1.0, 10.0, (-3, 3))
    >>> ax.lines[-1].get_ydata().round(4)           # σ_max^t
    array([0., 1., 2.])
    """
    t = np.arange(len(log))
    for k in range(log.shape[1] - 1, -1, -1):
        ax.plot(t, _decades(log[:, k]), color=SKY if k else BLUE, lw=1 if k else 2.5, label="_" if k else "σ₁")
    ax.plot(t, t * np.log10(rho), "--", color=ORANGE, label="ρᵗ")
    ax.plot(t, t * np.log10(top), ":", color=RED, lw=2, label="‖W‖ᵗ")
    _frame(ax, "steps t", "factor, powers of ten", (0, len(log) - 1), ylim, title)


def stretch(ax, W, directions, title=""):
    """Show what becomes of the unit circle of rows ``g`` under ``g W``, and the directions of the eigenvectors.

    Parameters
    ----------
    ax : matplotlib Axes
    W : ndarray of shape (2, 2)
    directions : ndarray of shape (k, 2)
        Rows, each drawn as a line through the centre.
    title : str, optional

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> stretch(ax, np.diag([2.0, 1.0]), np.eye(2))
    >>> ax.lines[-1].get_xdata().max().round(4)
    np.float64(2.0)
    """
    turn = np.linspace(0, 2 * np.pi, 97)
    circle = np.c_[np.cos(turn), np.sin(turn)]
    for v in directions:
        ax.plot(*np.array([-9 * v, 9 * v]).T, "--", color=GREEN, lw=1)
    ax.plot(*circle.T, ":", color=GREY)
    ax.plot(*(circle @ W).T, color=BLUE, lw=2)
    _frame(ax, "first entry", "second entry", (-5.5, 5.5), (-5.5, 5.5), title)


def fates(axes, x, gains, decades, steps, limit=3):
    """Show many starts: each one's rate against the largest rate that is possible, and by gain what became of it.

    A gradient that shrank below ``10^-limit`` has vanished, one that grew beyond ``10^limit`` exploded.

    Parameters
    ----------
    axes : two matplotlib Axes
    x : ndarray of shape (starts, gains)
        ``γ σ_max``, the largest factor of a step.
    gains : ndarray of shape (gains,)
        As shares of the gain at which ``γ`` times the gain is 1.
    decades : ndarray of shape (starts, gains)
        Powers of ten of the gradient after ``steps`` steps.
    steps : int
    limit : float

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(1, 2)
    >>> x = np.array([[0.5, 2.0], [0.7, 3.0]])
    >>> fates(axes, x, np.array([0.5, 1.0]), np.array([[-9.0, 1.0], [-5.0, 4.0]]), 10)
    >>> axes[1].get_title()
    '50 % vanished, 25 % exploded'
    """
    vanished, exploded = decades < -limit, decades > limit
    rate, left, right = decades / steps, 0.4, 20
    axes[0].fill_between([left, 1], [-1.6, -1.6], [1.4, 1.4], color=SKY, alpha=0.3)
    bound = np.geomspace(left, right, 30)
    axes[0].plot(bound, np.log10(bound), color=GREY)
    kinds = ((vanished, "v", BLUE), (~vanished & ~exploded, ".", GREY), (exploded, "^", RED))
    for which, marker, colour in kinds:
        axes[0].plot(x.ravel(), np.where(which, rate, np.nan).ravel(), marker, color=colour, markersize=3)
    axes[0].set_xscale("log", base=2)
    _frame(axes[0], "γ ‖W‖", "powers of ten per step", (left, right), (-1.6, 1.4),
           f"{steps} steps")
    low, high = 100 * vanished.mean(axis=0), 100 - 100 * exploded.mean(axis=0)
    axes[1].fill_between(gains, 0 * low, low, color=BLUE, alpha=0.6, label="vanished")
    axes[1].fill_between(gains, high, 0 * high + 100, color=RED, alpha=0.6, label="exploded")
    axes[1].plot(gains, low, "v-", color=BLUE, markersize=3)
    axes[1].plot(gains, high, "^-", color=RED, markersize=3)
    axes[1].set_xscale("log", base=2)
    _frame(axes[1], "γ × gain", "share of starts, %", (gains[0], gains[-1]), (0, 100),
           f"{vanished.mean():.0%} vanished, {exploded.mean():.0%} exploded".replace("%", " %"))


def growth(axes, true, qr, naive, exponents, t):
    """Show three measures of a product's growth: over time, and per step at ``t`` beside the exponents.

    Parameters
    ----------
    axes : two matplotlib Axes
    true, qr, naive : ndarray of shape (T, n)
        Natural logarithms of singular values, of QR growth, and of singular values of the multiplied-out product.
    exponents : ndarray of shape (n,)
        Lyapunov exponents.
    t : int
        From 1 to T.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes, log = Figure().subplots(1, 2), np.log([[2.0, 0.5], [4.0, 0.25]])
    >>> growth(axes, log, log, log, np.log([2.0, 0.5]), 2)
    >>> axes[1].lines[1].get_ydata().round(4)       # per step
    array([ 0.6931, -0.6931])
    """
    steps, k = np.arange(1, len(true) + 1), np.arange(1, true.shape[1] + 1)
    for log, style, colour, width in ((true, "-", BLUE, 2.5), (qr, "--", GREEN, 1.2), (naive, ":", RED, 2)):
        for column in log.T:
            axes[0].plot(steps, _decades(column), style, color=colour, lw=width)
    axes[0].axvline(t, color=ORANGE, lw=1)
    _frame(axes[0], "steps t", "powers of ten", (0, len(true)), (-120, 60), f"t = {t}")
    axes[1].plot(k, exponents, "_", color=GREY, markersize=26, markeredgewidth=2, label="exponents")
    for log, marker, colour, size, label in ((true, "o", BLUE, 9, "true ln σ"), (qr, "x", GREEN, 8, "QR"),
                                            (naive, "s", RED, 5, "SVD of product")):
        axes[1].plot(k, log[t - 1] / t, marker, color=colour, markersize=size, fillstyle="none", label=label)
    axes[1].legend(loc="lower left")
    _frame(axes[1], "index k", "growth per step (ln)", (0.5, len(k) + 0.5), (-1.7, 1.3))


def tally(axes, counts, columns, out_of):
    """Show how many starts vanished, to the left, and how many exploded, to the right, as bars: one panel a column.

    Parameters
    ----------
    axes : matplotlib Axes, one for each column
    counts : dict of str to sequence of (int, int)
        For each kind of start the numbers that vanished and exploded in each column.
    columns : sequence of str
    out_of : int

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(1, 1, squeeze=False)[0]
    >>> tally(axes, {"Xavier": [(50, 0)], "sd 1": [(0, 50)]}, ["tanh"], 50)
    >>> [int(bar.get_width()) for bar in axes[0].patches]
    [-50, 0, 0, 50]
    """
    for k, (ax, column) in enumerate(zip(axes, columns, strict=True)):
        low, high = np.transpose([pairs[k] for pairs in counts.values()])
        ax.barh(range(len(counts)), -low, color=BLUE, label="vanished")
        ax.barh(range(len(counts)), high, color=RED, hatch="//", label="exploded")
        _frame(ax, f"of {out_of}", "", (-out_of, out_of), (len(counts) - 0.4, -0.6), column)
        ax.set_xticks([-out_of, 0, out_of], [out_of, 0, out_of])
        ax.set_yticks(range(len(counts)), list(counts) if k == 0 else [""] * len(counts))
    axes[0].legend(loc="upper right", fontsize=7)
