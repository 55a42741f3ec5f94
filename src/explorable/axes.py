"""Which axes a figure has, and everything that decides how one of them is drawn."""

import numpy as np
from matplotlib import rcParams, ticker


def every(fig):
    """All axes of a figure, those inside others too."""
    for ax in fig.axes:
        yield ax
        yield from ax.child_axes


def kind_of(ax):
    """The type of axes and the cell of a grid that they stand in, and that of their subfigure."""
    cells = [ax.get_subplotspec(), getattr(ax.figure, "_subplotspec", None)]
    places = tuple(cell and cell.get_geometry() for cell in cells)
    return type(ax).__name__, *places, hasattr(ax, "_colorbar")


def scale(axis):
    """The name of an axis's scale and the numbers that it depends on."""
    return (axis.get_scale(), *numbers_of(axis.get_transform()))


def numbers_of(thing):
    """The names and values of what a scale or a norm depends on."""
    numbers = {k: v for k, v in vars(thing).items() if isinstance(v, int | float)}
    return sorted((k, v) for k, v in numbers.items() if not k.startswith("_"))


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
        repr([spine._position for spine in axis.axes.spines.values()]),
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
