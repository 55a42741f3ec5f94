"""A figure in columns of panels, so that a narrow page can put them under one another."""

from itertools import pairwise

import numpy as np

from .axes import every


def tiles(fig, recorder, slots):
    """The columns of a figure, and for each artist the number of its column.

    A cut goes where no axes has anything, its labels included, and not between a colour bar and the
    axes that it explains. What belongs to no axes, such as a legend of the whole figure, keeps the
    figure whole.

    Parameters
    ----------
    fig : Figure
        Laid out, in one state.
    recorder : Recorder
        Whose measures of texts count.
    slots : list of Slot
        What is drawn, in order.

    Returns
    -------
    tuple
        ``[{"box": [x, y, width, height], "points": width}, …]`` in the units of the frames and in
        points; and a list of numbers.
    """
    width, units = recorder.units.width, recorder.units
    panels = dict(enumerate(every(fig)))
    axes = [panels.get(slot.panel) for slot in slots]
    spans = {}
    for ax in fig.axes:
        box = ax.get_tightbbox(recorder)
        spans[ax] = (box.x0, box.x1) if box else (0, 0)
    for ax in fig.axes:
        together = [spans[each] for each in (ax, *explained(ax)) if each in spans]
        spans[ax] = (min(left for left, _ in together), max(right for _, right in together))
    whole = any(ax is None for ax in axes)
    cuts = [] if whole or not spans else gaps(sorted(spans.values()))
    edges = [0, *cuts, width]
    columns = [
        {
            "box": [
                round((left + units.margin) * units.scale),
                units.margin * units.scale,
                round((right - left) * units.scale),
                round(units.height * units.scale),
            ],
            "points": round(right - left, 1),
        }
        for left, right in pairwise(edges)
    ]
    return columns, [0 if ax is None else column(outermost(ax), spans, cuts) for ax in axes]


def explained(ax):
    """The axes whose colours these axes explain, if they are a colour bar."""
    bar = getattr(ax, "_colorbar", None)
    if bar is None:
        return []
    return getattr(ax, "_colorbar_info", {}).get("parents", [bar.mappable.axes])


def gaps(spans):
    """The middles of what no span covers, between the first and the last."""
    cuts, reach = [], spans[0][1]
    for left, right in spans:
        if left > reach:
            cuts.append((left + reach) / 2)
        reach = max(reach, right)
    return cuts


def outermost(ax):
    """The axes of the figure that an inset lies in."""
    while ax not in ax.figure.axes:
        ax = next(other for other in ax.figure.axes if ax in other.child_axes)
    return ax


def column(ax, spans, cuts):
    """Between which cuts an axes lies."""
    left, right = spans[ax]
    return int(np.searchsorted(cuts, (left + right) / 2))
