"""Pictures of One step of learning: digits, a network drawn, losses, and the
gradient of a net that does not learn."""

import numpy as np

from gradtrace.notebook import figures


def reading(images, runs):
    """Left, ten images, each with what the net takes it for; right, how many
    held-out images it reads rightly, five starts, 20 epochs.

    images : ten of (8, 8), one of each digit; runs : by the number of layers,
    with "guesses" (epochs, 10) and "accuracy" (epochs, starts).
    """
    side_by_side = figures.mosaic(np.array(images), 5)  # 9 × 9 with its gap
    gap = np.full((5, side_by_side.shape[1]), np.nan)  # room for the guesses
    upper, lower = side_by_side[:8], side_by_side[9:]
    picture = np.concatenate([upper, gap, lower, gap])  # 26 lines

    def view(axes, epochs, layers):
        run = runs[layers]
        axes[0].imshow(picture, cmap="Greys", vmin=0, vmax=1)
        for digit in range(10):
            guess = run["guesses"][epochs][digit]
            right = guess == digit
            column = 3.5 + 9 * (digit % 5)
            line = 10 + 13 * (digit // 5)
            axes[0].text(
                column,
                line,
                str(guess),
                ha="center",
                va="center",
                fontsize=15,
                color=figures.BLUE if right else figures.RED,
            )
        span = (-0.5, side_by_side.shape[1] - 0.5)
        title = "what the network takes them for"
        figures.frame(axes[0], "column", "row", span, (26, -0.5), title)
        axes[0].axis("off")

        percent = 100 * np.array(run["accuracy"][:21])
        so_far = percent.copy()
        so_far[epochs + 1 :] = np.nan
        axes[1].axhline(10, color=figures.GREY, linestyle="--")
        axes[1].text(20, 12, "by chance", color=figures.GREY, ha="right")
        axes[1].plot(so_far, color=figures.BLUE, lw=1)
        median = np.median(percent[epochs])
        axes[1].plot([epochs], [median], "o", color=figures.BLUE)
        title = f"{layers} layers: {median:.0f} % right"
        y = "right answers, %"
        figures.frame(axes[1], "epochs", y, (0, 20.5), (0, 100), title)
        axes[1].set_xticks(range(0, 21, 5))

    return view


def ten_digits(images, image):
    """Above, one image of each digit; below, an image with its 64 numbers."""

    def view(axes):
        side_by_side = figures.mosaic(np.array(images), 5)
        figures.pixels(axes[0], side_by_side, "one of each digit")
        axes[0].axis("off")
        figures.pixels(axes[1], image, "the 3: 64 numbers, rounded")
        for (row, column), value in np.ndenumerate(image):
            axes[1].text(
                column,
                row,
                f"{value:.1f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if value > 0.5 else figures.INK,
            )

    return view


def network(ax):
    """Three layers as circles and arrows, with all that one unit hears."""
    columns = [3, 4, 4, 2]
    names = ["input", "layer 1", "layer 2", "layer 3"]
    chosen = (2, 1)  # the second unit of layer 2

    def place(column, i):
        return 1.6 * column, (columns[column] - 1) / 2 - i

    for column in (1, 2, 3):
        for i in range(columns[column - 1]):
            for j in range(columns[column]):
                x0, y0 = place(column - 1, i)
                x1, y1 = place(column, j)
                told = (column, j) == chosen
                ax.annotate(
                    "",
                    (x1 - 0.17, y1),
                    (x0 + 0.17, y0),
                    arrowprops={
                        "arrowstyle": "->",
                        "color": figures.RED if told else figures.GREY,
                        "alpha": 1 if told else 0.5,
                        "linewidth": 1.8 if told else 0.8,
                    },
                )
    for column, name in enumerate(names):
        for i in range(columns[column]):
            x, y = place(column, i)
            told = (column, i) == chosen
            colour = figures.RED if told else figures.BLUE
            filled = "white" if column else "#D5E5F0"
            marker = "o" if column else "s"
            ax.plot(
                x,
                y,
                marker,
                ms=20,
                color=colour,
                mfc=filled,
                mew=1.8,
                zorder=3,
            )
        text = {"ha": "center", "color": figures.INK}
        ax.text(1.6 * column, 2.1, name, fontsize=11, **text)
        below = "numbers" if column == 0 else "units"
        ax.text(1.6 * column, -2.3, f"{columns[column]} {below}", **text)
    middle = {"ha": "center", "va": "center", "zorder": 4}
    ax.text(*place(*chosen), "$\\varphi$", **middle)
    x, y = place(*chosen)
    how = {"arrowstyle": "->", "color": figures.RED, "linewidth": 1.8}
    ax.annotate("", (x, y + 0.17), (x, y + 0.6), arrowprops=how)
    ax.text(x + 0.13, y + 0.45, "$b$", color=figures.RED, **middle)
    title = "red: one unit, its weights and its bias"
    ax.set_title(title, color=figures.RED, fontsize=11)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    for i in range(columns[1]):
        x0, y0 = place(1, i)
        x1, y1 = place(*chosen)
        near = (0.7 * x0 + 0.3 * x1, 0.7 * y0 + 0.3 * y1)
        ax.text(*near, f"$w_{i + 1}$", color=figures.RED, bbox=paper, **middle)
    ax.set(xlim=(-0.6, 5.4), ylim=(-2.6, 2.6), aspect="equal")
    ax.axis("off")


def shares(scores, probabilities):
    """Left, the scores of three classes; in the middle, their probabilities;
    right, the loss if the first class is the right one.

    scores : by the score of the first class, all three; probabilities : the
    same.
    """
    names = ["a", "b", "c"]
    anywhere = np.linspace(0.005, 1, 200)

    def view(axes, score_of_a):
        colours = [figures.BLUE, figures.GREY, figures.GREY]
        axes[0].bar(names, scores[score_of_a], color=colours)
        title = f"score of a: {score_of_a:.2f}"
        frame = (-0.6, 2.6), (-5, 5), title.replace("-", "−")
        figures.frame(axes[0], "class", "score u", *frame)
        axes[0].axhline(0, color=figures.INK, linewidth=0.8)
        p = probabilities[score_of_a]
        axes[1].bar(names, p, color=colours)
        title = f"probability: {p[0]:.3f}"
        figures.frame(
            axes[1],
            "class",
            "probability $\\hat y$",
            (-0.6, 2.6),
            (0, 1),
            title,
        )
        axes[2].plot(anywhere, -np.log(anywhere), color=figures.GREY)
        loss = -np.log(p[0])
        axes[2].plot([p[0]], [loss], "o", color=figures.BLUE)
        title = f"loss: {loss:.2f}"
        figures.frame(
            axes[2],
            "$\\hat y$ of a",
            "loss $-\\ln\\,\\hat y$ of a",
            (0, 1),
            (0, 5.5),
            title,
        )

    return view


def one_weight(weights, losses, slopes):
    """The loss along one weight, with the tangent at a chosen value."""

    def view(ax, weight):
        i = list(weights).index(weight)
        ax.plot(weights, losses, color=figures.GREY, label="loss")
        near = np.array([-1.2, 1.2])
        tangent = losses[i] + slopes[i] * near
        label = "tangent"
        ax.plot(weight + near, tangent, color=figures.BLUE, label=label)
        ax.plot([weight], [losses[i]], "o", color=figures.BLUE)
        low, high = losses.min(), losses.max()
        room = 0.1 * (high - low)
        title = f"slope {slopes[i] + 0.0:+.3f}".replace("-", "−")
        x = "the weight w (all others stay)"
        limits = (low - room, high + room)
        span = (weights[0], weights[-1])
        figures.frame(ax, x, "loss L", span, limits, title)
        ax.legend(loc="upper center")

    return view


def rates(descents):
    """The loss in many updates of one rate, for three starts.

    descents : by rate, (updates + 1, starts).
    """

    def view(ax, rate):
        loss = descents[rate]
        ax.axhline(loss[0].mean(), color=figures.GREY, linestyle="--")
        ax.text(59, 2.4, "untrained", color=figures.GREY, ha="right")
        # one inside the other where they coincide
        looks = [(figures.ORANGE, 4), (figures.SKY, 2.2), (figures.INK, 0.8)]
        for k, (colour, width) in enumerate(looks):
            ax.plot(loss[:, k], color=colour, linewidth=width)
        title = f"learning rate {rate:.2g}, three starts"
        figures.frame(ax, "updates", "loss L", (0, 60), (0, 5), title)

    return view


def deep_and_shallow(runs, updates_stored):
    """The accuracy of 3 and of 50 layers against updates, five starts each,
    as a median in a band.

    runs : by layers and rate, with "accuracy" (times, starts).
    """

    def view(ax, rate):
        ax.axhline(10, color=figures.INK, ls="--", lw=0.8, label="chance")
        for layers, colour in [(3, figures.BLUE), (50, figures.RED)]:
            percent = 100 * np.array(runs[layers, rate]["accuracy"])[1:]
            low, middle = percent.min(axis=1), np.median(percent, axis=1)
            label = f"{layers} layers"
            ax.fill_between(
                updates_stored[1:],
                low,
                percent.max(axis=1),
                color=colour,
                alpha=0.25,
                linewidth=0,
            )
            ax.plot(updates_stored[1:], middle, color=colour, label=label)
        ax.set_xscale("log")
        ax.legend(loc="center right", fontsize=8)
        title = f"learning rate {rate:g}"
        y = "right answers, %"
        # wider than the runs, so that chance shows at both ends
        figures.frame(ax, "updates", y, (10, 20_000), (0, 100), title)
        ticks = [10, 100, 1000, 10_000]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.set_xticks([], minor=True)

    return view


def by_layer(norms):
    """Above, the length of each layer's gradient; below, the same in powers
    of ten; five starts.

    norms : by the number of layers, (layers, starts).
    """

    def view(axes, layers):
        number = np.arange(1, layers + 1)
        how = {"color": figures.BLUE, "linewidth": 1}
        if layers < 20:
            how["marker"] = "."
        axes[0].plot(number, norms[layers], **how)
        y = "$\\|\\partial L/\\partial W\\|$"
        figures.frame(
            axes[0], "layer", y, (0, 51), (0, 0.15), f"{layers} layers"
        )
        axes[1].plot(number, np.log10(norms[layers]), **how)
        x = "layer   (1 reads the picture)"
        y = "the same, in powers of ten"
        figures.frame(axes[1], x, y, (0, 51), (-13, 0))
        axes[1].set_yticks(range(-12, 1, 2))
        for ax in axes:
            ax.set_xticks([1, 10, 20, 30, 40, 50])

    return view
