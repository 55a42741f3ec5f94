"""The limits of axes and colour bars: the same in all states, or what holds all, or moving."""

import numpy as np

from .axes import every, kind_of, numbers_of, scale
from .numbers import told_apart
from .parts import in_space, name

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
        before, now = told_apart(before, now)
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
