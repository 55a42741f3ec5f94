"""What sharing weights does: windows and maps, the matrix of a convolution,
shifts and pooling, numbers of weights, and what nets learn from digits."""

import numpy as np

from gradtrace.notebook import figures
from gradtrace.notebook.figures import BLUE, COLOURS, mosaic, pixels


def maps(image, filters, answers):
    """The map of each filter on one image, orange for positive answers and
    purple for negative ones.

    filters : by name, each (3, 3); answers(image, filter) : the map.
    """

    def view(axes):
        for ax, (name, W) in zip(axes, filters.items(), strict=True):
            pixels(ax, answers(image, W), name, signed=True, most=2)

    return view


def by_hand(digit, filters, answers):
    """An image and the window on it, the filter, their products, and the map
    of the sums up to this window.

    digit : (8, 8), drawn in half contrast; filters : by name, each (3, 3);
    answers(image, filter) : the map, (6, 6).
    """

    def view(axes, filter, paper, window):
        W = filters[filter]
        image = paper + digit / 2
        r, c = divmod(window - 1, 6)
        products = W * image[r : r + 3, c : c + 3]
        answer = answers(image, W)
        this_sum = answer[r, c]
        so_far = np.full((6, 6), np.nan)
        so_far.flat[:window] = answer.flat[:window]
        pixels(axes[0], image, "image and window", window=(r, c, 3))
        pixels(
            axes[1], W, "filter", signed=True, numbers=True, most=2 * W.max()
        )
        pixels(
            axes[2],
            products,
            "window ⊙ filter",
            signed=True,
            numbers=True,
            most=W.max(),
        )
        pixels(
            axes[3],
            so_far,
            f"map; this sum: {this_sum:.2f}",
            signed=True,
            most=np.sqrt(W[W > 0].sum()),
        )

    return view


def copies(number, gradients):
    """Left, the matrix of a convolution, where one weight stands dark; right,
    the dense layer's gradients at these places.

    number : (pixels, places), of the weight there, or 0; gradients : by
    (weight, digit), those of the copies, (6, 6), and the shared weight's.
    """

    def view(axes, weight, digit):
        dM, dW = gradients[weight, digit]
        total = dM.sum()
        matrix = np.zeros(number.shape)
        matrix[number > 0] = -0.25
        matrix[number == weight] = 1
        pixels(axes[0], matrix, "M; dark: one weight", signed=True)
        axes[0].set(xlabel="place in the map", ylabel="pixel", box_aspect=1.2)
        pixels(
            axes[1],
            dM,
            f"sum {total:.2f}; ∂L/∂W {dW:.2f}",
            signed=True,
            most=3,
        )

    return view


def forget(images, kept, change, windows, example=3):
    """A shifted digit, its pooled map, and by how much a shift changes the
    pooled maps of all digits.

    kept : by (kind, window), for each shift the maps (images, 1, rows,
    columns); change : alike, in percent, (shifts,).
    """

    def view(axes, kind, window, shift):
        columns = 2 + shift, 4 - shift  # zeros to the left and to the right
        image = np.pad(images[example], [(3, 3), columns])
        maps = kept[kind, window]
        pooled = maps[shift][example, 0] / maps[0][example].max()
        percent = change[kind, window][shift]
        pixels(axes[0], image, "image")
        pixels(axes[1], pooled, f"{kind}, {window} × {window}", side=12)
        for m, colour in zip(windows, COLOURS, strict=False):
            axes[2].plot(
                change[kind, m],
                "-o",
                markevery=[shift],
                color=colour,
                label=m,
            )
        figures.frame(
            axes[2],
            "shift, pixels",
            "change, %",
            (-0.3, 4.3),
            (-5, 160),
            f"change: {percent:.0f} %",
        )
        axes[2].set_box_aspect(1)  # as high as the images
        below = {"loc": "upper right", "bbox_to_anchor": (1, -0.3)}
        row = {"ncols": 4, "handlelength": 1.5, "columnspacing": 1}
        axes[2].legend(title="window", fontsize=8, **row, **below)

    return view


def counted(weights):
    """Numbers of weights by the image's side, with the reader's side marked.

    weights(side, window) : those of a dense, a sparse and a shared layer.
    """
    sides = 2 ** np.arange(3, 9)

    def view(ax, side, window):
        lines = np.array([weights(n, window) for n in sides])
        here = weights(side, window)
        for k, name in enumerate(("dense", "sparse", "shared")):
            ax.plot(
                np.log2(sides),
                np.log10(lines[:, k]),
                color=COLOURS[k],
                label=f"{name}: {here[k]:,}",
            )
            ax.plot(np.log2(side), np.log10(here[k]), "o", color=COLOURS[k])
        figures.frame(
            ax,
            "side, powers of two",
            "weights, powers of ten",
            (2.8, 8.2),
            (0, 14),
            f"{side} × {side} pixels",
        )
        ax.legend(loc="upper left")

    return view


def recognised(right, nets):
    """Test digits recognised by each net, a dot for each seed and a bar for
    their median.

    right : by (net, wandering in training, wandering in the test), percent,
    (seeds,); nets : their names, from left to right.
    """

    def view(ax, trained, tested):
        for place, net in enumerate(nets):
            seeds = np.sort(right[net, trained, tested])
            median = np.median(seeds)
            spread = np.linspace(-0.15, 0.15, len(seeds))
            colour = COLOURS[place]
            ax.plot(place + spread, seeds, "o", color=colour)
            ax.plot(
                [place - 0.25, place + 0.25],
                [median, median],
                color=colour,
                linewidth=3,
                alpha=0.6,
            )
        ax.set_xticks(range(len(nets)), nets)
        figures.frame(
            ax,
            "net (dots: seeds, bar: median)",
            "test digits recognised, %",
            (-0.5, 2.5),
            (0, 100),
        )

    return view


def learned(seen, filters):
    """A digit, the net's ten scores, its filters and their maps.

    seen : by (digit, shift), the image, (12, 12), the maps, (8, 10, 10), and
    the scores, (10,); filters : (8, 3, 3).
    """

    def view(axes, digit, shift):
        image, answers, scores = seen[digit, shift]
        pixels(axes[0], image, f"a {digit}, shifted by {shift}")
        axes[1].bar(range(10), scores, color=BLUE)
        axes[1].set_xticks(range(10))
        figures.frame(
            axes[1],
            "class",
            "score (logit)",
            (-0.6, 9.6),
            (-20, 12),
            f"answer: {np.argmax(scores)}",
        )
        pixels(axes[2], mosaic(filters, 4), "eight filters", signed=True)
        pixels(axes[3], mosaic(answers, 4), "their maps", most=2.5)

    return view
