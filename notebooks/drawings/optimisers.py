"""Update rules: ways down a surface, shares of an update, success, ε."""

from functools import partial

import numpy as np

from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREEN, GREY, INK, ORANGE, RED

NETS = {"deep net": BLUE, "own weights": ORANGE, "shared weight": RED}
MARKS = {"GradientDescent": "s", "Adam": "*"}

frame = partial(figures.frame, title_size=10)


def landscapes(maps, paths, rates, thousandth):
    """Above, the way of a rule over a map of the surface; below, its loss.

    maps : for each surface x, y and the loss, (len(y), len(x)); paths : for
    each surface and rule (steps + 1, 3, rates): x, y and the loss above the
    lowest; thousandth : says when such a loss is down.
    """

    def view(axes, surface, rule, η):
        run = paths[surface, rule][:, :, list(rates).index(η)]
        arrival = thousandth(run[:, 2])
        descent(axes, maps[surface], run, f"{rule}, η = {η:g}", arrival)

    return view


def rolling(landscape, paths, rates, thousandth):
    """Above, the way of a ball with momentum over a map; below, its loss.

    landscape : as one of ``maps`` above; paths : for each rule and μ, as in
    ``landscapes``.
    """

    def view(axes, rule, μ, η):
        run = paths[rule, μ][:, :, list(rates).index(η)]
        title = f"{rule}, μ = {μ:g}, η = {η:g}"
        descent(axes, landscape, run, title, thousandth(run[:, 2]))

    return view


def descent(axes, landscape, run, title, arrival):
    """A way over a map, from circle to star, and its loss in decades.

    run : (steps + 1, 3), x, y and the loss; arrival : steps until the loss is
    down, or infinity.
    """
    x, y, loss = run.T
    xs, ys, _ = landscape
    inside = xs[0] <= x[-1] <= xs[-1] and ys[0] <= y[-1] <= ys[-1]
    if not inside:
        said = "off the map"
    elif arrival == 1:
        said = "a thousandth after 1 step"
    elif arrival < np.inf:
        said = f"a thousandth after {arrival:.0f} steps"
    else:
        said = "not down in time"
    draw_map(axes[0], landscape, f"{title}: {said}")
    draw_way(axes[0], landscape, x, y, BLUE, "-", end=RED)
    explain(axes[0])
    axes[1].plot(np.clip(np.log10(loss + 1e-9), -6, 3), "-", color=BLUE)
    name = "loss, powers of ten"
    frame(axes[1], "step", name, (0, len(run) - 1), (-6, 3))


def first_steps(landscape, runs, rates):
    """Above, ways of Adam with its correction and without; below, the steps.

    A step's length is its longer entry, in units of the rate, in decades.
    runs : for each β₁, β₂ and ε a pair of paths as in ``landscapes``, the
    first with correction.
    """

    def view(axes, η, β1, β2, ε):
        k = list(rates).index(η)
        ways = [run[:, :2, k] for run in runs[β1, β2, ε]]
        moved = [np.abs(np.diff(way, axis=0)).max(axis=1) for way in ways]
        lengths = [steps / η for steps in moved]
        title = (
            f"first step {lengths[0][0]:.2g} η, "
            f"without correction {lengths[1][0]:.2g} η"
        )
        draw_map(axes[0], landscape, title)
        for way, steps, colour, style in zip(
            ways, lengths, (BLUE, RED), ("-", "--"), strict=True
        ):
            draw_way(axes[0], landscape, *way.T, colour, style, end=colour)
            curve = np.maximum(np.log10(steps + 1e-9), -3)
            axes[1].plot(curve, style, color=colour)
        explain(axes[0])
        names = ("with correction", "without")
        axes[1].legend(axes[1].lines, names, loc="upper right")
        name = "step / η, powers of ten"
        frame(axes[1], "step", name, (0, len(lengths[0]) - 1), (-3, 1.6))

    return view


def shares(parts, longest):
    """What each step contributes to gradient and update, in decades.

    Both are shown in powers of ten of the largest. The title says how much of
    the update the older half of the steps has.
    parts : for each net, rule and number of steps, the contributions to the
    gradient and to the update, each (T, …).
    """

    def view(ax, net, rule, steps):
        gradient, update = [typical(part) for part in parts[net, rule, steps]]
        at = np.arange(1, steps + 1)
        far = update[: steps // 2].sum() / update.sum()
        said = f"{100 * far:.0f} %"
        if far <= 0.005:
            said = f"$10^{{{np.log10(far):.1f}}}$"
        squares = {"color": GREY, "markersize": 10, "mfc": "none"}
        log_gradient = np.log10(gradient / gradient.max())
        ax.plot(at, log_gradient, "s--", label="gradient", **squares)
        dots = {"color": BLUE, "markersize": 5}
        log_update = np.log10(update / update.max())
        ax.plot(at, log_update, "o-", label="update", **dots)
        title = f"{net}, {rule}:\nolder half has {said} of the update"
        name = "powers of ten of the largest"
        xlim = (0.5, longest + 0.5)
        frame(ax, "step t   (1: oldest)", name, xlim, (-9, 1), title)
        ax.locator_params(axis="x", integer=True)
        ax.legend(loc="lower right")

    return view


def waking(seen, goal):
    """Above, losses up to so many updates; below, the share of the far past.

    Both are means over blocks of 20 updates, and a line is a start.
    seen : (updates, 3, starts), before each update the loss in units of the
    loss of a guess, the share of the older half of the steps, and something
    that is not drawn; goal : such a loss.
    """
    blocks = seen.reshape(-1, 20, *seen.shape[1:]).mean(axis=1)
    whole = len(seen)

    def view(axes, updates):
        loss, share, _ = np.moveaxis(blocks[: updates // 20], 1, 0)
        at = 20 * np.arange(1, len(loss) + 1)
        learnt = (loss[-1] < goal).sum()
        title = f"after {updates} updates: {learnt} of {loss.shape[1]} starts"
        for k, colour in enumerate((BLUE, ORANGE, GREEN, RED)):
            name = f"start {k + 1}"
            axes[0].plot(at, loss[:, k], color=colour, label=name)
            axes[1].plot(at, np.log10(share[:, k]), color=colour)
        axes[0].axhline(goal, color=GREY, linestyle=":")
        y = "loss / guessing"
        frame(axes[0], "updates", y, (0, whole), (0, 1.6), title)
        axes[0].legend(loc="upper right", ncols=4, fontsize=7, handlelength=1)
        y = "share of the older half,\npowers of ten"
        frame(axes[1], "updates", y, (0, whole), (-6, 0.2))

    return view


def success(learnt, starts, marks):
    """How many starts have learnt, in depth and in time.

    learnt : for each task, net and rule per cent of the starts, (rates,
    marks); starts : how many, by task; marks : the numbers of updates.
    """
    nets = {"own weights": ("depth: own weights", ORANGE, "o-")}
    nets["shared weight"] = ("time: a shared weight", RED, "s--")

    def view(ax, task, rule):
        for net, (label, colour, style) in nets.items():
            most = learnt[task, net, rule].max(axis=0)
            ax.plot(marks, most, style, color=colour, label=label)
        ax.set_xscale("log")
        title = f"{rule}, {task}: {starts[task]} starts, best of the rates"
        names = ("updates", "starts that have learnt, %")
        limits = ((marks[0] / 1.2, marks[-1] * 1.2), (-5, 125))
        figures.frame(ax, *names, *limits, title, title_size=9)
        ax.set_xticks(marks, [str(mark) for mark in marks])
        ax.minorticks_off()
        ax.set_yticks(range(0, 101, 20))
        ax.legend(loc="upper center", ncols=2, fontsize=9)

    return view


def epsilon(g, losses, updates):
    """Above, Adam's first step by the size of the gradient; below, losses.

    g : gradients of the layers, (T, …), the first marked by a square; losses :
    for each ε and for its place, under the root or not, (points, starts), in
    units of the loss of a guess.
    """
    size = typical(g)

    def view(axes, ε, root):
        def step(g):
            """The first step, in powers of ten of η."""
            below = np.sqrt(g * g + ε) if root else g + ε
            return np.log10(g / below)

        ax = axes[0]
        loss = losses[ε, root]
        learn = (loss[-5:].mean(axis=0) < 0.6).sum()
        grid = np.linspace(-12, 1, 131)
        ax.plot(grid, step(10**grid), "--", color=GREY, label="any gradient")
        x = np.log10(size)
        y = step(size)
        dots = {"color": BLUE, "markersize": 6, "label": "the layers"}
        ax.plot(x, y, "o", **dots)
        square = {"color": ORANGE, "markersize": 9, "label": "the first layer"}
        ax.plot(x[:1], y[:1], "s", **square)
        ax.legend(loc="lower right")
        place = "under" if root else "outside"
        title = f"ε = {ε:g} {place} the root: {learn} nets learn"
        x = "size of the gradient, powers of ten"
        y = "first step / η, powers of ten"
        frame(ax, x, y, (-12, 1), (-6, 0.5), title)
        draw_losses(axes[1], loss, updates, 1.6)

    return view


def race(runs, score, goal, lengths, rates):
    """Above, losses of one rate on the way to a goal; below, the game's board.

    A ring can be dragged; in it stands the rule's mark in the net's colour, or
    a cross if not all runs arrive.
    runs : for each net, rule and number of steps (updates, rates, starts), the
    loss in units of the loss of a guess; score : updates until all arrive, or
    ``nan``.
    """

    def view(axes, net, rule, steps, η):
        loss = runs[net, rule, steps][:, list(rates).index(η)]
        updates = len(loss)
        loss = loss.reshape(updates // 4, 4, -1).mean(axis=1)
        needed = score(net, rule, steps, η)
        arrived = np.isfinite(needed)
        said = f"{needed:.0f} updates" if arrived else "not there"
        ax = axes[0]
        title = f"{net}, {rule}, {steps:g} steps, η = {η:g}: {said}"
        draw_losses(ax, loss, updates, 2, title)
        ax.axhline(goal, color=GREEN, linewidth=2)
        at_right(ax, goal / 2 - 0.01, "goal", GREEN, va="top")

        ax = axes[1]
        x, y = np.meshgrid(lengths, np.log10(rates))
        here = [steps], [np.log10(η)]
        mark = MARKS[rule] if arrived else "x"
        colour = NETS[net]
        ax.plot(x.ravel(), y.ravel(), ".", color=GREY, markersize=3)
        ring = {"color": BLUE, "markersize": 18, "markerfacecolor": "none"}
        ax.plot(*here, "o", gid="drag", **ring)
        ax.plot(*here, mark, color=colour, markersize=11, gid="register")
        xlim = (0, x.max() + 2)
        ylim = (y.min() - 0.3, y.max() + 0.3)
        title = "blue: deep net, orange: own weights, red: shared; star: Adam"
        x = "steps: depth or length"
        y = "learning rate η, powers of ten"
        figures.frame(ax, x, y, xlim, ylim, title, title_size=8)
        ax.locator_params(axis="x", integer=True)

    return view


def typical(g):
    """The root of the mean square of every step's entries, (T,)."""
    axes = tuple(range(1, g.ndim))
    return np.sqrt((g**2).mean(axis=axes))


def draw_map(ax, landscape, title):
    """A map in 12 bands of equal area, darker where the loss is higher, yet
    so light that a way stands out everywhere.
    """
    _, _, loss = landscape
    edges = np.quantile(loss, np.linspace(0, 1, 13)[1:-1])
    ax.imshow(
        np.searchsorted(edges, loss),
        cmap="Greys",
        vmin=-2,
        vmax=44,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(-1, 1, -1, 1),
    )
    ax.set(xticks=[], yticks=[])
    names = ("first parameter", "second parameter")
    figures.frame(ax, *names, (-1, 1), (-1, 1), title, title_size=9)
    ax.grid(False)


def draw_way(ax, landscape, x, y, colour, style, end):
    """A way over the map, from circle to star."""
    xs, ys, _ = landscape
    x = on_map(x, xs)
    y = on_map(y, ys)
    ax.plot(x, y, style, color=colour, linewidth=1.2, marker=".", markersize=4)
    ax.plot(x[:1], y[:1], "o", markersize=8, color=INK, label="start")
    star = {"color": end, "markeredgecolor": "black", "label": "end"}
    ax.plot(x[-1:], y[-1:], "*", markersize=14, **star)


def explain(ax):
    """Names for the marks of a map, in the corner that few ways visit."""
    row = {"ncols": 2, "handlelength": 1, "columnspacing": 1}
    place = {"loc": "lower right", "title": "dark: high loss"}
    marks = ax.lines[1:3]  # behind them their way, and perhaps a second way
    ax.legend(handles=marks, fontsize=8, title_fontsize=8, **row, **place)


def on_map(values, side):
    """Values of a parameter on a side of the map, which runs from −1 to 1."""
    share = (values - side[0]) / (side[-1] - side[0])
    return np.clip(2 * share - 1, -3, 3)


def draw_losses(ax, loss, updates, top, title=None):
    """Losses of several starts, (points, starts), and that of a guess.

    They are one line with gaps, which is quicker to draw than many.
    """
    points, starts = loss.shape
    x = np.append(np.linspace(0, updates, points), np.nan)
    gaps = np.full((1, starts), np.nan)
    many = np.vstack([np.minimum(loss, top + 1), gaps])
    ax.plot(np.tile(x, starts), many.T.ravel(), color=BLUE, linewidth=1.2)
    ax.axhline(1, color=GREY, linestyle=":")
    at_right(ax, 1 / top + 0.01, "guessing", GREY, va="bottom")
    names = ("updates", "loss / guessing")
    figures.frame(ax, *names, (0, updates), (0, top), title, title_size=8)


def at_right(ax, y, words, colour, va):
    """Words at the right edge; y is a share of the height."""
    place = {"ha": "right", "va": va, "transform": ax.transAxes}
    ax.text(0.99, y, words, color=colour, **place)
