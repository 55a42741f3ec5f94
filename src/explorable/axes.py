"""Where the axes of all states stand, their limits, and what decides how they look."""

import numpy as np
from matplotlib import rcParams, ticker

from .parts import in_space


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

    def apply(self, fig):
        """Give a fresh figure, with as many axes, the same places."""
        for ax, (box, texts) in zip(every(fig), self.places, strict=True):
            if ax in fig.axes:
                ax._set_position(box)
            for text, at in zip(movable(ax), texts, strict=True):
                text.set_position(at)
            ax._autotitlepos = False  # else ticks are drawn to measure
        if fig._suptitle and self.suptitle:
            fig._suptitle.set_position(self.suptitle)


WAYS = ("fixed", "union", "moving")  # of limits
TINY = 1e-4  # of a range: a change that nobody sees


class Limits:
    """The limits of all axes, in all states.

    Parameters
    ----------
    fig : Figure
        In the state that the others are compared with.
    way : {"fixed", "union", "moving"}
        They have to be the same in every state; or all get what holds those of every state; or they
        move. Those of a colour bar may move, and those of axes in space.
    said : str
        What an error calls that state.
    """

    def __init__(self, fig, way, said):
        self.way, self.said = way, said
        self.known = [list(map(extent, ax._axis_map.values())) for ax in flat(fig)]
        self.scales = [list(map(scale, ax._axis_map.values())) for ax in flat(fig)]

    def widen(self, fig):
        """Take the limits of one more state in."""
        for i, (ax, known) in enumerate(zip(flat(fig), self.known, strict=False)):
            for j, axis in enumerate(ax._axis_map.values()):
                self.known[i][j] = hull(known[j], extent(axis))

    def apply(self, fig, said):
        """Give the figure of another state the limits that all states have.

        Raises
        ------
        ValueError
            Its limits or scales differ, and are not said to move.
        """
        if self.way == "moving":
            return
        for ax, known, scales in zip(flat(fig), self.known, self.scales, strict=False):
            for axis, (low, high), wanted in zip(
                ax._axis_map.values(), known, scales, strict=False
            ):
                if scale(axis) != wanted:
                    raise ValueError(self.changed(axis, "scale", wanted, scale(axis), said))
                now = extent(axis)
                if now == (low, high):
                    continue
                far = max(abs(now[0] - low), abs(now[1] - high))
                if self.way == "fixed" and not far <= TINY * abs(high - low):
                    raise ValueError(self.changed(axis, "limits", (low, high), now, said))
                axis._set_lim(low, high, auto=False)

    def changed(self, axis, what, before, now, said):
        """What to say of an axis that is not the same in all states."""
        panels = axis.axes.figure.axes
        panel = panels.index(axis.axes) if axis.axes in panels else "inset"
        name = axis.axis_name
        hint = (
            'Say limits="moving" to let axes move'
            if what == "scale" or self.way == "union"
            else f"Fix them in the view, e.g. ax.set_{name}lim(...), or say"
            ' limits="union" for what holds all states, or limits="moving" to let axes move'
        )
        return (
            f"{type(axis).__name__} of panel {panel}: expected the same {what} in every state, got"
            f" {before} at {self.said} and {now} at {said}. {hint}"
        )


def flat(fig):
    """The axes whose limits a view decides on: no colour bars, and nothing in space."""
    return [ax for ax in every(fig) if not hasattr(ax, "_colorbar") and not in_space(ax)]


def extent(axis):
    """The limits of an axis, from its start to its end."""
    axis.axes._unstale_viewLim()
    return tuple(float(f"{v:.12g}") for v in axis.get_view_interval())


def hull(a, b):
    """The limits that hold two, in the direction of the first."""
    low, high = min(*a, *b), max(*a, *b)
    return (low, high) if a[0] <= a[1] else (high, low)


def scale(axis):
    """The name of an axis's scale and the numbers that it depends on."""
    numbers = {k: v for k, v in vars(axis.get_transform()).items() if isinstance(v, int | float)}
    return (axis.get_scale(), *sorted((k, v) for k, v in numbers.items() if not k.startswith("_")))


def every(fig):
    """All axes of a figure, those inside others too."""
    for ax in fig.axes:
        yield ax
        yield from ax.child_axes


def movable(ax):
    """The texts that a layout places: titles and axis labels."""
    return [ax.title, ax._left_title, ax._right_title, ax.xaxis.label, ax.yaxis.label]


def signature(axis, known):
    """Everything that decides how an axis is drawn; equal signatures draw equal ticks.

    `known` is a dict that keeps the ticks and labels of `ticks` for the next time.
    """
    interval, bounds = axis.get_view_interval(), axis.axes.get_position().bounds
    inputs, scaled = tickers(axis), scale(axis)
    key = inputs and (inputs, scaled, tuple(interval.tolist()), bounds, type(axis))
    places, labels = known.get(key) or ticks(axis)
    if key:
        known[key] = places, labels
    # an axis makes its ticks when they are asked for: if no view asks, there are none
    made = [*vars(axis).get("majorTicks", ()), *vars(axis).get("minorTicks", ())]
    return (
        type(axis).__name__,
        scaled,
        rounded(interval),
        rounded(bounds),
        places,
        labels,
        repr(sorted(axis._major_tick_kw.items())),
        repr(sorted(axis._minor_tick_kw.items())),
        axis.get_visible(),
        axis.labelpad,
        axis.get_label_position(),
        axis.axes.axison,
        *(tick(t) for t in made),
    )


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
