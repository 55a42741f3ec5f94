"""Where the axes of all states stand, their limits, and what decides how they look."""

import numpy as np
from matplotlib import rcParams, ticker
from matplotlib.transforms import Bbox

from .parts import in_space, name, subfigures


class Layout:
    """The places that a layout found, for all states whose axes are arranged alike.

    Parameters
    ----------
    fig : Figure
        Drawn once, with its layout engine, or laid out by ``tight_layout``. Without either the
        view's own places stay, and titles alone are placed.
    renderer : Recorder
        Whose measures of texts count.
    """

    def __init__(self, fig, renderer):
        self.reach = room(fig, renderer) - slack(fig)
        self.arranges = fig.get_layout_engine() is not None
        boxes = [ax.get_position(original=True).extents for ax in every(fig)]
        self.boxes = np.array(boxes).reshape(-1, 4)
        self.titles = [[title.get_position() for title in titles(ax)] for ax in every(fig)]
        self.figures = [
            (part.bbox_relative.frozen(), [text.get_position() for text in over(part)])
            for part in subfigures(fig)
        ]
        self.suptitle = [text.get_position() for text in over(fig)]
        axes = list(every(fig))
        self.free = np.array([ax in fig.axes and bool(arranged(ax)) for ax in axes], bool)
        parents = {i: getattr(ax, "_colorbar", None) for i, ax in enumerate(axes)}
        self.bars = {
            i: [axes.index(bar.mappable.axes)]
            for i, bar in parents.items()
            if bar is not None and getattr(bar.mappable, "axes", None) in axes
        }

    def apply(self, fig):
        """Give a fresh figure, with its axes arranged alike, the same places."""
        for part, (box, places) in zip(subfigures(fig), self.figures, strict=False):
            part._redo_transform_rel_fig(bbox=box)
            place_texts(over(part), places)
        for ax, box, free, places in zip(
            every(fig), self.boxes, self.free, self.titles, strict=True
        ):
            if self.arranges and free:
                ax._set_position(Bbox.from_extents(box))
            place_texts(titles(ax), places)
            ax._autotitlepos = False  # else ticks are drawn to measure
        place_texts(over(fig), self.suptitle)

    def make_room(self, fig, needed):
        """Move axes so that their ticks and labels end where they ended at first, see `room`.

        ``fig`` is a figure that is arranged so: an aspect may let axes fill a part of their place
        only, and another part of another place.
        """
        for _ in range(8):
            self.apply(fig)
            reach = needed - slack(fig)
            more = np.where(self.free[:, None], reach - self.reach, 0)
            self.reach = reach
            self.move_sides(more)
            if np.abs(more).max(initial=0) < 1e-3:
                break

    def move_sides(self, more):
        """Move all sides inwards, as parts of the figure.

        Sides on one line, such as those of twins or of panels in a column, stay on one line; a
        colour bar keeps its width, and the axes beside it give the room. Where nothing would be
        left of some axes all stay as they are.
        """
        lines, boxes = self.boxes.round(6), self.boxes.copy()
        for bar, beside in self.bars.items():
            for side in range(4):
                row = [b for b in self.bars if lines[b, side] == lines[bar, side]]
                reach = more[row, side].max() if bar in row else 0
                boxes[bar, [side, (side + 2) % 4]] += SIGNS[side] * reach
                more[beside, side] = np.maximum(more[beside, side], reach)
        axes = np.array([i not in self.bars for i in range(len(boxes))])
        for side in range(4):
            for at in np.unique(lines[axes, side]):
                line = axes & (lines[:, side] == at)
                boxes[line, side] += SIGNS[side] * more[line, side].max()
        if (boxes[:, :2] < boxes[:, 2:]).all():
            self.boxes = boxes


def over(fig):
    """The texts of a whole figure, or of one within it, which a layout places."""
    return [text for text in (fig._suptitle, fig._supxlabel, fig._supylabel) if text]


def place_texts(texts, places):
    """Put texts where those of the first state stand; what that did not have stays."""
    for text, at in zip(texts, places, strict=False):
        text.set_position(at)


def arrangement(fig):
    """What decides which axes there are to be laid out: of each its kind and its cell."""
    return tuple(map(kind_of, every(fig)))


def kind_of(ax):
    """The type of axes and the cell of a grid that they stand in, and that of their subfigure."""
    cells = [ax.get_subplotspec(), getattr(ax.figure, "_subplotspec", None)]
    places = tuple(cell and cell.get_geometry() for cell in cells)
    return type(ax).__name__, *places, hasattr(ax, "_colorbar")


def arranged(ax):
    """Whether a layout places these axes: in a cell of a grid, or as a colour bar."""
    return ax.get_in_layout() and (ax.get_subplotspec() or hasattr(ax, "_colorbar_info"))


def room(fig, renderer):
    """How far the ticks and labels of all axes reach beyond their sides, as parts of the figure."""
    found = []
    for ax in every(fig):
        shown = ax.get_visible() and ax.axison and not in_space(ax)
        boxes = [axis.get_tightbbox(renderer) for axis in ax._axis_map.values() if shown]
        reach = Bbox.union([ax.bbox, *(box for box in boxes if box)])
        found.append(SIGNS * (within(ax, ax.bbox) - within(ax, reach)))
    return np.array(found).reshape(-1, 4)


def slack(fig):
    """How far the sides of all axes stand within their places, as parts of the figure."""
    found = []
    for ax in every(fig):
        if ax.get_axes_locator() is None:
            ax.apply_aspect()
        place = ax.get_position(original=True).extents
        found.append(SIGNS * (within(ax, ax.bbox) - place))
    return np.array(found).reshape(-1, 4)


def within(ax, box):
    """A box in the coordinates of the figure that axes stand in."""
    return box.transformed(ax.figure.transSubfigure.inverted()).extents


SIGNS = np.array([1, 1, -1, -1])  # of the ways in which left, bottom, right, top go inwards
WAYS = ("fixed", "union", "moving")  # of limits
TINY = 1e-4  # of a range: a change that nobody sees


class Limits:
    """The limits of all axes, in all states.

    Axes of two states are the same if they stand at the same place, see `identities`. What all
    states have to agree on is said by the first of them that has these axes.

    Parameters
    ----------
    way : {"fixed", "union", "moving"}
        They have to be the same in every state; or all get what holds those of every state; or they
        move. Those of axes in space may always move.
    """

    def __init__(self, way):
        self.way = way
        self.ranges, self.scales, self.first = {}, {}, {}

    def widen(self, fig, said):
        """Take the limits of one more state in; ``said`` is what an error calls it."""
        for key, ranged in ranges(fig):
            self.first.setdefault(key, said)
            self.scales.setdefault(key, ranged.scale())
            self.ranges[key] = hull(self.ranges.get(key, ranged.get()), ranged.get())

    def apply(self, fig, said):
        """Give the figure of another state the limits that all states have.

        Raises
        ------
        ValueError
            Its limits or scales differ, and are not said to move.
        """
        if self.way == "moving":
            return
        for key, ranged in ranges(fig):
            if key not in self.ranges:
                self.first[key], self.scales[key] = said, ranged.scale()
                self.ranges[key] = ranged.get()
            low, high = self.ranges[key]
            now, scale = ranged.get(), ranged.scale()
            if scale != self.scales[key]:
                raise ValueError(self.changed(key, ranged, "scale", self.scales[key], scale, said))
            if now == (low, high):
                continue
            far = max(abs(now[0] - low), abs(now[1] - high))
            fixed = self.way == "fixed" or not ranged.follows()
            if fixed and not far <= TINY * abs(high - low):
                raise ValueError(self.changed(key, ranged, "limits", (low, high), now, said))
            ranged.set(low, high)

    def changed(self, key, ranged, what, before, now, said):
        """What to say of an axis or a colour bar that is not the same in all states."""
        ways = [f'limits="moving" to let {ranged.kind} move']
        if what == "limits" and ranged.follows():
            ways.insert(0, 'limits="union" for what holds all states')
        hint = f"Say {ways[0]}"
        if what == "limits":
            hint = f"Fix them in the view, e.g. {ranged.fix}, or say {', or '.join(ways)}"
        return (
            f"{ranged.name()}: expected the same {what} in every state, got"
            f" {before} at {self.first[key]} and {now} at {said}. {hint}"
        )


class AxisRange:
    """The limits of one axis."""

    kind = "axes"

    def __init__(self, axis):
        self.axis = axis
        self.fix = f"ax.set_{axis.axis_name}lim(...)"

    def get(self):
        return extent(self.axis)

    def set(self, low, high):
        self.axis._set_lim(low, high, auto=False)

    def scale(self):
        return scale(self.axis)

    def name(self):
        return name(self.axis)

    def follows(self):
        """Whether what is drawn follows the limits."""
        return True


class ColourRange:
    """The numbers at both ends of a colour bar."""

    kind = "colour bars"
    fix = "vmin=..., vmax=..."

    def __init__(self, bar, panel):
        self.mappable, self.panel = bar.mappable, panel

    def get(self):
        return tuple(map(float, self.mappable.get_clim()))

    def set(self, low, high):
        self.mappable.set_clim(low, high)

    def scale(self):
        norm = self.mappable.norm
        bounds = getattr(norm, "boundaries", None)
        return type(norm).__name__, *numbers_of(norm), *(() if bounds is None else bounds)

    def name(self):
        return f"colour bar of panel {self.panel}"

    def follows(self):
        """Whether what is drawn follows the colour bar: not if the view has mapped its colours."""
        return getattr(self.mappable, "axes", None) is not None

    def told(self):
        """Whether its colours stand for numbers between two ends."""
        by_list = getattr(self.mappable, "colors", None) is not None
        return not by_list and np.isfinite(np.ma.filled(self.mappable.get_clim(), np.nan)).all()


def ranges(fig):
    """A key for every axis and every colour bar whose range a view decides on, and the range."""
    for panel, (ax, key) in enumerate(identities(fig).items()):
        bar = getattr(ax, "_colorbar", None)
        if bar is not None:
            ranged = ColourRange(bar, panel)
            if ranged.told():
                yield key, ranged
        elif not in_space(ax):
            for which, axis in ax._axis_map.items():
                yield (*key, which), AxisRange(axis)


def identities(fig):
    """What each axes is known by in all states.

    This is its kind and cell, the sides that its labels stand on, by which twins differ, its own
    label, and a number if there are several of these; of axes within others that of the outer ones,
    too.
    """
    found, seen = {}, {}
    outer = {inner: ax for ax in fig.axes for inner in ax.child_axes}
    for ax in every(fig):
        sides = tuple(
            axis.get_label_position() for axis in ax._axis_map.values() if axis.axis_name in "xy"
        )
        key = (*kind_of(ax), sides, ax.get_label(), found.get(outer.get(ax)))
        seen[key] = seen.get(key, 0) + 1
        found[ax] = (*key, seen[key])
    return found


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
    return (axis.get_scale(), *numbers_of(axis.get_transform()))


def numbers_of(thing):
    """The names and values of what a scale or a norm depends on."""
    numbers = {k: v for k, v in vars(thing).items() if isinstance(v, int | float)}
    return sorted((k, v) for k, v in numbers.items() if not k.startswith("_"))


def every(fig):
    """All axes of a figure, those inside others too."""
    for ax in fig.axes:
        yield ax
        yield from ax.child_axes


def titles(ax):
    """The texts over axes, which a layout places."""
    return [ax.title, ax._left_title, ax._right_title]


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
