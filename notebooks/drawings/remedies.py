"""Pictures of overfitting and of what is done about it: medians and quartiles over seeds, which are the last axis."""

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from .panels import mosaic

BLUE, ORANGE, GREEN, GREY, RED, QUARTILES = "#0072B2", "#E69F00", "#009E73", "#808080", "#D55E00", (0.25, 0.5, 0.75)


def overfit(axes, runs, images, at):
    """Show training and test loss by update, and test accuracy against the number of images for several nets.

    Source: Lee, "Overfitting".

    Parameters
    ----------
    axes : two matplotlib Axes
    runs : dict of nets to training losses, test losses, of shape (epochs, labels, images, seeds), and test accuracies
    images : sequence of int
    at : tuple of the net in front, which labels and which of ``images``

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes, loss = Figure().subplots(2), np.array([2.0, 0.5, 1.0]).reshape(3, 1, 1, 1)
    >>> overfit(axes, {8: (loss, loss, np.full((1, 1, 1), 0.9))}, [50], (8, 0, 0))
    >>> axes[0].get_title(), axes[1].get_title()
    ('test loss: least 0.50, at the end 1.00', '50 images: 90 % right')
    """
    (net, k, i), x, epochs = at, np.arange(len(images)), np.arange(1, len(runs[at[0]][0]) + 1)
    for loss, name, colour, style in zip(runs[net], ("training", "test"), (BLUE, ORANGE), ("--", "-"), strict=False):
        middle = _band(axes[0], epochs, loss[:, k, i], colour, style, name)
    _lines(axes[1], x, 100 * np.median([run[2][k] for run in runs.values()], axis=-1).T, GREY, "other nets")
    best = _band(axes[1], x, 100 * runs[net][2][k], BLUE, "o-", "this net")
    axes[1].plot([i], [best[i]], "o", color=ORANGE, markersize=9)
    _frame(axes[0], "times 400 images seen", "loss", (1, epochs[-1]), (0.005, 4),
           f"test loss: least {middle.min():.2f}, at the end {middle[-1]:.2f}")
    _frame(axes[1], "training images", "test accuracy, %", (-0.2, x[-1] + 0.2), (35, 100),
           f"{images[i]} images: {best[i]:.0f} % right")
    axes[0].set_yscale("log")
    axes[0].yaxis.set_minor_locator(NullLocator())          # ticks take time to make
    _ticks(axes[1].xaxis, x, images)
    axes[0].legend(loc="lower left", ncols=2), axes[1].legend(loc="lower right", ncols=2)


def paths(axes, strengths, closed, ways, k):
    """Show weights against the strength of a penalty, in closed form and measured, and one descent step by step.

    Source: Lee, "L1 (Lasso) Regularization", "L2 (Ridge) Regularization".

    Parameters
    ----------
    axes : two matplotlib Axes
    strengths, closed, ways : ndarray of shape (s,), (s, weights) and (steps, s, weights)
    k : int, which of the strengths

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes, closed = Figure().subplots(2), np.array([[1.0, 0.5], [0.5, 0.0]])
    >>> paths(axes, np.array([0.0, 0.5]), closed, np.array([closed + 1, closed]), 1)
    >>> axes[0].get_title()
    'λ = 0.50, exactly zero: 1 of 2, in closed form 1'
    """
    n, last, zero = closed.shape[1], len(ways), [(w == 0).sum() for w in (ways[-1, k], closed[k])]
    _lines(axes[0], strengths, closed, GREY, "closed form")
    axes[0].plot(np.tile(strengths, n), ways[-1].T.ravel(), ".", color=BLUE, markersize=4, label="descent, at its end")
    axes[0].axvline(strengths[k], color=ORANGE, linestyle="--")
    _lines(axes[1], np.arange(last), ways[:, k], BLUE, "descent at this λ")
    axes[1].plot(np.full(n, last + 1), closed[k], "<", color=GREY, markersize=6, label="closed form")
    _frame(axes[0], "strength λ", "weight", (-0.03, strengths[-1] + 0.03), (-2.3, 2.3),
           f"λ = {strengths[k]:.2f}, exactly zero: {zero[0]} of {n}, in closed form {zero[1]}")
    _frame(axes[1], "step of the descent", "weight", (0, last + 3), (-2.3, 2.3), "")
    axes[0].legend(loc="lower right", ncols=2), axes[1].legend(loc="lower right", ncols=2)


def zeros(axes, w, strengths, right, left, k):
    """Show the weights of ten digits as pictures, exact zeros black, and what the strength of the penalty does.

    Source: Lee, "L1 (Lasso) Regularization".

    Parameters
    ----------
    axes : two matplotlib Axes
    w, strengths : ndarray of shape (64, 10) and (s,)
    right, left : ndarray of shape (s, seeds), shares of test images classified right and of weights other than zero
    k : int, which of the strengths

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes, share = Figure().subplots(2), np.ones((3, 2))
    >>> zeros(axes, np.eye(64, 10), np.array([0.001, 0.01, 0.1]), 0.9 * share, share, 1)
    >>> axes[0].get_title()
    'λ = 0.01: 630 of 640 weights are exactly zero'
    """
    shown = mosaic(w.T.reshape(10, 8, 8), 5)[..., None]
    size = np.minimum(np.abs(shown) / 0.6, 1)
    colour = 1 - size * np.where(shown > 0, np.array([0.1, 0.4, 1.0]), np.array([1.0, 0.55, 0.3]))
    axes[0].imshow(np.where(np.isnan(size), 0.75, np.where(size == 0, 0.0, colour)), extent=(0, 44, 17, 0))
    _frame(axes[0], "digit (orange: +, blue: −, black: exactly 0)", "digit", (0, 44), (17, 0),
           f"λ = {strengths[k]:.2g}: {(w == 0).sum()} of 640 weights are exactly zero")
    _ticks(axes[0].xaxis, 4 + 9 * np.arange(5), ["0, 5", "1, 6", "2, 7", "3, 8", "4, 9"])
    _ticks(axes[0].yaxis, [4, 13], ["0–4", "5–9"])
    axes[0].grid(False)
    x = np.arange(len(strengths))
    _band(axes[1], x, 100 * right, BLUE, "o-", "test images right")
    _band(axes[1], x, 100 * left, ORANGE, "s--", "weights other than 0")
    axes[1].axvline(k, color=GREY, linestyle=":")
    _frame(axes[1], "strength λ", "%", (-0.2, x[-1] + 0.2), (0, 105), "")
    _ticks(axes[1].xaxis, x, [f"{strength:g}" for strength in strengths])
    axes[1].legend(loc="lower left")


def scalings(axes, rhos, losses, outputs, k, scale):
    """Show outputs as predicted against their mean over masks, and the test loss under both scalings against ρ.

    Source: Giselsson, "Dropouts" (erratum E2).

    Parameters
    ----------
    axes : two matplotlib Axes
    rhos, k : sequence of float, and which of them
    losses, outputs : ndarray of shape (r, 3), (3, …): scaled by 1 − ρ, scaled by ρ, mean over masks
    scale : {"1 − ρ", "ρ"}

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes, outputs = Figure().subplots(2), np.array([[4.0], [1.0], [4.0]])
    >>> scalings(axes, [0.2, 0.5], np.ones((2, 3)), outputs, 0, "ρ")
    >>> axes[0].get_title()
    'ρ = 0.2, scaled by ρ: 0.25 of the mean over masks'
    """
    names, chosen = ["1 − ρ", "ρ", "mean over masks"], int(scale == "ρ")
    mean, predicted = outputs[2].ravel(), outputs[chosen].ravel()
    axes[0].plot([-12, 12], [-12, 12], color=GREY, linewidth=1)
    axes[0].plot(mean, predicted, ".", color=BLUE, markersize=4)
    _frame(axes[0], "mean over masks, of each output", "prediction", (-8, 8), (-12, 12),
           f"ρ = {rhos[k]:g}, scaled by {scale}: {predicted @ mean / (mean @ mean):.2f} of the mean over masks")
    for i, (name, colour, style) in enumerate(zip(names, (BLUE, RED, GREEN), ("-", "--", "o"), strict=True)):
        axes[1].plot(rhos, np.transpose(losses)[i], style, color=colour, markersize=6, label=name)
    axes[1].plot([rhos[k]], [losses[k][chosen]], "s", color=ORANGE, markersize=11, markerfacecolor="none")
    _frame(axes[1], "share dropped, ρ", "test loss", (0, 1), (0, 2.5), "")
    axes[1].legend(loc="upper center", ncols=3)


def stopping(ax, rule, validation):
    """Show a validation curve, where the rule stops, and the epoch whose parameters it keeps.

    Source: Lee, "Early Stopping".

    Parameters
    ----------
    ax : matplotlib Axes
    rule : EarlyStopping
    validation : ndarray of shape (epochs,)

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace import EarlyStopping
    >>> ax, loss = Figure().subplots(), np.array([1.0, 0.5, 0.6, 0.7, 0.8])
    >>> stopping(ax, EarlyStopping(2), loss)
    >>> ax.get_title()
    'patience 2: stops after epoch 4, keeps epoch 2'
    """
    state = rule.start()
    for loss in validation:
        state = state if state["stop"] else rule.update(float(loss), state)
    epochs, best, end = np.arange(1, len(validation) + 1), int(state["best_epoch"]), state["epoch"]
    ax.plot(epochs, validation, color=BLUE, label="validation loss")
    ax.plot([best + 1], [validation[best]], "o", color=GREEN, markersize=10, label="kept")
    ax.axvline(end, color=RED, linestyle="-.", label="stop")
    _frame(ax, "epoch", "loss", (0, len(epochs) + 1), (0, 3), f"patience {rule.patience}: "
           f"{'stops' if state['stop'] else 'ends'} after epoch {end}, keeps epoch {best + 1}")
    ax.legend(loc="upper center", ncols=3)


def compared(axes, right, bases, labels, name, title):
    """Show what several methods change, seed by seed, and what one of them changes for each digit.

    Parameters
    ----------
    axes : two matplotlib Axes
    right : dict of str to ndarray of shape (seeds, images), for each method which images are classified right
    bases : dict of str to str, what to compare a method with, if not with the first one
    labels : ndarray of shape (images,)
    name, title : str, the method in front, and what was measured

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes, right = Figure().subplots(2), {"none": np.ones((3, 20)), "flip": np.arange(60.0).reshape(3, 20) % 2}
    >>> compared(axes, right, {}, np.arange(20) % 10, "flip", "clean")
    >>> axes[0].get_title(), axes[1].get_title()
    ('clean: none 100.0 %, flip 50.0 %', 'flip − none: −50.0 points, quartiles −50.0 and −50.0')
    """
    first, *names = right
    change = {key: 100 * (right[key] * 1.0 - right[bases.get(key, first)]) for key in names}
    share = [100 * np.median(right[key].mean(-1)) for key in (first, name)]
    _spread(axes[0], range(len(names)), [change[key].mean(-1) for key in names], GREY, True)
    _spread(axes[0], [names.index(name)], [change[name].mean(-1)], BLUE, True)
    _spread(axes[1], range(10), [change[name][:, labels == digit].mean(-1) for digit in range(10)], BLUE, False)
    axes[0].axvline(0, color=ORANGE, linestyle="--"), axes[1].axhline(0, color=ORANGE, linestyle="--")
    low, middle, high = (f"{v:+.1f}".replace("-", "−") for v in np.quantile(change[name].mean(-1), QUARTILES))
    _frame(axes[0], "change of test accuracy, points", "method", (-13, 13), (len(names) - 0.4, -0.6),
           f"{title}: {first} {share[0]:.1f} %, {name} {share[1]:.1f} %")
    _frame(axes[1], "digit", "change, points", (-0.6, 9.6), (-45, 45),
           f"{name} − {bases.get(name, first)}: {middle} points, quartiles {low} and {high}")
    _ticks(axes[0].yaxis, range(len(names)), names), _ticks(axes[1].xaxis, range(10), range(10))


def _band(ax, x, many, colour, style, label):
    low, middle, high = np.quantile(many, QUARTILES, axis=-1)
    ax.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    ax.plot(x, middle, style, color=colour, markersize=4, label=label)
    return middle


def _lines(ax, x, many, colour, label):
    n = many.shape[1]                                       # one line with gaps is quicker to draw than many lines
    ax.plot(np.tile(np.append(x, np.nan), n), np.vstack([many, np.full(n, np.nan)]).T.ravel(), color=colour,
            linewidth=1, label=label)


def _spread(ax, at, many, colour, across):
    """A dot for every seed, a bar from quartile to quartile and a stroke for the median."""
    at, many = np.asarray(at), np.asarray(many)
    low, middle, high = np.quantile(many, QUARTILES, axis=-1)
    bars = np.array([low, high, np.full(len(at), np.nan)]).T
    for values, style, size in ((many, ".", 3), (bars, "-", 1), (middle[:, None], "|" if across else "_", 12)):
        here = np.repeat(at, values.shape[1])
        ax.plot(*((values.ravel(), here) if across else (here, values.ravel())), style, color=colour, markersize=size,
                linewidth=3, markeredgewidth=2)


def _ticks(axis, at, labels):
    axis.set_major_locator(FixedLocator(list(at)))
    axis.set_major_formatter(FixedFormatter([str(label) for label in labels]))


def _frame(ax, x, y, xlim, ylim, title):
    ax.set(xlabel=x, ylabel=y, xlim=xlim, ylim=ylim)
    ax.set_title(title, fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
