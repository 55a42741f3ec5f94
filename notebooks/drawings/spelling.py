"""Nets that spell, as pictures: which steps read and write, the letter that may come next, words and a page of text."""

import numpy as np

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#808080"


def shape(ax, name, reads, writes):
    """Draw an unrolled net: states in a row, an input below each step that reads, an output above each that writes.

    Parameters
    ----------
    ax : matplotlib Axes
    name : str
        The title.
    reads, writes : sequence of bool
        One for each step.

    Notes
    -----
    Source: the drawing is Karpathy's (2015).

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import spelling
    >>> ax = Figure().subplots()
    >>> spelling.shape(ax, "many to one", [True, True, True], [False, False, True])
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['h', 'h', 'h', 'x', 'x', 'x', 'y']
    """
    if not len(reads) or len(reads) != len(writes):
        raise ValueError(f"reads, writes: expected one entry for each step, came {len(reads)} and {len(writes)}")
    steps = np.arange(len(reads))
    for t in steps:
        _box(ax, t, 1, "h", BLUE)
    for t in steps[1:]:
        _arrow(ax, (t - 0.72, 1), (t - 0.28, 1))
    for t in steps[np.asarray(reads, bool)]:
        _box(ax, t, 0, "x", ORANGE)
        _arrow(ax, (t, 0.28), (t, 0.72))
    for t in steps[np.asarray(writes, bool)]:
        _box(ax, t, 2, "y", GREEN)
        _arrow(ax, (t, 1.28), (t, 1.72))
    ax.set(xlim=(-0.6, steps[-1] + 0.6), ylim=(-0.4, 2.4), xticks=[], yticks=[], frame_on=False, title=name)


def choices(ax, p, letters, right, read, title="", seen=None):
    """Draw the probability of every letter as a bar, for several steps in one row, each with its right letter framed.

    Parameters
    ----------
    ax : matplotlib Axes
    p : ndarray of shape (T, n)
    letters : str
        The ``n`` letters.
    right : sequence of int; the place of the letter that should come, for each step
    read : sequence of str
        What the net has read; stands above.
    title : str
    seen : ndarray of shape (T, n), optional; shares of letters drawn, as dots

    Raises
    ------
    ValueError
        The arguments do not fit.

    Notes
    -----
    Source: Lee, "Seq2Sequence Learning Example".

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import spelling
    >>> ax = Figure().subplots()
    >>> spelling.choices(ax, np.array([[0.1, 0.9], [0.5, 0.5]]), "ab", [1, 0], ["a", "ab"])
    >>> [text.get_text() for text in ax.texts]
    ['a', 'b 90.0 %', 'ab', 'a 50.0 %']
    """
    T, n = np.shape(p)
    if n != len(letters) or not T == len(right) == len(read):
        raise ValueError(f"p: expected shape ({len(read)}, {len(letters)}) for {len(read)} steps and {letters!r},"
                         f" came {np.shape(p)}, and {len(right)} right letters")
    places = np.arange(T)[:, None] * (n + 1) + np.arange(n)
    at = places[range(T), list(right)]
    ax.bar(at, np.ones(T), width=0.9, fill=False, edgecolor=GREY, linestyle="--")
    ax.bar(places.ravel(), np.ravel(p), width=0.7, color=BLUE, label="softmax")
    if seen is not None:
        ax.plot(places.ravel(), np.ravel(seen), "o", color=ORANGE, markeredgecolor="black", label="drawn")
        ax.legend(loc="center right")
    for t, k in enumerate(right):
        ax.text(places[t].mean(), 1.22, read[t], ha="center", va="center")
        ax.text(places[t].mean(), 1.1, f"{letters[k]} {100 * p[t, k]:.1f} %", ha="center", va="center", weight="bold")
    ax.set(xticks=places.ravel(), xticklabels=list(letters) * T, xlim=(-1, places[-1, -1] + 1), ylim=(0, 1.3),
           xlabel="next letter", ylabel="softmax", title=title)
    ax.grid(alpha=0.25)


def words(ax, spelled, right):
    """Write words below one another, a dot before each that is right.

    Parameters
    ----------
    ax : matplotlib Axes
    spelled : sequence of str
    right : str

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import spelling
    >>> ax = Figure().subplots()
    >>> spelling.words(ax, ["hello", "heloo", "hello"], "hello")
    >>> len(ax.texts), len(ax.lines[0].get_ydata())
    (3, 2)
    """
    rows = [row for row, word in enumerate(spelled) if word == right]
    ax.plot([0.14] * len(rows), rows, "o", color=BLUE)
    for row, word in enumerate(spelled):
        ax.text(0.24, row, word, family="monospace", size=12, va="center", parse_math=False)
    ax.set(xlim=(0, 1), ylim=(len(spelled) - 0.4, -0.6), xticks=[], yticks=[])


def page(ax, text, marked, width=46, rows=8):
    """Write a text in a typewriter's letters, the marked characters in bold, and cut what is too long.

    Parameters
    ----------
    ax : matplotlib Axes
    text : str
        Line feeds end a row; longer rows are broken.
    marked : sequence of bool
        One for each character.
    width, rows : int
        Room on the page, in characters.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import spelling
    >>> ax = Figure().subplots()
    >>> spelling.page(ax, "The sea", [True, True, True, False, False, False, False], rows=1)
    >>> [text.get_text() for text in ax.texts]
    ['    sea', 'The    ']
    """
    if len(text) != len(marked):
        raise ValueError(f"marked: expected {len(text)} entries, one for each character, came {len(marked)}")
    ax.plot([0, 0], [-0.5, rows - 0.5], color=GREY, linewidth=0.8)
    for row, places in enumerate(_rows(text, width, rows)):
        for bold in (False, True):
            letters = "".join(text[i] if bool(marked[i]) == bold else " " for i in places)
            ax.text(0.01, row, letters, family="monospace", size=11, va="center", parse_math=False,
                    weight="bold" if bold else "normal", **{"color": BLUE} if bold else {})
    ax.set(xlim=(0, 1), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[], frame_on=False, ylabel="the net writes",
           xlabel=f"bold: {sum(marked) / max(1, len(marked)):.0%} copied")


def curves(ax, x, learnt, new, levels, title, now=None):
    """Draw bits per character on text learnt from and on new text, over dotted levels to compare with.

    Parameters
    ----------
    ax : matplotlib Axes
    x, learnt, new : ndarray of shape (k,)
    levels : dict of str to float
    title : str
    now : float, optional
        Where to put a marker across.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import spelling
    >>> ax = Figure().subplots()
    >>> spelling.curves(ax, np.arange(2), np.array([5.0, 1.0]), np.array([5.0, 4.0]), {"blind": 5.7}, "GRU", 1)
    >>> len(ax.lines), ax.texts[0].get_text()
    (4, 'blind')
    """
    for name, value in levels.items():
        ax.axhline(value, color=GREY, linestyle=":", linewidth=1)
        ax.text(0.01, value + 0.05, name, transform=ax.get_yaxis_transform(), ha="left", va="bottom", size=8)
    ax.plot(x, learnt, "o-", color=BLUE, markersize=2, label="learnt")
    ax.plot(x, new, "s--", color=ORANGE, markersize=2, label="new")
    if now is not None:
        ax.axvline(now, color=GREEN, linewidth=1.5)
    ax.legend(loc="upper right", ncols=2)
    ax.grid(alpha=0.25)
    ax.set(ylabel="bits per character", ylim=(0, 8.5), xlim=(x[0] - 0.3, x[-1] + 0.3), title=title)


def copied(text, source, least):
    """Which characters of ``text`` belong to a stretch of ``least`` or more that stands in ``source`` word for word.

    Parameters
    ----------
    text, source : str
    least : int

    Returns
    -------
    list of bool

    Examples
    --------
    >>> from gradtrace.drawings import spelling
    >>> sum(spelling.copied("the seal", "on the sea", 5))
    7
    """
    starts = {i for i in range(len(text) - least + 1) if text[i:i + least] in source}
    return [any(i in starts for i in range(k - least + 1, k + 1)) for k in range(len(text))]


def _rows(text, width, rows):
    """Which characters stand in each row."""
    found, now = [], []
    for i, character in enumerate(text):
        if character == "\n" or len(now) == width:
            found, now = [*found, now], []
        if character != "\n":
            now = [*now, i]
    return [*found, now, *[[]] * rows][:rows]


def _box(ax, x, y, letter, colour):
    ax.text(x, y, letter, ha="center", va="center",
            bbox={"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": colour, "linewidth": 2})


def _arrow(ax, start, end):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY})
