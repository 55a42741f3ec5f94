"""Pictures of update rules: ways down a surface, shares of an update, the two places of ε, and a race of rates."""

import numpy as np

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#808080"
NETS, MARKS = {"deep net": BLUE, "own weights": ORANGE, "shared weight": RED}, {"GradientDescent": "s", "Adam": "*"}


def descent(axes, picture, run, title):
    """Show a way over a map, from circle to star, and its loss, and say when that is down to a thousandth of the first.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    picture : tuple of ndarrays ``x`` and ``y`` and of the loss of shape (len(y), len(x))
        The map has 12 bands of equal area, dark where the loss is high. What lies outside is not seen.
    run : ndarray of shape (steps, 3)
        ``x``, ``y`` and the loss above the lowest.
    title : str

    Raises
    ------
    ValueError
        The loss of the map does not fit ``x`` and ``y``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes, x = Figure().subplots(2), np.array([0.0, 1.0])
    >>> descent(axes, (x, x, np.eye(2)), np.array([[1, 1, 9.0], [0, 0, 0.0]]), "fast")
    >>> axes[0].get_title()
    'fast: a thousandth after 1 step'
    """
    steps = thousandth(run[:, 2])
    left = any(not side[0] <= end <= side[-1] for end, side in zip(run[-1], picture[:2], strict=False))
    said = f"a thousandth after {steps:.0f} step{'s' * (steps != 1)}" if steps < np.inf else "not down in time"
    _map(axes[0], picture, f"{title}: {'off the map' if left else said}")
    _way(axes, picture, run.T, np.clip(np.log10(run[:, 2] + 1e-9), -6, 3), BLUE, "-")
    _frame(axes[1], "step", "loss, powers of ten", (0, len(run) - 1), (-6, 3), "")


def first_steps(axes, picture, runs, rate):
    """Show the ways of Adam with its correction and without, and their steps: the longer entry, in units of the rate.

    Parameters
    ----------
    axes, picture
        As for :func:`descent`.
    runs : pair of ndarray of shape (steps, 2) or more columns
        ``x`` and ``y``, with and without correction.
    rate : float

    Notes
    -----
    Source: Kingma 2015, section 3.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes, x = Figure().subplots(2), np.array([0.0, 1.0])
    >>> first_steps(axes, (x, x, np.eye(2)), (np.eye(3, 2), np.eye(3, 2)), 1.0)
    >>> axes[0].get_title()
    'first step 1 η, without correction 1 η'
    """
    lengths = [np.abs(np.diff(run[:, :2], axis=0)).max(axis=1) / rate for run in runs]
    _map(axes[0], picture, "first step {:.2g} η, without correction {:.2g} η".format(*(steps[0] for steps in lengths)))
    for run, steps, colour, style in zip(runs, lengths, (BLUE, RED), ("-", "--"), strict=True):
        _way(axes, picture, run.T, np.maximum(np.log10(steps + 1e-9), -3), colour, style)
    axes[1].legend(axes[1].lines, ("with correction", "without"), loc="upper right")
    _frame(axes[1], "step", "step / η, powers of ten", (0, len(lengths[0]) - 1), (-3, 1.6), "")


def thousandth(loss):
    """Steps after which a loss of shape (steps,) stays below a thousandth of its first value; infinity if it does not.

    >>> thousandth(np.array([1.0, 1e-4, 0.1, 1e-5]))
    3
    """
    high = np.flatnonzero(loss >= 1e-3 * loss[0])
    return high[-1].item() + 1 if high[-1] < len(loss) - 1 else np.inf


def shares(ax, parts, shared, rule, steps, title):
    """Show what each step contributes to the gradient and to the update, in powers of ten of the largest.

    With a shared weight the rule sees the sum of the contributions, and multiplies all of them by the same factors. The
    title says how much of the update the older half of the steps has: the sum of its contributions to that of all.

    Parameters
    ----------
    ax : matplotlib Axes
    parts : ndarray of shape (T, …)
        The contributions to the gradient.
    shared : bool
    rule : callable
        From a gradient to its update, entry by entry.
    steps, title : int, str

    Notes
    -----
    Source: Lee, "(Truncated) Backpropagation Through Time".

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> shares(ax, np.array([[0.1], [1.0]]), False, np.sign, 5, "net")
    >>> [line.get_ydata().tolist() for line in ax.lines], ax.get_title()
    ([[-1.0, 0.0], [0.0, 0.0]], 'net: older half has 50 % of the update')
    """
    seen = np.zeros_like(parts) + parts.sum(axis=0) if shared else parts
    factor = np.divide(rule(seen), seen, out=np.zeros_like(seen), where=seen != 0)
    (gradient, update), at = (_typical(part) for part in (parts, parts * factor)), np.arange(1, len(parts) + 1)
    far = update[:len(at) // 2].sum() / update.sum()
    said = f"{100 * far:.0f} %" if far > 0.005 else f"$10^{{{np.log10(far):.1f}}}$"
    ax.plot(at, np.log10(gradient / gradient.max()), "s--", color=GREY, markersize=10, mfc="none", label="gradient")
    ax.plot(at, np.log10(update / update.max()), "o-", color=BLUE, markersize=5, label="update")
    _frame(ax, "step t   (1: oldest)", "powers of ten of the largest", (0.5, steps + 0.5), (-9, 1),
           f"{title}: older half has {said} of the update")
    ax.locator_params(axis="x", integer=True)
    ax.legend(loc="lower right")


def places(axes, eps, inside, g, loss, updates):
    """Show the length of Adam's first step with ε in its place, with a dot for each layer, and how training goes.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    eps : float
    inside : bool
        Whether ε stands under the root.
    g : ndarray of shape (T, …)
        Gradients of the layers; the first is marked by a square.
    loss : ndarray of shape (points, starts)
        Relative to the loss of a guess.
    updates : int

    Notes
    -----
    Source: Kingma 2015, algorithm 1; Lee, "Adam".

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(2)
    >>> places(axes, 0.5, False, np.array([[0.5], [1.0]]), np.ones((3, 2)), 160)
    >>> axes[0].lines[1].get_ydata().round(2)
    array([-0.3 , -0.18])
    """
    learn = (loss[-5:].mean(axis=0) < 0.6).sum()
    step = lambda g: np.log10(g / (np.sqrt(g * g + eps) if inside else g + eps))
    grid, size = np.linspace(-12, 1, 131), _typical(g)
    axes[0].plot(grid, step(10**grid), "--", color=GREY, label="any gradient")
    axes[0].plot(np.log10(size), step(size), "o", color=BLUE, markersize=6, label="the layers")
    axes[0].plot(np.log10(size[:1]), step(size[:1]), "s", color=ORANGE, markersize=9, label="the first layer")
    axes[0].legend(loc="lower right")
    _frame(axes[0], "size of the gradient, powers of ten", "first step / η, powers of ten", (-12, 1), (-6, 0.5),
           f"ε = {eps:g} {'under' if inside else 'outside'} the root: {learn} nets learn")
    _losses(axes[1], loss, updates, 1.6, "")


def race(axes, loss, goal, at, score, steps, rates, net, rule):
    """Show how the runs of one rate come down to a goal, and a ring with a mark; a cross if not all arrived.

    Parameters
    ----------
    axes : pair of matplotlib Axes
    loss : ndarray of shape (points, starts)
        Relative to the loss of a guess; one point for each four updates.
    goal : float
    at : pair of float
        Steps and rate.
    score : float
        Updates needed, or nan if not all runs arrived.
    steps, rates : sequence of float
        Where marks can stand.
    net, rule : str
        Each net has its colour, each rule its mark.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(2)
    >>> race(axes, np.ones((3, 2)), 0.5, (5, 0.1), np.nan, [5, 8], [0.01, 0.1], "deep net", "Adam")
    >>> axes[0].get_title(), [line.get_gid() for line in axes[1].lines[-2:]]
    ('deep net, Adam, 5 steps, η = 0.1: not there', ['drag', 'register'])
    """
    arrived = np.isfinite(score)
    said = f"{score:.0f} updates" if arrived else "not there"
    _losses(axes[0], loss, 4 * len(loss), 2, f"{net}, {rule}, {at[0]:g} steps, η = {at[1]:g}: {said}")
    axes[0].axhline(goal, color=GREEN, linewidth=2)
    axes[0].text(0.99, goal / 2 - 0.01, "goal", color=GREEN, ha="right", va="top", transform=axes[0].transAxes)
    (x, y), here = np.meshgrid(steps, np.log10(rates)), np.array([[at[0]], [np.log10(at[1])]])
    axes[1].plot(x.ravel(), y.ravel(), ".", color=GREY, markersize=3)
    axes[1].plot(*here, "o", color=BLUE, markersize=18, markerfacecolor="none", gid="drag")
    axes[1].plot(*here, MARKS[rule] if arrived else "x", color=NETS[net], markersize=11, gid="register")
    _frame(axes[1], "steps: depth or length", "learning rate η, powers of ten", (0, x.max() + 2),
           (y.min() - 0.3, y.max() + 0.3), "blue: deep net, orange: own weights, red: shared; star: Adam")
    axes[1].locator_params(axis="x", integer=True)


def _typical(g):
    return np.sqrt((g**2).mean(axis=tuple(range(1, g.ndim))))


def _map(ax, picture, title):
    x, y, loss = picture
    if np.shape(loss) != (len(y), len(x)):
        raise ValueError(f"picture: expected a loss of shape {(len(y), len(x))}, came {np.shape(loss)}")
    bands = np.searchsorted(np.quantile(loss, np.linspace(0, 1, 13)[1:-1]), loss)
    ax.imshow(bands, cmap="Greys", vmin=-2, vmax=20, origin="lower", aspect="auto", interpolation="nearest",
              extent=(-1, 1, -1, 1))
    ax.set(xticks=[], yticks=[])
    _frame(ax, "first parameter", "second parameter", (-1, 1), (-1, 1), title)


def _way(axes, picture, path, curve, colour, style):
    x, y = (np.clip(2 * (v - s[0]) / (s[-1] - s[0]) - 1, -3, 3) for v, s in zip(path[:2], picture[:2], strict=True))
    axes[0].plot(x, y, style, color=colour, linewidth=1.2, marker=".", markersize=4)
    axes[0].plot(x[:1], y[:1], "o", color=colour, markersize=8, markeredgecolor="black")
    axes[0].plot(x[-1:], y[-1:], "*", color=colour, markersize=14, markeredgecolor="black")
    axes[1].plot(curve, style, color=colour)


def _losses(ax, loss, updates, top, title):
    x, gaps = np.linspace(0, updates, len(loss)), np.full((1, loss.shape[1]), np.nan)
    many = np.vstack([np.minimum(loss, top + 1), gaps])     # one line with gaps is quicker to draw than many
    ax.plot(np.tile(np.append(x, np.nan), loss.shape[1]), many.T.ravel(), color=BLUE, linewidth=1.2)
    ax.axhline(1, color=GREY, linestyle=":")
    ax.text(0.99, 1 / top + 0.01, "guessing", color=GREY, ha="right", va="bottom", transform=ax.transAxes)
    _frame(ax, "updates", "loss / guessing", (0, updates), (0, top), title)


def _frame(ax, x, y, xlim, ylim, title):
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim)
    ax.set_title(title, fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
