"""What draws in a figure, in matplotlib's order of drawing, and what errors call it."""

from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.contour import ContourSet
from matplotlib.figure import SubFigure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.transforms import Bbox

CRISP = {"auto", "antialiased", "nearest"}  # interpolations of images that may keep their pixels


NEAR = 6  # points: what stands closer to axes may reach over to others


class Part(NamedTuple):
    """An artist that draws, what it is for, and the axes it belongs to, or None.

    The role is ``"data"`` or ``"axes"``: what a prediction hides, and what it leaves. Pixels and
    what a colour map colours stay as they are on a dark page; what stands on coloured areas keeps
    its colours, too.
    """

    artist: Artist
    role: str
    ax: Axes | None
    keeps_colours: bool = False


def parts(fig, renderer):
    """Every `Part` of a figure, the lowest first."""
    if fig.patch.get_visible() and not white(fig.patch):
        yield Part(fig.patch, "axes", None)
    below = []
    for artist in by_height(fig, {fig.patch}):
        if isinstance(artist, SubFigure):
            if artist.get_visible():
                yield from parts(artist, renderer)
        elif isinstance(artist, Axes):
            yield from parts_of_axes(artist, renderer, covers(artist, below))
            below.append(artist)
        else:
            yield Part(artist, "axes" if isinstance(artist, Text) else "data", None)


def subfigures(fig):
    """All figures within a figure."""
    for part in fig.subfigs:
        yield part
        yield from subfigures(part)


def by_height(parent, hidden):
    """The artists in a figure or axes, without the hidden ones, the lowest first."""
    shown = [a for a in parent.get_children() if a not in hidden]
    return sorted(shown, key=lambda a: a.get_zorder())


def covers(ax, below):
    """Whether the background of axes may hide a part of others, such as the labels of ticks."""
    box = ax.bbox.padded(NEAR)
    return any(box.overlaps(other.bbox.padded(NEAR)) for other in below)


def parts_of_axes(ax, renderer, on_others):
    """The artists of one axes, and of the axes inside it.

    These are the parts of `Axes.draw` that decide on limits, order and place. A white background is
    left out, and the page's own paper shows, unless there may be something to be hidden.
    """
    if not ax.get_visible():
        return
    if in_space(ax):
        yield Part(ax, "data", ax)  # its artists are sorted by depth in every state
        return
    ax._unstale_viewLim()
    locate = ax.get_axes_locator()
    ax.apply_aspect(locate(ax, renderer) if locate else None)
    spines, axis = list(ax.spines.values()), [ax.xaxis, ax.yaxis]
    framed = ax.axison and ax.get_frame_on()
    if framed and (on_others or not white(ax.patch)):
        yield Part(ax.patch, "axes", ax)
    fixed = {ax.title, ax._left_title, ax._right_title, *spines, *axis}
    hidden = {ax.patch}
    if not framed:
        hidden.update(spines)
    if not ax.axison:
        hidden.update(axis)
    coloured = []
    for artist in by_height(ax, hidden):
        if isinstance(artist, Axes):
            yield from parts_of_axes(artist, renderer, on_others=True)
            continue
        if isinstance(artist, AxesImage) and artist.get_interpolation() in CRISP:
            artist.set_interpolation("none")  # pixels as they are: small and crisp
        data = artist not in fixed
        colours = data and has_colours(artist)
        stays = data and (has_colour_map(artist) or lies_within(artist, coloured, renderer))
        yield Part(artist, "data" if data else "axes", ax, stays)
        if colours:
            coloured.append(covered(artist, renderer))
        if artist in axis and artist.get_visible():
            yield Part(artist.label, "axes", ax)


def has_colour_map(artist):
    """Whether its colours stand for numbers."""
    return isinstance(artist, ScalarMappable) and artist.get_array() is not None


def has_colours(artist):
    """Whether it is an area without gaps whose colours no page changes."""
    if isinstance(artist, ContourSet) and artist.filled:
        return bool(np.ptp(artist.get_facecolor()[:, :3], axis=1).any())
    if not isinstance(artist, AxesImage | QuadMesh) or artist.get_array() is None:
        return False
    values = np.ma.masked_invalid(artist.get_array())
    has_alpha = values.ndim == 3 and values.shape[2] == 4
    return artist.get_alpha() in (None, 1) and not (np.ma.is_masked(values) or has_alpha)


def covered(artist, renderer):
    """The box of such an area in the figure."""
    if isinstance(artist, AxesImage):
        return artist.get_window_extent(renderer)
    data = artist.axes.transData  # contours know no extent in the figure
    return artist.get_datalim(data).transformed(data)


def lies_within(artist, boxes, renderer):
    """Whether all that is seen of an artist lies within one of some boxes."""
    if not boxes or not artist.get_visible():
        return False
    seen = Bbox.intersection(artist.get_window_extent(renderer), artist.axes.bbox)
    if seen is None:
        return False
    padded = [box.padded(1) for box in boxes]
    return any(box.contains(seen.x0, seen.y0) and box.contains(seen.x1, seen.y1) for box in padded)


def in_space(ax):
    """Whether these axes have three dimensions."""
    return hasattr(ax, "get_proj")


def white(patch):
    """Whether a background is plain white or nothing: then the page's own paper shows."""
    *colour, alpha = to_rgba(patch.get_facecolor())
    return patch.get_hatch() is None and (alpha == 0 or colour == [1, 1, 1])


def name(artist):
    """An artist as errors call it: type, then label or text."""
    kind, ax = type(artist).__name__, artist.axes
    if isinstance(artist, Axis):
        panels = ax.figure.axes
        return f"{kind} of panel {panels.index(ax) if ax in panels else 'inset'}"
    words = artist.get_text() if isinstance(artist, Text) else str(artist.get_label())
    if words and not words.startswith("_"):
        return f"{kind} {words!r}"
    parent = ax or artist.figure
    siblings = parent.get_children() if parent else []
    return f"{kind} number {siblings.index(artist)}" if artist in siblings else kind
