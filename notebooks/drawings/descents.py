"""Pictures of noisy descent, with colours in the order (others, what it is about, marks, limits)."""

import numpy as np


def contours(x, y, z):
    """The contour lines of ``z`` above its minimum, as one line with gaps: quick to draw, the same in all states.

    Parameters
    ----------
    x, y : ndarray of shape (k,) and (m,)
    z : ndarray of shape (k, m)

    Returns
    -------
    ndarray of shape (2, points)

    Raises
    ------
    ValueError
        ``z`` does not fit ``x`` and ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from gradtrace.drawings import descents
    >>> x = np.array([0.0, 0.1])
    >>> descents.contours(x, x, x[:, None] + 0 * x)[0].round(3)[:5]
    array([0.003, 0.003,   nan, 0.01 , 0.01 ])
    """
    from contourpy import contour_generator  # comes with matplotlib

    if np.shape(z) != (len(x), len(y)):
        raise ValueError(f"z: expected shape {(len(x), len(y))} of x and y, came {np.shape(z)}")
    drawn, gap = contour_generator(x, y, np.transpose(z)), np.full((1, 2), np.nan)
    levels = np.min(z) + np.array([0.003, 0.01, 0.02, 0.04, 0.07, 0.11, 0.16, 0.22, 0.3, 0.4])
    return np.concatenate([part for level in levels for line in drawn.lines(level) for part in (line, gap)]).T


def path(axes, lines, valley, way, name, *, colours):
    """Show a way over contour lines, from a circle that can be dragged to a square, and the loss at every update.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    lines : ndarray of shape (2, points)
        From :func:`contours`.
    valley : sequence of three float
        Weight, bias and loss at the bottom of the right valley; the left one is its mirror image.
    way : ndarray of shape (3, updates)
        Weight, bias and loss.
    name, colours : str, sequence of four

    Raises
    ------
    ValueError
        ``way`` has not three rows.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import descents
    >>> axes, way = Figure().subplots(2), np.array([[0.0, 0.4], [-0.5, -0.8], [0.3, 0.2]])
    >>> descents.path(axes, np.zeros((2, 1)), (0.5, -1.0, 0.1), way, "batch 1", colours="kbrg")
    >>> axes[0].get_title()
    'batch 1: ends in the right valley'
    """
    if np.ndim(way) != 2 or len(way) != 3:
        raise ValueError(f"way: expected weight, bias and loss, shape (3, updates), came {np.shape(way)}")
    w, b, loss = way
    axes[0].plot(*lines, color=colours[0], linewidth=0.6)
    axes[0].plot([-valley[0], valley[0]], [valley[1]] * 2, "*", color=colours[3], markersize=12)
    axes[0].plot(w, b, ".-", color=colours[1], linewidth=0.8, markersize=3)
    axes[0].plot(w[-1:], b[-1:], "s", color=colours[1], markersize=8, markeredgecolor="black")
    axes[0].plot(w[:1], b[:1], "o", color=colours[2], markersize=10, markeredgecolor="black", gid="drag")
    where = "on the ridge" if abs(w[-1]) < 0.05 else f"in the {'left' if w[-1] < 0 else 'right'} valley"
    _frame(axes[0], "weight w", "bias b", (-1.1, 1.1), (-1.8, 0.8), f"{name}: ends {where}")
    above = np.maximum(loss - valley[2], 1e-7)
    axes[1].plot(np.arange(len(loss)), above, color=colours[1], linewidth=1.2)
    _frame(axes[1], "update", "loss above the valleys", (0, len(loss) - 1), (1e-6, 2),
           f"last 100: {np.mean(above[-100:]):.1g} above on average", log="y")


def noise(axes, sizes, measured, law, k, cosines, name, *, colours):
    """Show the noise of a batch gradient against the size of the batch, and how its directions spread.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    sizes, measured, law : sequence of m float
        Variances in units of the squared length of the true gradient.
    k : int
    cosines : sequence of m ndarray
    name, colours : str, sequence of four

    Raises
    ------
    ValueError
        ``measured`` or ``law`` does not fit ``sizes``.

    Notes
    -----
    Source: McCandlish et al. 2018, section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import descents
    >>> axes, cosines = Figure().subplots(2), [np.zeros(2), np.full(2, 0.5)]
    >>> descents.noise(axes, [1, 4], [8.0, 2.0], [8.0, 2.0], 1, cosines, "at first", colours="kbrg")
    >>> axes[0].get_title()
    'at first: noise / signal = 2 for B = 4'
    """
    _fit("measured, law", [measured, law], [sizes] * 2)
    seen, law = (np.where(np.greater(v, 1e-9), v, np.nan) for v in (measured, law))
    axes[0].plot(sizes, law, color=colours[0], label="law")
    axes[0].plot(sizes, seen, "o", color=colours[1], label="measured")
    axes[0].plot(sizes[k:k + 1], seen[k:k + 1], "o", color=colours[2], markersize=11, markeredgecolor="black")
    axes[0].axhline(1, color=colours[3], linestyle="--", label="noise = signal")
    axes[0].legend(loc="lower left", fontsize=9)
    _frame(axes[0], "samples in the batch, B", "noise / signal", (0.8, 1300), (1e-3, 5e3),
           f"{name}: noise / signal = {measured[k]:.2g} for B = {sizes[k]}", log="xy")
    count, edges = np.histogram(cosines[k], bins=28, range=(-0.4, 1.0 + 1e-9))
    axes[1].fill_between(np.repeat(edges, 2)[1:-1], np.repeat(100 * count / count.sum(), 2), color=colours[1])
    axes[1].axvline(0, color=colours[3], linestyle=":")
    _frame(axes[1], "cosine between batch gradient and true one", "batches, %", (-0.4, 1.02), (0, 104),
           f"cosine {np.mean(cosines[k]):.2f} on average")


def price(axes, curves, k, goal, unit, rates, *, colours):
    """Show the loss on the way down for several sizes of batch, and what each pays to reach a goal.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    curves : dict of int to pair of ndarray
        For every size of batch, numbers of updates, and the losses there.
    k, goal : int, float
    unit, rates, colours : str, sequence of float, sequence of four
        ``unit`` is "updates" or "samples".

    Raises
    ------
    ValueError
        ``k`` is none of the sizes, or ``rates`` does not fit them.

    Notes
    -----
    Source: Shallue et al. 2019; Lee, "Variants of Gradient Descent".

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import descents
    >>> axes, curve = Figure().subplots(2), (np.array([1, 2]), np.array([2.0, 0.1]))
    >>> descents.price(axes, {8: curve}, 8, 0.2, "samples", [0.5], colours="kbrg")
    >>> axes[1].get_title()
    'to the goal: 2 updates, 16 samples'
    """
    if k not in curves or len(rates) != len(curves):
        raise ValueError(f"k, rates: expected one of {list(curves)} and a rate for each, came {k} and {rates}")
    at, each = list(curves).index(k), unit == "samples"
    for i, (B, (x, y)) in enumerate(curves.items()):
        axes[0].plot(B**each * x, y, color=colours[0], linewidth=1, label="_" * (i > 0) + "other batches")
    axes[0].axhline(goal, color=colours[3], linestyle="--", linewidth=1.2, label="goal")
    axes[0].plot(k**each * curves[k][0], curves[k][1], ".-", color=colours[1], linewidth=2, label="this batch")
    axes[0].legend(loc="lower left", fontsize=9)
    _frame(axes[0], f"{unit} so far", "training loss", (1, 3e4), (0.02, 5), f"batch {k}, rate {rates[at]:g}", log="xy")
    need = np.array([np.append(x, np.nan)[np.argmax(np.append(y < goal, True))] for x, y in curves.values()])
    for what, cost, mark, colour in (("updates", need, "o-", 1), ("samples", need * list(curves), "s--", 2)):
        axes[1].plot(list(curves), cost, mark, color=colours[colour], label=what)
        axes[1].plot([k], cost[at:at + 1], mark[0], color=colours[colour], markersize=12, markeredgecolor="black")
    axes[1].legend(loc="upper center", fontsize=9, ncols=2)
    said = f"{need[at]:.0f} updates, {need[at] * k:.0f} samples" if np.isfinite(need[at]) else "not reached"
    _frame(axes[1], "samples in the batch, B", "price", (0.8, 1300), (4, 2e5), f"to the goal: {said}", log="xy")


def family(ax, rates, curves, k, limits, labels, ylim, title, *, colours, log="xy", later=None):
    """Show one curve against the learning rate in front of others, with vertical lines at certain rates.

    Parameters
    ----------
    ax : matplotlib Axes
    rates : ndarray of shape (m,)
    curves : ndarray of shape (curves, m)
        ``curves[k]`` in front. What lies outside ``ylim`` is drawn at its edge.
    limits : sequence of one or two float
    labels, ylim, title : pair of str, pair of float, str
    colours : sequence of four
    log, later : str, ndarray of shape (m,), optional
        The logarithmic axes, and one more curve, dotted.

    Raises
    ------
    ValueError
        ``curves`` does not fit ``rates``.

    Notes
    -----
    Source: Lee, "Variants of Gradient Descent".

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import descents
    >>> ax, rates, curves = Figure().subplots(), np.array([0.1, 1.0]), np.array([[3, 4], [1, 9.0]])
    >>> descents.family(ax, rates, curves, 1, [0.5], ("rate", "loss"), (1, 5), "a", colours="kbrg")
    >>> ax.lines[2].get_ydata()
    array([1., 5.])
    """
    _fit("curves", curves[k], rates)
    for curve in np.clip(curves, *ylim):
        ax.plot(rates, curve, color=colours[0], linewidth=0.8)
    ax.plot(rates, np.clip(curves[k], *ylim), "o-", color=colours[1], linewidth=2, markersize=4)
    if later is not None:
        ax.plot(rates, later, "x:", color=colours[3], linewidth=1.5, markersize=7)
    for limit, style, colour in zip(limits, ("--", ":"), colours[2:], strict=False):
        ax.axvline(limit, linestyle=style, color=colour, linewidth=1.8)
    _frame(ax, *labels, (rates[0] / 1.1, rates[-1] * 1.1), ylim, title, log=log)


def _fit(name, array, like):
    if np.shape(array) != np.shape(like):
        raise ValueError(f"{name}: expected shape {np.shape(like)}, came {np.shape(array)}")


def _frame(ax, x, y, xlim, ylim, title, log=""):
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim, **{f"{which}scale": "log" for which in log})
    ax.minorticks_off()
    for which, (low, high) in zip("xy", (xlim, ylim), strict=True):
        if which in log:                                    # plain numbers are quicker to read than powers
            base = 10.0 if which == "y" else 2.0 if high < 64 * low else 4.0
            ticks = base ** np.arange(np.ceil(np.log(low) / np.log(base) - 1e-9), np.log(high) / np.log(base))
            names = [f"{tick:{'.0f' if tick > 1 else '.3g'}}" for tick in ticks]
            ax.set(**{f"{which}ticks": ticks, f"{which}ticklabels": names})
    ax.set_title(title, fontsize=11)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
