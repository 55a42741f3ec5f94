"""Run a view over a grid of states and keep what every artist draws.

Whatever could not be moved is refused. The layout is computed once, for the state that the figure
opens with. Ticks are compared, not drawn: drawing them is most of the cost of a figure. Some states
are drawn again in new figures as a check, two of them with their ticks. What does not change
between states (layouts of texts, styles, clips, ticks) is looked up.
"""

import gc
from contextlib import contextmanager
from itertools import zip_longest

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

from .axes import Layout, differing, hint, signature
from .codec import Slot
from .numbers import Numbers, plain
from .record import Recorder
from .stage import Stage
from .texts import fonts, laid_out_once

RC = {"path.simplify": False, "svg.hashsalt": "explorable", "svg.fonttype": "path"}
CRISP = {"auto", "antialiased", "nearest"}  # interpolations of images that may keep their pixels


class Harvest:
    """All frames of all artists of a view.

    Parameters
    ----------
    view : callable
        Draws one state: ``view(ax, **state)``, or ``view(axes, **state)`` with several panels.
    grid : Grid
        The states.
    size, panels : pair
        Inches, and rows and columns.
    start : int
        The number of the state whose layout serves all.
    progress : callable, optional
        Called with the number of states done.
    order : iterable of int, optional
        In which order to visit the states; it changes nothing.

    Raises
    ------
    ValueError
        Whatever a moving picture could not show: ticks or limits that change, artists that come and
        go or that the renderer does not know, a view that draws nothing, raises, or draws one state
        in two ways.
    """

    def __init__(
        self, view, grid, *, size=(6.4, 3.6), panels=(1, 1), start=0, progress=None, order=None
    ):
        self.view, self.size, self.panels = view, size, panels
        self.states = grid.states()
        self.order = range(grid.size) if order is None else order
        self.progress = progress
        self.recorder = Recorder(72 * size[0], 72 * size[1])
        self.fonts = fonts()
        self.names = self.signs = None
        self.numbers = Numbers(len(self.states))
        self.known = {}  # ticks of axes, see `signature`
        with rc_context(RC), laid_out_once(), few_collections() as self.collect:
            self.layout = None
            opened = self.figure(start, layout="constrained")
            opened.canvas.get_renderer = lambda: self.recorder  # whose measures of texts count
            with self.recorder.measuring():
                opened.draw(self.recorder)
            self.layout = Layout(opened)
            try:
                self.run(start, Stage(self.empty()))
            except ValueError:
                # the view changes what a stage cannot put back, or it is at fault itself
                self.run(start, None)

    def run(self, start, stage):
        """Visit all states, on one stage or each in a figure of its own; check some by new ones."""
        self.start(start)
        for done, number in enumerate(self.order, start=1):
            self.visit(number, stage)
            if done % 20 == 0:
                self.collect(1)
            if self.progress:
                self.progress(done)
        for slot in self.slots:
            if len(slot.frames) > 1:
                slot.role = "data"  # a title that moves tells the answer, too
        size = len(self.states)
        ends = {0, size - 1}
        many = 2 if stage is None else min(2 + size // 16, 6)
        some = np.random.default_rng(0).integers(size, size=many).tolist()
        for number in ends | set(some):
            self.check(number, ticks=number in ends)

    def empty(self, **how):
        """A new figure with empty axes."""
        fig = Figure(figsize=self.size, dpi=72, **how)
        fig.subplots(*self.panels)
        return fig

    def figure(self, number, stage=None, **how):
        """The figure of one state: a new one, or the stage's."""
        fig = stage.reset() if stage else self.empty(**how)
        axes = np.array(fig.axes)
        try:
            self.view(axes[0] if self.panels == (1, 1) else axes, **self.states[number])
        except Exception as error:
            what = f"{type(error).__name__} at {self.said(number)}: {error}"
            raise ValueError(f"view: expected no error, got {what}") from error
        now = fonts()  # a view may change them for all that comes
        if now != self.fonts:
            self.recorder = Recorder(self.recorder.units.width, self.recorder.units.height)
            self.fonts = now
        if self.layout:
            self.layout.apply(fig, number, self.said)
        return fig

    def artists(self, fig):
        """What draws in a figure, in the order of the slots."""
        return [artist for artist, _ in walk(fig, self.recorder)]

    def told(self):
        """The titles of each state, which a listener hears when they change: different ones, and
        which stands in each state.
        """
        texts = list(dict.fromkeys(self.titles))
        return {
            "texts": texts,
            "of": [texts.index(title) for title in self.titles] if len(texts) > 1 else [],
        }

    def said(self, number):
        """A state in words."""
        return ", ".join(f"{name}={value!r}" for name, value in self.states[number].items())

    def start(self, number):
        """Open one slot for every artist of the first state.

        The ticks of the axes are drawn here and nowhere else.
        """
        self.first, fig = number, self.figure(number)
        self.opened = fig
        self.titles = [""] * len(self.states)
        parts = list(walk(fig, self.recorder))
        artists = [artist for artist, _ in parts]
        self.axes, self.parts = fig.axes, parts
        self.names = [name(a) for a in artists]
        self.kinds = [type(a).__name__ for a in artists]
        self.signs = [sign(a, self.known) for a in artists]
        self.heights = [a.get_zorder() for a in artists]
        self.slots = [Slot(name(a), role, len(self.states)) for a, role in parts]
        self.ticks = {
            i: self.record(a, number) for i, a in enumerate(artists) if isinstance(a, Axis)
        }
        words = any(isinstance(a, Text) and a.get_text() for a in artists)
        data = any(role == "data" and not isinstance(a, Text) for a, role in parts)
        if not words and not data:
            raise ValueError(
                "view: expected something drawn on the axes it is given, got nothing;"
                " draw with ax.plot(...), not plt.plot"
            )

    def visit(self, number, stage):
        """Put one state into every slot."""
        fig = self.figure(number, stage)
        parts = list(walk(fig, self.recorder))
        self.compare(parts, number)
        for i, (artist, _) in enumerate(parts):
            self.slots[i].put(
                number, self.ticks[i] if i in self.ticks else self.record(artist, number)
            )
        self.numbers.put(number, fig.axes)
        self.titles[number] = titles(fig)

    def compare(self, parts, number):
        """Refuse artists that come, go or change places, and axes that change."""
        first, here = self.said(self.first), self.said(number)
        kinds = [type(a).__name__ for a, _ in parts]
        if kinds != self.kinds:
            names = [name(a) for a, _ in parts]
            pairs = enumerate(zip_longest(self.kinds, kinds))
            at = next(i for i, (before, now) in pairs if before != now)
            before, now = (a[at] if at < len(a) else "nothing" for a in (self.names, names))
            raise ValueError(
                f"artists: expected the same in every state, got {len(self.names)} at {first} and"
                f" {len(names)} at {here}, or others: {before} against {now};"
                " hide one with visible=False or give it no data"
            )
        for i, (artist, _) in enumerate(parts):
            said, height = self.names[i], self.heights[i]
            if artist.get_zorder() != height:
                raise ValueError(
                    f"{said}: expected one zorder in every state, got {height} at {first}"
                    f" and {artist.get_zorder()} at {here}"
                )
            before, now = self.signs[i], sign(artist, self.known)
            if now != before:
                what = differing(before, now)
                raise ValueError(
                    f"{said}: expected the same {what} in every state, got {before[what]} at"
                    f" {first} and {now[what]} at {here}. {hint(what)}"
                )

    def record(self, artist, number):
        """What an artist draws; an error names the artist and the state."""
        try:
            if not isinstance(artist, Axis):
                return self.recorder.record(artist)
            shown = artist.label.get_visible()
            artist.label.set_visible(False)  # the label is a slot of its own
            shapes = self.recorder.record(artist)
            artist.label.set_visible(shown)
            return shapes
        except Exception as error:
            raise ValueError(
                f"{name(artist)}: expected what can be moved, got at {self.said(number)}: {error}"
            ) from error

    def check(self, number, ticks):
        """Draw a state again in a new figure and compare: within 0.05 pt, with all else equal.

        Ticks take longer than all the rest, and are compared in every state: they are drawn in the
        first and in the last one only, between which every parameter changes.
        """
        parts = list(walk(self.figure(number), self.recorder))
        for i, (artist, _) in enumerate(parts):
            if isinstance(artist, Axis) and not ticks:
                continue
            again = Slot("", "", 1)
            again.put(0, self.record(artist, number))
            slot = self.slots[i]
            kept, there = list(slot.frames)[slot.index[number]]
            ((shape, here),) = again.frames
            if shape != kept or distance(there, here) > 0.05 * self.recorder.units.scale:
                raise ValueError(
                    f"{self.names[i]}: expected the same picture each time, got another when drawn"
                    f" again at {self.said(number)}; fix the seed of random numbers,"
                    " or what else varies"
                )


def distance(there, here):
    """How far coordinates have moved at most, in units; infinitely far if their number differs."""
    if len(there) != len(here):
        return np.inf
    far = np.frombuffer(there, "<u2").astype(int) - np.frombuffer(here, "<u2")
    return np.abs(far).max(initial=0)


def titles(fig):
    """The titles of a figure in one line."""
    texts = [fig._suptitle] if fig._suptitle else []
    for ax in fig.axes:
        texts += [ax._left_title, ax.title, ax._right_title]
    return ". ".join(plain(text.get_text()) for text in texts if text.get_text())


@contextmanager
def few_collections():
    """Collect garbage when told.

    Left alone, Python looks through the thousands of objects of every figure too often.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield gc.collect
    finally:
        if was:
            gc.enable()


def walk(fig, renderer):
    """Every artist that draws, with its role, in matplotlib's order of drawing."""
    for artist in by_height(fig, {fig.patch}):
        if isinstance(artist, Axes):
            yield from walk_axes(artist, renderer)
        else:
            yield artist, "axes" if isinstance(artist, Text) else "data"


def by_height(parent, hidden):
    """The artists in a figure or axes, without the hidden ones, the lowest first."""
    shown = [a for a in parent.get_children() if a not in hidden]
    return sorted(shown, key=lambda a: a.get_zorder())


def walk_axes(ax, renderer):
    """The artists of one axes, and of the axes inside it.

    These are the parts of `Axes.draw` that decide on order and place.
    """
    if not ax.get_visible():
        return
    locate = ax.get_axes_locator()
    ax.apply_aspect(locate(ax, renderer) if locate else None)
    spines, axis = list(ax.spines.values()), [ax.xaxis, ax.yaxis]
    framed = ax.axison and ax.get_frame_on()
    if framed and not white(ax.patch):
        yield ax.patch, "axes"
    fixed = {ax.title, ax._left_title, ax._right_title, *spines, *axis}
    hidden = {ax.patch}
    if not framed:
        hidden.update(spines)
    if not ax.axison:
        hidden.update(axis)
    for artist in by_height(ax, hidden):
        if isinstance(artist, Axes):
            yield from walk_axes(artist, renderer)
            continue
        if isinstance(artist, AxesImage) and artist.get_interpolation() in CRISP:
            artist.set_interpolation("none")  # pixels as they are: small and crisp
        yield artist, "axes" if artist in fixed else "data"
        if artist in axis:
            yield artist.label, "axes"


def white(patch):
    """Whether a background is plain white: then it is left out, and the page's own shows."""
    return patch.get_hatch() is None and to_rgb(patch.get_facecolor()) == (1, 1, 1)


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


def sign(artist, known):
    """The signature of an axis; None for everything else."""
    return signature(artist, known) if isinstance(artist, Axis) else None
