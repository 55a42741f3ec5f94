"""Pictures of Where the gradient starts: pulls, bad starts, three heads."""

import numpy as np

from gradtrace import cross_entropy, mae, mse
from gradtrace.notebook import figures


def pulls(by_loss):
    """Above, the pulls of nine points at their mean, by MSE; below, at their
    median, by MAE. The thin line is the pull of a point at any value.

    by_loss : by the loss and the last point, all points, the constant and the
    pulls; points and pulls of shape (9, 1).
    """
    rows = [
        ("mse", "MSE: mean", figures.BLUE, mse, (-1.2, 4.7)),
        ("mae", "MAE: median", figures.ORANGE, mae, (-0.17, 0.17)),
    ]
    anywhere = np.linspace(0, 22, 441).reshape(-1, 1)

    def view(axes, outlier):
        for ax, (key, name, colour, loss, ylim) in zip(
            axes, rows, strict=True
        ):
            points, c, pull = by_loss[key, outlier]
            _, g = loss(np.full_like(anywhere, c), anywhere, reduction="sum")
            ax.axvline(c, color=colour, linestyle="--")
            ax.plot(anywhere, -g / len(points), color=figures.GREY, lw=1)
            dots = {"color": colour, "label": "eight points"}
            ax.plot(points[:-1], pull[:-1], "o", **dots)
            far = {"color": figures.RED, "ms": 9, "label": "the far point"}
            ax.plot(points[-1:], pull[-1:], "D", **far)
            x = "value of the point"
            title = f"{name} {c:.2f} (dashed)"
            figures.frame(ax, x, "pull on c", (0, 22), ylim, title)
        axes[0].legend(loc="upper left", bbox_to_anchor=(0.22, 1), fontsize=8)

    return view


def starting(logits, curves):
    """Above, two losses of a sigmoid unit by logit; below, their gradients.

    curves : by name, the loss and its gradient, one a logit.
    """

    def view(axes, u):
        here = u == logits
        for name, colour in zip(curves, figures.COLOURS, strict=False):
            loss, g = curves[name]
            how = {"markevery": here, "color": colour}
            label = f"{name}: gradient {g[here].item():.2g}"
            axes[0].plot(logits, loss, "o-", label=label, **how)
            axes[1].plot(logits, g, "o-", label=label, **how)
        x = "logit u, truth yes"
        figures.frame(axes[0], x, "loss L", (-8.2, 8.2), (-0.3, 8.3))
        y = "$\\partial L/\\partial u$"
        figures.frame(axes[1], x, y, (-8.2, 8.2), (-1.1, 0.1))
        axes[0].legend(loc="upper right")

    return view


def learning(starts, rates, updates, learnt):
    """Above, the probability of yes by update, for two losses; below, the
    updates needed from each start.

    learnt : by loss, the updates needed, of shape (starts, rates), and the
    probabilities after each of ``updates``, of shape (updates, starts, rates).
    """

    def view(axes, logit, rate):
        i = list(starts).index(logit)
        j = list(rates).index(rate)
        for name, colour in zip(learnt, figures.COLOURS, strict=False):
            needed, p = learnt[name]
            axes[0].semilogx(updates, p[:, i, j], color=colour)
            label = f"{name}: {needed[i, j]}"
            how = {"markevery": [i], "color": colour, "label": label}
            axes[1].semilogy(starts, needed[:, j], "o-", **how)
        y = "probability of yes"
        figures.frame(axes[0], "updates", y, (1, 3200), (-0.03, 1.03))
        x = "logit at the start"
        figures.frame(axes[1], x, "updates to p = ½", (-8.2, 0), (0.7, 6000))
        axes[1].legend(loc="upper right")

    return view


def first_pulls(axes, **logits):
    """The pulls y - p of softmax with cross-entropy on four logits, for
    several rows of logits; class 2 is right."""
    for ax, (name, u) in zip(axes, logits.items(), strict=True):
        _, g = cross_entropy(np.array([u]), np.array([2]))
        ax.bar(range(4), -g[0], color=figures.BLUE)
        title = name.replace("_", " ")
        x = "class (2 is right)"
        figures.frame(ax, x, "pull $y - p$", (-0.6, 3.6), (-1.1, 1.1), title)


def lessons(gains, rates, accuracy):
    """Test accuracy of three heads by epoch, three draws each, at one learning
    rate or at each head's own best.

    accuracy : by head, shares of shape (epochs + 1, draws, gains, rates).
    """
    names = [f"{rate:g}" for rate in rates]

    def view(ax, gain, rate):
        i = list(gains).index(gain)
        for head, colour in zip(accuracy, figures.COLOURS, strict=False):
            shares = accuracy[head][:, :, i]  # (epochs + 1, draws, rates)
            if rate == "best":
                j = shares[-1].mean(axis=0).argmax()
            else:
                j = names.index(rate)
            label = [f"{head}, rate {names[j]}", None, None]
            ax.plot(100 * shares[:, :, j], color=colour, label=label)
        y = "right on test images, %"
        figures.frame(ax, "epoch", y, (0, 10), (0, 100))
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1)}
        ax.legend(title="three draws each", **place)

    return view
