"""Overfitting and what is done about it; seeds are the last axis.

Curves are medians, in bands from quartile to quartile.
"""

from functools import partial

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, GREEN, GREY, ORANGE, RED

frame = partial(figures.frame, title_size=10)


def overfit(runs, sizes):
    """Above, training and test loss; below, test accuracy by images seen.

    runs : for each width the training and the test losses, (epochs, labels,
    images, seeds), and the test accuracies, (labels, images, seeds).
    """

    def view(axes, labels, images, width):
        k = int(labels == "a fifth wrong")
        i = list(sizes).index(images)
        training, test, right = runs[width]
        epochs = np.arange(1, len(training) + 1)
        ax = axes[0]
        band(ax, epochs, training[:, k, i], BLUE, "--", "training")
        loss = band(ax, epochs, test[:, k, i], ORANGE, "-", "test")
        title = f"test loss: least {loss.min():.2f}, at the end {loss[-1]:.2f}"
        xlim = (1, epochs[-1])
        frame(ax, "times 400 images seen", "loss", xlim, (0.005, 4), title)
        ax.set_yscale("log")
        ax.yaxis.set_minor_locator(NullLocator())  # ticks take time to make
        ax.legend(loc="lower left", ncols=2)

        ax = axes[1]
        x = np.arange(len(sizes))
        every = [np.median(run[2][k], axis=-1) for run in runs.values()]
        curves(ax, x, 100 * np.transpose(every), GREY, "other nets")
        best = band(ax, x, 100 * right[k], BLUE, "o-", "this net")
        ax.plot([i], [best[i]], "o", color=ORANGE, markersize=9)
        title = f"{images} images: {best[i]:.0f} % right"
        xlim = (-0.2, x[-1] + 0.2)
        name = "test accuracy, %"
        frame(ax, "training images", name, xlim, (35, 100), title)
        ticks(ax.xaxis, x, sizes)
        ax.legend(loc="lower right", ncols=2)

    return view


def paths(strengths, closed, ways):
    """Above, weights against α, closed form and descent; below, the descent.

    closed : for L1 and L2 (strengths, weights); ways : for each penalty
    (steps, strengths, weights).
    """

    def view(axes, penalty, strength):
        exact = closed[penalty[:2]]
        way = np.array(ways[penalty])
        k = list(strengths).index(strength)
        steps, _, n = way.shape
        ax = axes[0]
        curves(ax, strengths, exact, GREY, "closed form")
        x = np.tile(strengths, n)
        dots = {"color": BLUE, "markersize": 4}
        ends = way[-1].T.ravel()
        ax.plot(x, ends, ".", label="descent, at its end", **dots)
        ax.axvline(strength, color=ORANGE, linestyle="--")
        measured = (way[-1, k] == 0).sum()
        expected = (exact[k] == 0).sum()
        title = (
            f"α = {strength:.2f}, exactly zero: {measured} of {n}, "
            f"in closed form {expected}"
        )
        xlim = (-0.03, strengths[-1] + 0.03)
        frame(ax, "strength α", "weight", xlim, (-2.3, 2.3), title)
        ax.legend(loc="lower right", ncols=2)

        ax = axes[1]
        curves(ax, np.arange(steps), way[:, k], BLUE, "descent at this α")
        arrows = {"color": GREY, "markersize": 6, "label": "closed form"}
        ax.plot(np.full(n, steps + 1), exact[k], "<", **arrows)
        xlim = (0, steps + 3)
        frame(ax, "step of the descent", "weight", xlim, (-2.3, 2.3))
        ax.legend(loc="lower right", ncols=2)

    return view


def zeros(weights, right, left, strengths):
    """Above, the weights of ten digits as pictures; below, accuracy by α.

    Exact zeros are black. For L1 at every strength, then for L2, weights :
    (2 strengths, seeds, 64, 10), of which the first seed is shown; right and
    left : shares of test images classified right, and of weights other than
    zero, (2 strengths, seeds).
    """

    def view(axes, penalty, strength):
        i = list(strengths).index(strength)
        first = len(strengths) if penalty == "L2" else 0
        here = slice(first, first + len(strengths))
        w = weights[first + i, 0]
        ax = axes[0]
        ax.imshow(coloured(w), extent=(0, 44, 17, 0))
        zero = (w == 0).sum()
        title = f"α = {strength:.2g}: {zero} of 640 weights are exactly zero"
        name = "digit (orange: +, blue: −, black: exactly 0)"
        frame(ax, name, "digit", (0, 44), (17, 0), title)
        names = ["0, 5", "1, 6", "2, 7", "3, 8", "4, 9"]
        ticks(ax.xaxis, 4 + 9 * np.arange(5), names)
        ticks(ax.yaxis, [4, 13], ["0–4", "5–9"])
        ax.grid(False)

        ax = axes[1]
        x = np.arange(len(strengths))
        band(ax, x, 100 * right[here], BLUE, "o-", "test images right")
        band(ax, x, 100 * left[here], ORANGE, "s--", "weights other than 0")
        ax.axvline(i, color=GREY, linestyle=":")
        frame(ax, "strength α", "%", (-0.2, x[-1] + 0.2), (0, 105))
        ticks(ax.xaxis, x, [f"{α:g}" for α in strengths])
        ax.legend(loc="lower left")

    return view


def coloured(w):
    """Weights of ten digits, (64, 10), as one image in colours.

    White is near zero, orange positive, blue negative, black exactly zero and
    grey the space between the digits.
    """
    image = figures.mosaic(w.T.reshape(10, 8, 8), 5)[..., None]
    size = np.minimum(np.abs(image) / 0.6, 1)
    to_orange = np.array([0.1, 0.4, 1.0])
    to_blue = np.array([1.0, 0.55, 0.3])
    colour = 1 - size * np.where(image > 0, to_orange, to_blue)
    colour = np.where(size == 0, 0.0, colour)
    return np.where(np.isnan(size), 0.75, colour)


def scalings(drops, losses, outputs):
    """Above, outputs against their mean over masks; below, test loss by p.

    losses : (drops, 3) and outputs : (drops, 3, …), scaled by 1 − p, scaled by
    p, and the mean over masks.
    """
    names = ["1 − p", "p", "mean over masks"]

    def view(axes, drop, scale):
        k = list(drops).index(drop)
        chosen = names.index(scale)
        predicted = outputs[k][chosen].ravel()
        mean = outputs[k][2].ravel()
        share = predicted @ mean / (mean @ mean)
        ax = axes[0]
        ax.plot([-12, 12], [-12, 12], color=GREY, linewidth=1)
        ax.plot(mean, predicted, ".", color=BLUE, markersize=4)
        title = f"p = {drop:g}, scaled by {scale}: {share:.2f} of the mean"
        name = "mean over masks, of each output"
        frame(ax, name, "prediction", (-8, 8), (-12, 12), title)

        ax = axes[1]
        styles = [(BLUE, "-"), (RED, "--"), (GREEN, "o")]
        for j, (colour, style) in enumerate(styles):
            loss = [three[j] for three in losses]
            dots = {"color": colour, "markersize": 6, "label": names[j]}
            ax.plot(drops, loss, style, **dots)
        square = {"markersize": 11, "markerfacecolor": "none"}
        ax.plot([drop], [losses[k][chosen]], "s", color=ORANGE, **square)
        frame(ax, "share dropped, p", "test loss", (0, 1), (0, 2.5))
        ax.legend(loc="upper center", ncols=3)

    return view


def stopping(curves, watch):
    """A validation curve, where the rule stops, and the epoch that it keeps.

    curves : losses by name, (epochs,); watch : the state of the rule at its
    stop, of a curve and a patience.
    """

    def view(ax, curve, patience):
        loss = curves[curve]
        state = watch(loss, patience)
        best = int(state["best_epoch"])
        end = state["epoch"]
        epochs = np.arange(1, len(loss) + 1)
        ax.plot(epochs, loss, color=BLUE, label="validation loss")
        kept = {"color": GREEN, "markersize": 10, "label": "kept"}
        ax.plot([best + 1], [loss[best]], "o", **kept)
        ax.axvline(end, color=RED, linestyle="-.", label="stop")
        verb = "stops" if state["stop"] else "ends"
        title = (
            f"patience {patience}: {verb} after epoch {end}, "
            f"keeps epoch {best + 1}"
        )
        frame(ax, "epoch", "loss", (0, len(loss) + 1), (0, 3), title)
        ax.legend(loc="upper center", ncols=3)

    return view


def gallery(images, labels, change, names):
    """A digit, and six draws of each change, one change a row.

    change : of a name, images (6, 64), an amount and a generator, the changed
    images.
    """

    def view(ax, digit, amount):
        image = images[labels == digit][:1]
        copies = np.repeat(image, 6, axis=0)
        small = []
        for name in names:
            drawn = change(name, copies, amount, np.random.default_rng(amount))
            small += [image[0], *drawn]
        figures.pixels(ax, figures.mosaic(np.reshape(small, (-1, 8, 8)), 7))
        ax.set(xlabel="as it is, then six draws", ylabel="change", xticks=[])
        ax.set_yticks(9 * np.arange(len(names)) + 3.5, names)

    return view


def gains(right, conditions, bases, labels):
    """Above, what methods change, seed by seed; below, one of them by digit.

    right : for each method which images are classified right, (conditions,
    seeds, images); the first method is what others are compared with, unless
    ``bases`` names another one.
    """
    first, *names = right

    def view(axes, method, condition):
        k = conditions.index(condition)
        change = {}
        for name in names:
            base = right[bases.get(name, first)][k]
            change[name] = 100 * (right[name][k] * 1.0 - base)
        points = [change[name].mean(-1) for name in names]
        ours = change[method].mean(-1)
        ax = axes[0]
        spread_out(ax, range(len(names)), points, GREY, across=True)
        spread_out(ax, [names.index(method)], [ours], BLUE, across=True)
        ax.axvline(0, color=ORANGE, linestyle="--")
        without = bases.get(method, first)
        before = 100 * np.median(right[without][k].mean(-1))
        after = 100 * np.median(right[method][k].mean(-1))
        title = f"{without}: {before:.1f} %, this {after:.1f} %"
        name = "change of test accuracy, points"
        ylim = (len(names) - 0.4, -0.6)
        frame(ax, name, "method", (-13, 13), ylim, title)
        ticks(ax.yaxis, range(len(names)), names)

        ax = axes[1]
        by_digit = []
        for digit in range(10):
            by_digit.append(change[method][:, labels == digit].mean(-1))
        spread_out(ax, range(10), by_digit, BLUE, across=False)
        ax.axhline(0, color=ORANGE, linestyle="--")
        low, middle, high = [signed(value) for value in quartiles(ours)]
        title = f"{middle} points, quartiles {low} and {high}"
        frame(ax, "digit", "change, points", (-0.6, 9.6), (-45, 45), title)
        ticks(ax.xaxis, range(10), range(10))

    return view


def signed(value):
    """A number with its sign and one decimal."""
    return f"{value:+.1f}".replace("-", "−")


def quartiles(many):
    """Lower quartile, median and upper quartile over the last axis."""
    return np.quantile(many, (0.25, 0.5, 0.75), axis=-1)


def band(ax, x, many, colour, style, label):
    """The median over seeds in a band between quartiles; returns the median.

    many : (points, seeds).
    """
    figures.band(ax, x, many, colour=colour, style=style, label=label)
    return np.median(many, axis=-1)


def curves(ax, x, many, colour, label):
    """Curves, (points, curves), as one line with gaps: quicker to draw."""
    n = many.shape[1]
    gaps = np.full((1, n), np.nan)
    y = np.vstack([many, gaps]).T.ravel()
    x = np.tile(np.append(x, np.nan), n)
    ax.plot(x, y, color=colour, linewidth=1, label=label)


def spread_out(ax, at, many, colour, across):
    """A dot for every seed, a bar between quartiles, a stroke for the median.

    many : (groups, seeds); ``across``: values run to the right.
    """
    many = np.array(many)
    low, middle, high = quartiles(many)
    bars = np.array([low, high, np.full(len(at), np.nan)]).T
    stroke = "|" if across else "_"
    for values, style, size in (
        (many, ".", 3),
        (bars, "-", 1),
        (middle[:, None], stroke, 12),
    ):
        places = np.repeat(at, values.shape[1])
        line = (places, values.ravel())
        if across:
            line = line[::-1]
        ax.plot(
            *line,
            style,
            color=colour,
            markersize=size,
            linewidth=3,
            markeredgewidth=2,
        )


def ticks(axis, at, labels):
    """Ticks with names, at fixed places."""
    axis.set_major_locator(FixedLocator(list(at)))
    names = [str(label) for label in labels]
    axis.set_major_formatter(FixedFormatter(names))
