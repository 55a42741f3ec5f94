"""The pictures of the notebook on characters.

Nets that read and write, the letter that may come next, words and pages that
a net writes, and bits per character. Gradients come in natural logarithms and
are drawn as powers of ten.
"""

import numpy as np

from gradtrace import text
from gradtrace.notebook import figures


def patterns(axes):
    """Four unrolled nets: when they read and when they write."""
    shape(axes[0], "one to many", [1, 0, 0, 0], [1, 1, 1, 1])
    shape(axes[1], "many to one", [1, 1, 1, 1], [0, 0, 0, 1])
    shape(axes[2], "many to many, in step", [1, 1, 1, 1], [1, 1, 1, 1])
    shape(axes[3], "many to many, delayed", [1, 1, 0, 0], [0, 0, 1, 1])


def shape(ax, name, reads, writes):
    """States in a row, an input below each step that reads, an output above
    each that writes; the drawing is like Karpathy's (2015).

    reads, writes : 1 or 0 for each step.
    """
    steps = np.arange(len(reads))
    for t in steps:
        box(ax, t, 1, "h", figures.BLUE)
    for t in steps[1:]:
        figures.arrow(ax, (t - 0.72, 1), (t - 0.28, 1))
    for t in np.flatnonzero(reads):
        box(ax, t, 0, "x", figures.ORANGE)
        figures.arrow(ax, (t, 0.28), (t, 0.72))
    for t in np.flatnonzero(writes):
        box(ax, t, 2, "y", figures.GREEN)
        figures.arrow(ax, (t, 1.28), (t, 1.72))
    ax.set(
        xlim=(-0.6, steps[-1] + 0.6),
        ylim=(-0.4, 2.4),
        xticks=[],
        yticks=[],
        frame_on=False,
        title=name,
    )


def box(ax, x, y, letter, colour):
    """A letter in a box."""
    edge = {
        "boxstyle": "round,pad=0.3",
        "facecolor": "white",
        "edgecolor": colour,
        "linewidth": 2,
    }
    ax.text(x, y, letter, ha="center", va="center", bbox=edge)


def learning(softmaxes, right):
    """The probability of every next letter, for the four stretches read.

    softmaxes : of update and memory, (4, 4), by step and letter; right : the
    place in "helo" of the letter that should come, for each step.
    """

    def view(ax, update, memory):
        p = softmaxes(update, memory)
        name = "with memory" if memory else "W = 0"
        read = ["h", "he", "hel", "hell"]
        choices(ax, p, "helo", right, read, f"{name}, {update} updates")

    return view


def writing(spell, right):
    """Left, softmax and shares of the letters after h; right, ten words.

    spell : of temperature, update and memory, the softmax (4, 4) by step and
    letter, and the letters drawn after h (1000, 4); right : as they should be.
    """

    def view(axes, temperature, update, memory):
        p, drawn = spell(temperature, update, memory)
        product = np.prod(p[np.arange(4), right])
        share = (drawn == right).all(axis=1).mean()
        seen = np.bincount(drawn[:, 0], minlength=4) / len(drawn)
        title = f"temperature {temperature:g}, {update} updates"
        choices(axes[0], p[:1], "helo", right[:1], ["h"], title, seen)
        ten = ["h" + text.decode(word, "helo") for word in drawn[:10]]
        words(axes[1], ten, "hello")
        axes[1].set(
            xlabel=f"right: {share:.1%} of {len(drawn)}",
            ylabel="the first ten words",
            title=f"product: {product:.1%}",
        )

    return view


def composing(pages, source, bits, levels, updates):
    """Above, bits by updates; below, a page that the net wrote, its copied
    stretches bold.

    pages : for each cell, update and temperature, a text; source : the text
    learnt; bits : for each cell (2, updates), learnt and new; levels : by
    name, what to compare the bits with.
    """

    def view(axes, cell, update, temperature):
        page = pages[cell, update, temperature]
        curves(
            axes[0],
            np.arange(len(updates)),
            bits[cell],
            levels,
            f"{cell}, {update} updates, temperature {temperature:g}",
            updates.index(update),
        )
        axes[0].set(
            xlabel="updates",
            xticks=range(len(updates)),
            xticklabels=updates,
        )
        typed(axes[1], page, copied(page, source, 12))

    return view


def nearest(apart, updates):
    """How far a net's guess is from counted ones, by updates, for two cells.

    apart : for each cell and count, (starts, moments); updates : by moment.
    """
    cells = list(dict.fromkeys(cell for cell, _ in apart))
    counts = list(dict.fromkeys(count for _, count in apart))
    looks = list(zip(counts, figures.COLOURS, strict=False))
    places = np.arange(len(updates))

    def view(axes):
        for ax, cell in zip(axes, cells, strict=True):
            for count, colour in looks:
                many = apart[cell, count].T
                look = {"colour": colour, "style": ".-", "label": count}
                figures.band(ax, places, many, **look)
            limits = (-0.2, places[-1] + 0.2)
            figures.frame(ax, "updates", "distance", limits, (0, 1.4), cell)
            ax.set(xticks=places, xticklabels=updates)
        axes[0].legend(loc="upper center", ncols=3, fontsize=8)

    return view


def reaching(reach, levels):
    """Left, the gradient of a guess by delay, at first and now; right, bits
    by the characters seen.

    reach : for each cell and update, on learnt and on new text, bits (W,) and
    natural logarithms of gradient norms (W + 1,); levels : by name.
    """

    def view(axes, cell, update):
        (learnt, log), (new, _) = reach[cell, update]
        (_, first), _ = reach[cell, 1]
        figures.norms(
            axes[0],
            first - first[0],
            style="--",
            colour=figures.GREY,
            label="after 1 update",
        )
        figures.norms(axes[0], log - log[0], label=f"after {update}")
        axes[0].plot([24, 24], [-8, 1.5], ":", color=figures.RED)
        axes[0].legend(loc="lower left")
        figures.frame(
            axes[0],
            "delay k",
            "gradient, powers of ten",
            (0, 39),
            (-8, 1.5),
            cell,
        )
        seen = np.arange(1, len(learnt) + 1)
        curves(axes[1], seen, [learnt, new], levels, f"{update} updates")
        axes[1].set(xlabel="characters seen")

    return view


def choices(ax, p, letters, right, read, title, seen=None):
    """The probability of every letter as a bar, for several steps in one row,
    the right letter framed and named (after a slide of Lee's).

    p : (T, n); letters : n; right : the place of the letter that should come,
    for each step; read : what the net has read; seen : (n,), shares of
    letters drawn, as dots.
    """
    T, n = p.shape
    places = np.zeros((T, n))
    for t in range(T):
        places[t] = t * (n + 1) + np.arange(n)  # a gap after each step
    ax.bar(
        places[np.arange(T), right],
        np.ones(T),
        width=0.9,
        fill=False,
        edgecolor=figures.GREY,
        linestyle="--",
    )
    ax.bar(
        places.ravel(),
        p.ravel(),
        width=0.7,
        color=figures.BLUE,
        label="softmax",
    )
    if seen is not None:
        ax.plot(
            places.ravel(),
            seen,
            "o",
            color=figures.ORANGE,
            markeredgecolor="black",
            label="drawn",
        )
        ax.legend(loc="center right")
    for t, k in enumerate(right):
        middle = places[t].mean()
        name = f"{letters[k]} {100 * p[t, k]:.1f} %"
        ax.text(middle, 1.22, read[t], ha="center", va="center")
        ax.text(middle, 1.1, name, ha="center", va="center", weight="bold")
    ax.set(
        xticks=places.ravel(),
        xticklabels=list(letters) * T,
        xlim=(-1, places[-1, -1] + 1),
        ylim=(0, 1.3),
        xlabel="next letter",
        ylabel="softmax",
        title=title,
    )
    ax.grid(alpha=0.25)


def words(ax, spelled, right):
    """Words below one another, a dot before each that is right."""
    rows = [row for row, word in enumerate(spelled) if word == right]
    ax.plot([0.14] * len(rows), rows, "o", color=figures.BLUE)
    for row, word in enumerate(spelled):
        ax.text(
            0.24,
            row,
            word,
            family="monospace",
            size=12,
            va="center",
            parse_math=False,
        )
    ax.set(xlim=(0, 1), ylim=(len(spelled) - 0.4, -0.6), xticks=[], yticks=[])


def typed(ax, page, marked, width=46, rows=8):
    """A text in a typewriter's letters, the marked characters in bold; what
    does not fit on the page is cut.

    marked : one bool for each character; width, rows : in characters.
    """
    ax.plot([0, 0], [-0.5, rows - 0.5], color=figures.GREY, linewidth=0.8)
    plain = {"weight": "normal"}
    bold = {"weight": "bold", "color": figures.BLUE}
    for row, places in enumerate(lines(page, width, rows)):
        for wanted, look in ((False, plain), (True, bold)):
            shown = [page[i] if marked[i] == wanted else " " for i in places]
            ax.text(
                0.01,
                row,
                "".join(shown),
                family="monospace",
                size=11,
                va="center",
                parse_math=False,
                **look,
            )
    ax.set(
        xlim=(0, 1),
        ylim=(rows - 0.5, -0.5),
        xticks=[],
        yticks=[],
        frame_on=False,
        ylabel="the net writes",
        xlabel=f"bold: {np.mean(marked):.0%} copied",
    )


def lines(page, width, rows):
    """The places of the characters that stand in each row."""
    found = [[]]
    for i, character in enumerate(page):
        if character == "\n" or len(found[-1]) == width:
            found.append([])
        if character != "\n":
            found[-1].append(i)
    empty = [[]] * rows
    return [*found, *empty][:rows]


def copied(page, source, least):
    """Which characters belong to a stretch of ``least`` or more that stands
    in ``source`` word for word.
    """
    marked = np.zeros(len(page), bool)
    for i in range(len(page) - least + 1):
        if page[i : i + least] in source:
            marked[i : i + least] = True
    return marked


def curves(ax, x, bits, levels, title, now=None):
    """Bits per character on text learnt and on new text, over dotted levels
    to compare with, and a line across at ``now``.

    x : (k,); bits : (2, k); levels : by name.
    """
    learnt, new = bits
    for name, value in levels.items():
        ax.axhline(value, color=figures.GREY, linestyle=":", linewidth=1)
        ax.text(
            0.01,
            value + 0.05,
            name,
            transform=ax.get_yaxis_transform(),
            ha="left",
            va="bottom",
            size=8,
        )
    ax.plot(x, learnt, "o-", color=figures.BLUE, markersize=2, label="learnt")
    ax.plot(x, new, "s--", color=figures.ORANGE, markersize=2, label="new")
    if now is not None:
        ax.axvline(now, color=figures.GREEN, linewidth=1.5)
    ax.legend(loc="upper right", ncols=2)
    ax.grid(alpha=0.25)
    ax.set(
        xlim=(x[0] - 0.3, x[-1] + 0.3),
        ylim=(0, 8.5),
        ylabel="bits per character",
        title=title,
    )
