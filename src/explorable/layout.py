"""The places of axes and titles, found once for all states whose axes are arranged alike."""

import numpy as np
from matplotlib.axis import Axis
from matplotlib.transforms import Bbox

from .axes import every, kind_of
from .parts import in_space, subfigures

SIGNS = np.array([1, 1, -1, -1])  # of the ways in which left, bottom, right, top go inwards


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
        self.reach = outside(fig, room(fig, renderer), renderer)
        self.points = np.tile(fig.bbox.size, 2)
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

    def short(self, fig, needed, renderer):
        """How many points there are too few for what needs so much, see `room`."""
        more = outside(fig, needed, renderer) - self.reach
        return np.max(self.points * more[self.free], initial=0)

    def make_room(self, fig, needed, renderer):
        """Move axes so that their ticks and labels end where they ended at first, see `room`.

        ``fig`` is a figure that is arranged so: an aspect may let axes fill a part of their place
        only, and another part of another place.
        """
        for _ in range(8):
            self.apply(fig)
            reach = outside(fig, needed, renderer)
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


def titles(ax):
    """The texts over axes, which a layout places."""
    return [ax.title, ax._left_title, ax._right_title]


def place_texts(texts, places):
    """Put texts where those of the first state stand; what that did not have stays."""
    for text, at in zip(texts, places, strict=False):
        text.set_position(at)


def arrangement(fig):
    """What decides which axes there are to be laid out: of each its kind and its cell."""
    return tuple(map(kind_of, every(fig)))


def arranged(ax):
    """Whether a layout places these axes: in a cell of a grid, or as a colour bar."""
    return ax.get_in_layout() and (ax.get_subplotspec() or hasattr(ax, "_colorbar_info"))


def room(fig, renderer):
    """How far ticks, labels, titles reach beyond the sides of all axes, as parts of the figure."""
    found = []
    for ax in every(fig):
        shown = ax.get_visible() and not in_space(ax)
        around = [*(ax._axis_map.values() if ax.axison else ()), *titles(ax)]
        reach = [beyond(ax, artist, renderer) for artist in around if shown]
        found.append(np.max(reach, axis=0) if reach else np.zeros(4))
    return np.array(found).reshape(-1, 4)


def stands_around(ax, artist):
    """Whether it is an axis, a label of one, or a title: what `beyond` can measure."""
    axis = ax._axis_map.values()
    return artist in {*axis, *(each.label for each in axis), *titles(ax)}


def beyond(ax, artist, renderer):
    """How far it reaches beyond the sides of axes; the length of a label or a title is its own."""
    if isinstance(artist, Axis):
        box = artist.get_tightbbox(renderer, for_layout_only=True)
    else:
        box = artist.get_window_extent(renderer) if artist.get_text() else None
        if box and artist is ax.yaxis.label:
            box = Bbox.from_extents(box.x0, ax.bbox.y0, box.x1, ax.bbox.y1)
        elif box:
            box = Bbox.from_extents(ax.bbox.x0, box.y0, ax.bbox.x1, box.y1)
    reach = Bbox.union([ax.bbox, box or ax.bbox])
    return SIGNS * (within(ax, ax.bbox) - within(ax, reach))


def slack(fig, renderer):
    """How far the sides of all axes stand within their places, as parts of the figure."""
    found = []
    for ax in every(fig):
        locate = ax.get_axes_locator()
        ax.apply_aspect(locate(ax, renderer) if locate else None)
        place = ax.get_position(original=True).extents
        found.append(SIGNS * (within(ax, ax.bbox) - place))
    return np.array(found).reshape(-1, 4)


def outside(fig, needed, renderer):
    """How much of what labels need lies outside of the places of axes.

    What an aspect leaves empty serves for labels. A colour bar has no such room: a layout places it
    by its labels.
    """
    bars = np.array([[hasattr(ax, "_colorbar")] for ax in every(fig)], bool).reshape(-1, 1)
    reach = needed - slack(fig, renderer)
    return np.where(bars, reach, np.maximum(reach, 0))


def within(ax, box):
    """A box in the coordinates of the figure that axes stand in."""
    return box.transformed(ax.figure.transSubfigure.inverted()).extents
