"""What a trace of your own model says: by layer, by time step, by block, and by layer while it trains."""

import numpy as np

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#808080"
EPSILON, FLOAT32 = -8, np.log10(np.finfo(np.float32).tiny)


def weights(log):
    """``ln ‖∂L/∂W‖`` of all parameters of a step that are called ``weight``; ``nan`` where it has none.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> weights(SimpleNamespace(log_p={"weight": np.log([3.0, np.nan]), "0.weight": np.log([4.0, 1.0])})).round(2)
    array([1.61, 0.  ])
    """
    logs = np.array([p for name, p in log.log_p.items() if name.split(".")[-1].startswith("weight")])
    size = np.logaddexp.reduce(np.where(np.isnan(logs), -np.inf, 2 * logs)) / 2
    return np.where(np.isnan(logs).all(axis=0), np.nan, size)


def same(theirs, ours, **names):
    """Say that two traces agree to ten digits of the norms, or raise.

    Parameters
    ----------
    theirs, ours : ModelTrace and Trace
    **names
        What is called ``weight`` there and ``W`` here: ``weight="W"``.

    Raises
    ------
    AssertionError
        A logarithm differs by more than 1e-10.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> one = SimpleNamespace(log_h=np.log([0.1, 1.0]), log_p={"W": np.array([-np.inf])})
    >>> same(one, one, W="W")
    2 states, ‖∂L/∂h₀‖ = 10^-1.0, and W: equal to 1e-10
    """
    for a, b in ((theirs.log_h, ours.log_h), *((theirs.log_p[name], ours.log_p[k]) for name, k in names.items())):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
    print(f"{len(ours.log_h)} states, ‖∂L/∂h₀‖ = 10^{ours.log_h[0] / np.log(10):.1f}, and {', '.join(names)}: "
          "equal to 1e-10")


def _curve(ax, log, colour, style="-", start=0):
    decades = np.where(np.isfinite(log), log, np.nan) / np.log(10)          # exactly zero leaves a gap
    ax.plot(start + np.arange(len(decades)), decades, style, color=colour)


def _names(ax, *names):
    for k, (colour, words) in enumerate(names):
        ax.text(0.02, 0.97 - 0.1 * k, words, color=colour, va="top", transform=ax.transAxes)     # legends are slow


def _line(ax, y, colour, words, va="bottom", ha="right"):
    ax.axhline(y, color=colour, linestyle=":")
    ax.text(0.99 if ha == "right" else 0.01, y, words, color=colour, ha=ha, va=va, transform=ax.get_yaxis_transform())


def _frame(ax, x, y, xlim, ylim, title):
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim, title=title)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)


def layers(axes, log, rate, say):
    """Show by layer the gradient at the states, beside a straight line of theory, and the gradient of the weights.

    Parameters
    ----------
    axes : two matplotlib Axes
    log : ModelTrace
    rate : float
        ``ln`` of the factor that theory expects of a layer; its line starts at the last but one state.
    say : callable
        Says of a trace what is wrong, in a few words.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(2)
    >>> log = SimpleNamespace(log_h=np.zeros(4), log_p={"weight": np.zeros(3)}, names=("0", "1", "2"))
    >>> layers(axes, log, np.log(0.1), lambda log: "no findings")
    >>> axes[0].lines[1].get_ydata().round(6) + 0
    array([-2., -1.,  0.])
    """
    T = len(log.names)
    _curve(axes[0], log.log_h, BLUE, ".")
    _curve(axes[0], log.log_h[-2] + rate * np.arange(T - 1, -1, -1), GREY)
    _curve(axes[1], weights(log), ORANGE, ".-", start=1)
    titles = say(log), f"first layer: {np.exp(weights(log)[0]):.0e}"
    for ax, y, title in zip(axes, ("‖∂L/∂h‖", "‖∂L/∂W‖"), titles, strict=True):
        _line(ax, EPSILON, GREEN, "Adam's ε")
        _line(ax, FLOAT32, RED, "float32 ends")
        _frame(ax, "layer  (0: input)", f"{y}, powers of ten", (0, 61), (-54, 30), title)
    _names(axes[0], (BLUE, "• measured"), (GREY, "— plain net, by formula"))


def reach(log_p, share=0.99):
    """How many of the last steps make up a share of all contributions to a weight, added by their sizes.

    Parameters
    ----------
    log_p : ndarray of shape (T,)
        Natural logarithms.
    share : float

    Examples
    --------
    >>> reach(np.log([1.0, 1.0, 8.0]), 0.9)
    2
    """
    sizes = np.exp(log_p - np.nanmax(log_p))[::-1]
    return int(np.searchsorted(np.cumsum(sizes), share * sizes.sum() * (1 - 1e-12))) + 1


def steps(axes, log, say, name="weight_hh_l0"):
    """Show by time step the gradient at the states, and the contributions to a shared weight.

    Parameters
    ----------
    axes : two matplotlib Axes
    log : ModelTrace
    say : callable
        Says of a trace what is wrong, in a few words.
    name : str
        Of the shared weight.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(2)
    >>> steps(axes, SimpleNamespace(log_h=np.zeros(4), log_p={"W": np.log([1e-9, 1.0, 8.0])}), lambda log: "fine", "W")
    >>> axes[1].get_title()
    '99 % of it from the last 2 of 3 steps'
    """
    p, T = log.log_p[name], len(log.log_h) - 1
    _curve(axes[0], log.log_h, BLUE)
    _curve(axes[1], p, ORANGE, start=1)
    axes[1].axvspan(T - reach(p), T, color=GREY, alpha=0.3)
    titles = say(log), f"99 % of it from the last {reach(p)} of {T} steps"
    for ax, y, title in zip(axes, ("‖∂L/∂h‖", "share of ∂L/∂W"), titles, strict=True):
        _line(ax, FLOAT32, RED, "float32 ends")
        _frame(ax, "time step t", f"{y}, powers of ten", (0, 201), (-46, 8), title)


def blocks(axes, runs, order, depth, say, name="mlp.2.weight"):
    """Show by block the gradients at the states and of a weight, and that weight's gradient in the last block by depth.

    Parameters
    ----------
    axes : two matplotlib Axes
    runs : dict of (str, int) to list of ModelTrace
        For each order and depth, one for each seed; the curves show the first and the dots all.
    order : str
    depth : int
    say : callable
        Says of a trace what is wrong, in a few words.
    name : str
        Of the weight.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(2)
    >>> one = lambda T: [SimpleNamespace(log_h=np.zeros(T + 1), log_p={"W": np.zeros(T)})]
    >>> blocks(axes, {("pre", 1): one(1), ("pre", 4): one(4)}, "pre", 4, lambda log: "fine", "W")
    >>> axes[1].lines[-1].get_ydata()
    array([1.])
    """
    shown, depths = runs[order, depth][0], sorted({T for _, T in runs})
    _curve(axes[0], shown.log_h, BLUE)
    _curve(axes[0], shown.log_p[name], ORANGE, ".-", 1)
    _frame(axes[0], "block  (0: input)", "powers of ten", (0, 25), (-2, 2), say(shown))
    last = {key: np.exp([log.log_p[name][-1] for log in logs]) for key, logs in runs.items()}
    middle = {kind: np.array([np.median(last[kind, T]) for T in depths]) for kind in dict.fromkeys(o for o, _ in runs)}
    for curve in middle.values():
        axes[1].loglog(depths, curve, color=GREY, linewidth=1)
    axes[1].loglog(depths, middle[order][0] / np.sqrt(depths), ":", color=GREEN)
    for dots in zip(*(last[order, T] for T in depths), strict=True):
        axes[1].loglog(depths, dots, ".", color=ORANGE)
    axes[1].loglog(depths, middle[order], color=ORANGE)
    axes[1].loglog([depth], middle[order][depths.index(depth)], "o", color=ORANGE)
    _frame(axes[1], "number of blocks L", "‖∂L/∂W₂‖ of the last block", (0.9, 27), (0.1, 10), "")
    axes[1].set_xticks(depths, depths)
    axes[1].minorticks_off()
    _names(axes[0], (BLUE, "— at the state, ‖∂L/∂h‖"), (ORANGE, "•– of the weights, ‖∂L/∂W₂‖"))
    _names(axes[1], (ORANGE, f"— {order}-LN, median of seeds"), (GREY, "— the other"), (GREEN, "··· as 1/√L"))


def run(axes, losses, seen, update, say):
    """Show a training: its loss, and by layer the gradient of the weights and how far an update moves them.

    Parameters
    ----------
    axes : three matplotlib Axes
    losses : ndarray
        One for each update.
    seen : dict of int to (ModelTrace, ndarray)
        At some updates, the trace and the ratios ‖ΔW‖ / ‖W‖ by layer.
    update : int
        The one to show.
    say : callable
        Says of a trace what is wrong, in a few words.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(3)
    >>> log = SimpleNamespace(log_p={"weight": np.zeros(2)})
    >>> run(axes, np.ones(9), {3: (log, np.full(2, 1e-3))}, 3, lambda log: "no findings")
    >>> axes[2].lines[0].get_ydata()
    array([-3., -3.])
    """
    log, ratio = seen[update]
    axes[0].plot(losses, color=BLUE, linewidth=1)
    _line(axes[0], np.log(10), GREEN, " guessing, ln 10\n")
    axes[0].plot([update], [losses[update]], "o", color=BLUE)
    _curve(axes[1], weights(log), ORANGE, ".-", start=1)
    _line(axes[1], EPSILON, GREEN, "Adam's ε")
    _curve(axes[2], np.log(ratio), BLUE, ".-", start=1)
    _line(axes[2], -3, GREEN, "rule of thumb", "top", "left")
    ends = (0, len(losses)), (0, len(ratio) + 1), (0, len(ratio) + 1)
    _frame(axes[0], "update", "loss, nats", ends[0], (0, 7), f"update {update}: {say(log)}")
    _frame(axes[1], "layer", "‖∂L/∂W‖, powers of ten", ends[1], (-13, 3), "")
    _frame(axes[2], "layer", "‖ΔW‖ / ‖W‖, powers of ten", ends[2], (-13, 1), "")
