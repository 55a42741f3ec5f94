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

    def view(axes, epochs, layers):
        run = runs[layers]
        guesses = run["guesses"][epochs]
        right = np.equal(guesses, range(10))
        colours = np.where(right, figures.BLUE, figures.RED)
        title = "what the network takes them for"
        with_digits(axes[0], images, guesses, colours, title)

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


def with_digits(ax, images, digits, colours, title):
    """Ten images in two rows, with a coloured digit under each."""
    side_by_side = figures.mosaic(np.array(images), 5)  # 9 × 9 with its gap
    gap = np.full((5, side_by_side.shape[1]), np.nan)  # room for the digits
    upper, lower = side_by_side[:8], side_by_side[9:]
    picture = np.concatenate([upper, gap, lower, gap])  # 26 lines
    ax.imshow(picture, cmap="Greys", vmin=0, vmax=1)
    for i, (digit, colour) in enumerate(zip(digits, colours, strict=True)):
        column = 3.5 + 9 * (i % 5)
        line = 10 + 13 * (i // 5)
        look = {"ha": "center", "va": "center", "fontsize": 15}
        ax.text(column, line, str(digit), color=colour, **look)
    span = (-0.5, side_by_side.shape[1] - 0.5)
    figures.frame(ax, "column", "row", span, (26, -0.5), title)
    ax.axis("off")


def ten_digits(images, image):
    """Above, one image of each digit; below, an image with its 64 numbers."""

    def view(axes):
        ink = 10 * [figures.INK]
        title = "one of each digit, and its label"
        with_digits(axes[0], images, range(10), ink, title)
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


def shares(b, c):
    """Left, the scores of three classes, of which those of b and c stay; in
    the middle, their probabilities; right, the loss if a is the right one.
    """
    names = ["a", "b", "c"]
    anywhere = np.linspace(0.005, 1, 200)

    def view(axes, score_of_a):
        colours = [figures.BLUE, figures.GREY, figures.GREY]
        u = np.array([score_of_a, b, c])
        axes[0].bar(names, u, color=colours)
        title = f"score of a: {score_of_a:.2f}"
        frame = (-0.6, 2.6), (-5, 5), title.replace("-", "−")
        figures.frame(axes[0], "class", "score u", *frame)
        axes[0].axhline(0, color=figures.INK, linewidth=0.8)
        p = np.exp(u) / np.exp(u).sum()
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
        how = {"color": figures.GREY, "linestyle": "--"}
        ax.axhline(loss[0].mean(), label="untrained", **how)
        # one inside the other where they coincide
        looks = [(figures.ORANGE, 4), (figures.SKY, 2.2), (figures.INK, 0.8)]
        for k, (colour, width) in enumerate(looks):
            label = f"seed {k}"
            ax.plot(loss[:, k], color=colour, linewidth=width, label=label)
        title = f"learning rate {rate:.2g}, three starts"
        figures.frame(ax, "updates", "loss L", (0, 60), (0, 5), title)
        ax.legend(loc="upper right", ncols=2, fontsize=8)

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
        # deeper than any line, so that the frame gives no answer away
        figures.frame(axes[1], x, y, (0, 51), (-16.5, 0))
        axes[1].set_yticks(range(-16, 1, 4))
        for ax in axes:
            ax.set_xticks([1, 10, 20, 30, 40, 50])

    return view
