"""What all states must share: where the axes stand, and their scales, limits and ticks."""

import numpy as np
from matplotlib import rcParams, ticker

HINTS = {
    "limits": "Axes are drawn once: fix them in the view, e.g. ax.set_xlim(...) and"
    " ax.set_ylim(...)",
    "scale": "Axes are drawn once: use the same scale in every state",
    "place": "Fix the aspect and the position of the axes in the view",
}


class Layout:
    """The places that a layout engine found, to be used for figures without one.

    Parameters
    ----------
    fig : Figure
        Drawn once, with its layout engine.
    """

    def __init__(self, fig):
        self.places = [
            (ax.get_position(original=True), [t.get_position() for t in movable(ax)])
            for ax in every(fig)
        ]
        self.suptitle = fig._suptitle.get_position() if fig._suptitle else None

    def apply(self, fig, number, said):
        """Give a fresh figure the same places; `said(number)` is what an error calls its state."""
        axes = list(every(fig))
        if len(axes) != len(self.places):
            raise ValueError(
                "view: expected the same number of axes in every state,"
                f" got {len(self.places)} at the start and {len(axes)} at {said(number)}"
            )
        for ax, (box, texts) in zip(axes, self.places, strict=True):
            if ax in fig.axes:
                ax._set_position(box)
            for text, at in zip(movable(ax), texts, strict=True):
                text.set_position(at)
            ax._autotitlepos = False  # else ticks are drawn to measure
        if fig._suptitle and self.suptitle:
            fig._suptitle.set_position(self.suptitle)


def every(fig):
    """All axes of a figure, those inside others too."""
    for ax in fig.axes:
        yield ax
        yield from ax.child_axes


def movable(ax):
    """The texts that a layout places: titles and axis labels."""
    return [ax.title, ax._left_title, ax._right_title, ax.xaxis.label, ax.yaxis.label]


def signature(axis, known):
    """Everything that decides how an axis is drawn, by name; equal signatures draw equal ticks.

    `known` is a dict that keeps the ticks and labels of `ticks` for the next time.
    """
    numbers = {k: v for k, v in vars(axis.get_transform()).items() if isinstance(v, int | float)}
    public = sorted((k, v) for k, v in numbers.items() if not k.startswith("_"))
    scale = (axis.get_scale(), *public)
    interval, bounds = axis.get_view_interval(), axis.axes.get_position().bounds
    inputs = tickers(axis)
    key = inputs and (inputs, scale, tuple(interval.tolist()), bounds, type(axis))
    places, labels = known.get(key) or ticks(axis)
    if key:
        known[key] = places, labels
    # an axis makes its ticks when they are asked for: if no view asks, there are none
    made = [*vars(axis).get("majorTicks", ()), *vars(axis).get("minorTicks", ())]
    return {
        "scale": scale,
        "limits": rounded(interval),
        "place": rounded(bounds),
        "ticks": places,
        "tick labels": labels,
        "tick parameters": (
            repr(sorted(axis._major_tick_kw.items())),
            repr(sorted(axis._minor_tick_kw.items())),
            axis.get_visible(),
            axis.labelpad,
            axis.get_label_position(),
            axis.axes.axison,
        ),
        "tick properties": tuple(tick(t) for t in made),
    }


def ticks(axis):
    """The places of an axis's ticks and the labels there."""
    major, minor = axis.get_majorticklocs(), axis.get_minorticklocs()
    labels = (
        *axis.major.formatter.format_ticks(major),
        axis.major.formatter.get_offset(),
        *axis.minor.formatter.format_ticks(minor),
    )
    return rounded(major) + rounded(minor), labels


PURE = {
    ticker.AutoLocator,
    ticker.MaxNLocator,
    ticker.FixedLocator,
    ticker.NullLocator,
    ticker.LogLocator,
    ticker.ScalarFormatter,
    ticker.FixedFormatter,
    ticker.NullFormatter,
    ticker.LogFormatterSciNotation,
}
DECIDES = (
    "axes.formatter.",
    "axes.unicode_minus",
    "axes.autolimit_mode",
    "font.size",
    "text.usetex",
    "xtick.labelsize",
    "ytick.labelsize",
    "_internal.classic_mode",
)
SETTINGS = [name for name in rcParams if name.startswith(DECIDES)]


def tickers(axis):
    """What `ticks` depends on besides scale, limits and place; None if it may be anything.

    Only some of matplotlib's own locators and formatters are functions of their attributes: a view
    may bring a function of its own that says something else in every state.
    """
    parts = [part for each in (axis.major, axis.minor) for part in (each.locator, each.formatter)]
    kinds = set(map(type, parts))
    if not kinds <= PURE or axis.units is not None:
        return None
    if ticker.LogLocator in kinds and axis.get_scale() != "log":
        return None  # its limits could be those of the data
    room = axis._major_tick_kw.get("labelsize"), axis.axes.bbox.bounds
    known = [(type(part), attributes(part)) for part in parts]
    return repr((room, axis.remove_overlapping_locs, [rcParams[name] for name in SETTINGS], known))


def attributes(part):
    """The names and values of a locator or a formatter, arrays as lists, without its axis."""
    return [
        (name, value.tolist() if isinstance(value, np.ndarray) else value)
        for name, value in vars(part).items()
        if name != "axis"
    ]


def tick(t):
    """What a view can change about a single tick."""
    found = []
    for line in (t.tick1line, t.tick2line, t.gridline):
        found += [line.get_visible(), line.get_color(), line.get_linewidth(), line.get_markersize()]
    for text in (t.label1, t.label2):
        found += [text.get_visible(), text.get_text(), text.get_color()]
        found += [text.get_fontsize(), text.get_rotation(), text.get_weight()]
    return repr(found)


def rounded(values):
    """Numbers to twelve digits: what a view computes on the way may differ in the last bit."""
    return tuple(float(f"{v:.12g}") for v in np.ravel(values))


def differing(before, now):
    """The first entry in which two signatures differ."""
    return next(what for what in before if before[what] != now[what])


def hint(what):
    """What to do about it."""
    return HINTS.get(what, "Ticks are drawn once: fix them in the view")
