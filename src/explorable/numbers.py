"""The numbers behind a picture, for its table and for those who listen to it.

Every state is asked for what its axes hold: lines, bars, steps, bands, points and images, thinned
to some rows of three digits; a drawing without any of these, for its words. A series is what keeps
its panel and its name in all states.
"""

import re

import numpy as np
from matplotlib._mathtext_data import tex2uni
from matplotlib.collections import FillBetweenPolyCollection, PathCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.patches import StepPatch

from .values import is_number

ROWS = 9  # of a line, a group of bars, points
CELLS = 5  # of an image, in each direction
UNNAMED = 4  # lines over one x without a label that are told one by one; of more, the range is told
APART = 9  # lines that share no x and have no label; of more, some are told


class Numbers:
    """The series of all states.

    Parameters
    ----------
    states : int
        How many states there are.
    """

    def __init__(self, states):
        self.states, self.series = states, {}

    def put(self, number, axes):
        """Take the numbers of one state from its axes."""
        for panel, ax in enumerate(axes):
            across, up = plain(ax.get_xlabel()) or "x", plain(ax.get_ylabel()) or "y"
            told = []
            for label, x, y in series(ax):
                told.append((label, up, by_name(ax.xaxis, x), by_name(ax.yaxis, y)))
            told += [(f"{up} {at}", "value", x, values) for at, x, values in cells(ax)]
            told = told or words(ax)
            seen = {}
            for label, name, x, y in told:
                seen[label] = seen.get(label, 0) + 1  # two may have one label
                key = (panel, label, seen[label], across, name)
                frames, of = self.series.setdefault(key, ({}, [-1] * self.states))
                values = (tuple(map(digits, x)), tuple(map(digits, y)))
                of[number] = frames.setdefault(values, len(frames))

    def spec(self):
        """JSON-able: names, different values, and which of them stands in each state."""
        found = []
        for (panel, label, _, x, y), (frames, of) in self.series.items():
            values = [list(map(list, frame)) for frame in frames]
            if -1 in of:  # a series that is missing in some states has no rows there
                values.append([[], []])
                of = [len(values) - 1 if i < 0 else i for i in of]
            one = len(values) == 1
            found.append(
                {"panel": panel, "label": label, "x": x, "y": y, "values": values}
                | {"of": [] if one else of}
            )
        return found


def series(ax):
    """``(label, x, y)`` of what the axes show; an empty label where the artist has none."""
    bars = {id(bar) for group in ax.containers for bar in group.get_children()}
    lines = [
        line
        for line in ax.get_lines()
        if line.get_visible() and line.get_transform() == ax.transData and id(line) not in bars
    ]
    named = [line for line in lines if labelled(line)]
    for line in named:
        yield (name_of(line), *thin(*line.get_data()))
    yield from unnamed([line.get_data() for line in lines if not labelled(line)])
    for group in ax.containers:
        if isinstance(group, BarContainer):
            yield (name_of(group), *thin(*ends(group)))
    for patch in ax.patches:
        if isinstance(patch, StepPatch) and patch.get_visible():
            heights, edges, _ = patch.get_data()
            yield (name_of(patch), *thin((edges[:-1] + edges[1:]) / 2, heights))
    for collection in ax.collections:
        if not collection.get_visible():
            continue
        if isinstance(collection, PathCollection):
            at = np.ma.filled(collection.get_offsets(), np.nan)
            yield (name_of(collection), *thin(*at.T))
        elif isinstance(collection, FillBetweenPolyCollection):
            yield from band(collection)


def by_name(axis, values):
    """Values on an axis of categories as their names, which stand at 0, 1, 2 …"""
    places = getattr(axis.get_units(), "_mapping", None)
    if not places:
        return values
    names = {place: name for name, place in places.items()}
    return [names.get(value, value) for value in values]


def band(collection):
    """Both edges of what ``fill_between`` filled; of what stands on zero, the upper one."""
    corners = np.concatenate(
        [path.vertices for path in collection.get_paths()] or [np.empty((0, 2))]
    )
    x = np.unique(corners[:, 0])
    lower = np.array([corners[corners[:, 0] == at, 1].min() for at in x])
    upper = np.array([corners[corners[:, 0] == at, 1].max() for at in x])
    name = name_of(collection)
    if lower.any():
        yield (f"{name} from".strip(), *thin(x, lower))
        name = f"{name} to".strip()
    yield (name, *thin(x, upper))


def words(ax):
    """The words of a drawing, one after the other, where there are no numbers to be told."""
    texts = [plain(text.get_text()) for text in ax.texts if text.get_visible()]
    texts = [text for text in texts if text.strip()]
    return [("", "words", range(1, len(texts) + 1), texts)] if texts else []


def unnamed(lines):
    """Lines without a label: each, or of many with one x the least, the middle and the largest."""
    lines = [np.broadcast_arrays(*map(np.asarray, data)) for data in lines]
    lines = [(x, y) for x, y in lines if np.size(x)]
    alike = len({x.tobytes() for x, _ in lines}) == 1
    if len(lines) <= UNNAMED or not alike:
        for i in spread(len(lines), APART):
            yield ("", *thin(*lines[i]))
    else:
        x, all_y = lines[0][0], np.array([y for _, y in lines], float)
        for label, q in (("least", 0), ("median", 50), ("largest", 100)):
            yield (f"{label} of {len(lines)} lines", *thin(x, np.percentile(all_y, q, axis=0)))


def cells(ax):
    """``(y, x, values)`` for some rows of every mesh and image."""
    for mesh in ax.collections:
        if isinstance(mesh, QuadMesh) and mesh.get_array() is not None:
            corners = mesh.get_coordinates()
            middle = corners  # where colours shade into one another
            if np.size(mesh.get_array()) < corners[..., 0].size:
                middle = (corners[:-1, :-1] + corners[1:, 1:]) / 2
            yield from rows(middle[0, :, 0], middle[:, 0, 1], mesh.get_array())
    for image in ax.images:
        values = image.get_array()
        if np.ndim(values) == 2:
            left, right, bottom, top = image.get_extent()
            first, last = (top, bottom) if image.origin == "upper" else (bottom, top)
            down, across = np.shape(values)
            yield from rows(centres(left, right, across), centres(first, last, down), values)


def rows(x, y, values):
    """Some rows of a grid of values, at some x each."""
    values = np.ma.filled(np.ma.asarray(values, float), np.nan).reshape(len(y), len(x))
    across = spread(len(x), CELLS)
    for row in spread(len(y), CELLS):
        yield digits(y[row]), x[across], values[row, across]


def centres(start, stop, count):
    """The middles of pixels between two edges."""
    edges = np.linspace(start, stop, count + 1)
    return (edges[:-1] + edges[1:]) / 2


def ends(group):
    """Where bars stand and how far they reach."""
    boxes = [bar.get_bbox() for bar in group if bar.get_visible()]
    middle = {"vertical": "x", "horizontal": "y"}.get(group.orientation, "x")
    at = [(getattr(b, f"{middle}0") + getattr(b, f"{middle}1")) / 2 for b in boxes]
    reach = [b.y1 if b.y1 else b.y0 for b in boxes]
    if middle == "y":
        return [b.x1 if b.x1 else b.x0 for b in boxes], at
    return at, reach


def thin(x, y):
    """Some rows of what is finite, the first and the last among them."""
    x, y = np.broadcast_arrays(np.asarray(x), np.asarray(y))
    if x.dtype.kind in "fiub" and y.dtype.kind in "fiub":
        x, y = x.astype(float), y.astype(float)
        finite = np.isfinite(x) & np.isfinite(y)
        x, y = x[finite], y[finite]
    rows = spread(len(x), ROWS)
    return x[rows], y[rows]


def spread(count, most):
    """At most so many positions of `count`, evenly, with both ends."""
    return (
        np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)) if count else []
    )


def digits(value, count=3):
    """A number as it is read, with so many digits; anything else as text.

    >>> digits(0.000123456), digits(12345.6), digits(-0.0), digits("cat")
    ('0.000123', '12300', '0', 'cat')
    """
    if not isinstance(value, int | float | np.number | np.bool_):
        return str(value)
    if not np.isfinite(value):
        return ""
    text = f"{float(value):.{count}g}"
    if "e" in text and 1e-4 <= abs(float(value)) < 1e7:
        text = f"{float(text):.0f}"
    return "0" if text == "-0" else text


def told_apart(*things):
    """Texts of numbers or tuples with as few digits as tell all numbers apart, three at least.

    >>> told_apart((0.0, 1.0), (0.0, 1.00012345), ("log", ("base", 10)))
    ['(0, 1)', '(0, 1.0001)', '(log, (base, 10))']
    """
    values = [float(value) for value in leaves(things) if is_number(value)]
    different = len({digits(value, 17) for value in values})
    count = 3
    while len({digits(value, count) for value in values}) < different:
        count += 1
    return [text(thing, count) for thing in things]


def leaves(thing):
    """What a tuple holds that is no tuple."""
    if not isinstance(thing, tuple | list):
        yield thing
        return
    for part in thing:
        yield from leaves(part)


def text(thing, count):
    """A number with so many digits, a tuple of such texts, or what `str` says."""
    if isinstance(thing, tuple | list):
        return f"({', '.join(text(part, count) for part in thing)})"
    return digits(float(thing), count) if is_number(thing) else str(thing)


def labelled(artist):
    """Whether an artist has a label of its own."""
    return not str(artist.get_label()).startswith("_")


def name_of(artist):
    """The label of an artist as it is read, empty where it has none."""
    return plain(artist.get_label()) if labelled(artist) else ""


def plain(text):
    r"""A label without TeX: ``$\|g\|$`` as ‖g‖."""
    if "$" not in (text := str(text)):
        return text
    named = re.sub(
        r"\\([A-Za-z]+|.) ?", lambda m: chr(tex2uni[m[1]]) if m[1] in tex2uni else m[1], text
    )
    return re.sub(r"[${}]", "", named)
