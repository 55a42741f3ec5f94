"""The pictures of the notebook on reversed input.

The way of each word from reading it to saying its translation, and how five
nets that read straight do beside five that read in reverse: shares of right
words, and gradients in powers of ten.
"""

import numpy as np

from gradtrace.notebook import figures

LOOKS = {  # colour, line, marker
    "straight": (figures.BLUE, "-", "o"),
    "reversed": (figures.ORANGE, "--", "s"),
}


def ways(axes, lags, length):
    """The ways of all words of a sentence, straight and reversed.

    lags : of length and order, steps from reading to saying, by target word.
    """
    for ax, order in zip(axes, LOOKS, strict=True):
        arcs(ax, lags(length, order), order)


def arcs(ax, lags, order):
    """A half circle for each word, from the step that reads it to the step
    that says its translation; the first is said at step ``length + 1``.
    """
    length = len(lags)
    colour, line, _ = LOOKS[order]
    turn = np.linspace(0, np.pi, 61)
    for say, lag in enumerate(lags, start=length + 1):
        x = say - lag / 2 * (1 - np.cos(turn))
        ax.plot(x, lag / 2 * np.sin(turn), line, color=colour)
    read = [f"$x_{k}$" for k in range(1, length + 1)]
    said = [f"$y_{k}$" for k in range(1, length + 1)]
    if order == "reversed":
        read.reverse()
    for step, word in enumerate(read + said, start=1):
        ax.text(step, -0.3, word, ha="center", va="top")
    ax.set(
        title=order,
        xlabel="step",
        xlim=(0.3, 2 * length + 0.7),
        ylim=(-1.5, length),
        xticks=range(1, 2 * length + 1, max(1, length // 3)),
        yticks=[],
    )
    ax.spines[["left", "top", "right"]].set_visible(False)


def distances(lags):
    """Left, the distance of each target word from its source word; right,
    w to that power, with its mean, in powers of ten.

    lags : of length and order, distances in steps, by target word.
    """

    def view(axes, length, fading):
        left, right = axes
        word = np.arange(1, length + 1)
        mean = {}
        for order, (colour, line, marker) in LOOKS.items():
            look = {"color": colour, "marker": marker, "ms": 4}
            distance = lags(length, order)
            left.plot(word, distance, line, label=order, **look)
            power = distance * np.log10(fading)
            right.plot(word, power, line, label=order, **look)
            mean[order] = np.mean(fading**distance)
            level = np.log10(mean[order])
            right.plot([0, 21], [level, level], ":", color=colour)
        middle = lags(length, "straight").mean()
        left.plot(
            [0, 21],
            [middle, middle],
            ":",
            color=figures.GREY,
            label="mean of both",
        )
        left.legend(loc="upper left")
        gain = mean["reversed"] / mean["straight"]
        figures.frame(
            left,
            "target word",
            "distance, steps",
            (0, 21),
            (0, 52),
            f"mean distance {middle:g}",
        )
        figures.frame(
            right,
            "target word",
            "w to the distance, powers of ten",
            (0, 21),
            (-12, 0.5),
            f"mean: reversed × {gain:.3g}",
        )

    return view


def curves(runs):
    """Shares of right words by updates; left all words, right one of them.

    runs : for each net, last, shares (times, words, nets); half of the nets
    read straight, the others in reverse.
    """

    def view(axes, net, word):
        _, _, share = runs[net]
        update = 25 * np.arange(len(share))
        for order, five in halves(share).items():
            seeds(axes[0], update, five.mean(axis=1), order)
            seeds(axes[1], update, five[:, word - 1], order)
        titles = [f"{net}: all ten words", f"target word {word} of 10"]
        for ax, title in zip(axes, titles, strict=True):
            ax.plot(
                [0, 250],
                [1 / 8, 1 / 8],
                ":",
                color=figures.GREY,
                label="chance",
            )
            figures.frame(
                ax,
                "update",
                "share of right words",
                (0, 250),
                (-0.02, 1.02),
                title,
            )
        axes[0].legend(loc="upper left")

    return view


def longer(runs):
    """Shares of right words by updates, a panel for each net.

    runs : as for ``curves``.
    """

    def view(axes):
        for ax, (name, (_, _, share)) in zip(axes, runs.items(), strict=True):
            update = 25 * np.arange(len(share))
            for order, five in halves(share).items():
                seeds(ax, update, five.mean(axis=1), order)
            limits = (0, update[-1])
            y = "share of right words"
            figures.frame(ax, "update", y, limits, (-0.02, 1.02), name)
        axes[0].legend(loc="upper left")

    return view


def arrives(gradients):
    """The gradient of one word's score, by source word.

    gradients : for each net, time of training, target and length, straight
    and reversed, (length, seeds), in powers of ten.
    """

    def view(ax, net, trained, target, length):
        t = length if target == "last word" else 1
        straight, reverse = gradients[net, trained, target, length]
        source = np.arange(1, length + 1)
        seeds(ax, source, straight, "straight")
        seeds(ax, source, reverse, "reversed")
        first_to_last = np.median(straight[0] - straight[-1])
        step = 10 ** (first_to_last / (length - 1))
        ax.plot(
            [t, t],
            [-2.5, 2],
            ":",
            color=figures.GREY,
            label="what it translates",
        )
        ax.legend(loc="lower left", ncols=2, fontsize=9)
        figures.frame(
            ax,
            "source word k",
            "gradient, powers of ten",
            (0.5, 12.5),
            (-2.5, 2),
            f"{target}, {trained}: straight × {step:.2f} a step",
        )

    return view


def lengths(right):
    """Left, the share of right words by target word; right, by length of the
    sentence, whole sentences dotted.

    right : for each net and length, which words are right (words, nets,
    sentences); half of the nets read straight, the others in reverse.
    """

    def view(axes, net, length):
        words = list(right[net])
        target = np.arange(1, length + 1)
        for order, (colour, _, _) in LOOKS.items():
            five = halves(right[net][length], axis=1)[order]
            seeds(axes[0], target, five.mean(axis=-1), order)
            shares = []
            medians = []
            for many in right[net].values():
                five = halves(many, axis=1)[order]
                shares.append(five.mean(axis=(0, -1)))
                whole = five.all(axis=0)  # sentences without a wrong word
                medians.append(np.median(whole.mean(axis=-1)))
            seeds(axes[1], words, np.stack(shares), order)
            label = "whole sentence" if order == "reversed" else "_"
            axes[1].plot(words, medians, ":", color=colour, label=label)
        axes[1].plot(
            [length, length], [-0.02, 1.02], color=figures.GREY, lw=0.8
        )
        axes[1].legend(loc="upper right", fontsize=8)
        figures.frame(
            axes[0],
            "target word",
            "share of right words",
            (0.5, 12.5),
            (-0.02, 1.02),
            f"{net}: {length} words",
        )
        figures.frame(
            axes[1],
            "words in a sentence",
            "share right",
            (1.5, 12.5),
            (-0.02, 1.02),
            "words, whole sentences",
        )
        for ax in axes:
            ax.set_xticks([2, 4, 6, 8, 10, 12])

    return view


def halves(many, axis=-1):
    """The nets that read straight, and those that read in reverse."""
    straight, reverse = np.split(many, 2, axis=axis)
    return {"straight": straight, "reversed": reverse}


def seeds(ax, x, many, order):
    """The median and quartiles of several seeds, in the look of the order."""
    colour, line, marker = LOOKS[order]
    style = line + marker
    figures.band(ax, x, many, colour=colour, style=style, label=order)
