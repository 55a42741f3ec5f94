"""One figure for many drawings: a new one costs 4 ms a panel, so it is put back in between.

What a view can change is the attributes of some twenty objects (figure, axes, axis, ticker, spines,
title, labels); they are copied once and put back. The harvest compares some states with new figures
at the end, and does without the stage if one differs.
"""

from matplotlib.font_manager import FontProperties

OWN = (list, dict, set, FontProperties)  # changed in place, so that the copy needs one of its own


class Stage:
    """A figure with empty axes that can be reset.

    Parameters
    ----------
    fig : Figure
        With its axes, before anything is drawn on them.
    """

    def __init__(self, fig):
        self.fig, self.axes = fig, list(fig.axes)
        self.kept = [(thing, dict(vars(thing)), own(vars(thing))) for thing in parts(fig)]
        boxes = [box for ax in self.axes for box in (ax.dataLim, ax._viewLim)]
        self.boxes = [
            (box, box.get_points().copy(), box._minpos.copy(), box._ignore) for box in boxes
        ]
        self.scales = [(ax.get_xscale(), ax.get_yscale()) for ax in self.axes]

    def reset(self):
        """Put everything back, and return the figure.

        Raises
        ------
        ValueError
            Its axes are gone: the view has cleared the figure.
        """
        if not set(self.axes) <= set(self.fig.axes):
            raise ValueError("stage: expected the axes that were given, got others")
        for ax in self.fig.axes:
            if ax not in self.axes:  # of a colour bar, or a twin
                self.fig.delaxes(ax)
        for ax, (x, y) in zip(self.axes, self.scales, strict=True):
            if (ax.get_xscale(), ax.get_yscale()) != (x, y):
                ax.set(xscale=x, yscale=y)
        for thing, shared, owned in self.kept:
            vars(thing).clear()
            vars(thing).update(shared)
            vars(thing).update((name, value.copy()) for name, value in owned.items())
        for box, points, least, ignore in self.boxes:
            box.set_points(points.copy())
            box._minpos, box._ignore = least.copy(), ignore
        for ax in self.axes:
            ax.set_prop_cycle(None)  # the next line is the first again
        return self.fig


def parts(fig):
    """Everything of a figure with empty axes that a view may change, in the order of ownership."""
    yield fig
    for ax in fig.axes:
        yield ax
        for axis in (ax.xaxis, ax.yaxis):
            yield from (axis, axis.major, axis.minor, axis.label, axis.offsetText)
        yield from (ax.title, ax._left_title, ax._right_title, ax.patch, *ax.spines.values())


def own(attributes):
    """Copies of the attributes that are changed in place."""
    return {name: value.copy() for name, value in attributes.items() if isinstance(value, OWN)}
