"""Run a view over a grid of states and keep what every artist draws.

The layout is computed once, for the state that the figure opens with, and with room for the ticks,
labels and titles of all states. An axis is drawn once for every way in which it looks:
drawing ticks is most of the cost of a figure. Some states are drawn again in new figures as a
check. What does not change between states (layouts of texts, styles, clips, ticks) is looked up.
"""

import gc
import math
from contextlib import contextmanager
from inspect import isasyncgen, iscoroutine, isgenerator
from io import BytesIO

import numpy as np
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from .align import align
from .axes import every, signature
from .codec import Slot, frame_of, weight
from .desk import desk
from .grid import AXES, View
from .layout import Layout, arrangement, beyond, room, slack, stands_around
from .limits import Limits
from .numbers import Numbers, plain, told_apart
from .parts import name, parts, subfigures, white
from .record import Recorder
from .stage import Stage
from .texts import fonts, laid_out_once
from .weight import Scales, TooLarge

TOO_FEW = 0.5  # points beyond the room that there is: states are drawn again with more
SIZE = (4.25, 3.0)  # inches, of a figure whose view is given axes


class Harvest:
    """All frames of all artists of a view.

    Parameters
    ----------
    view : callable or View
        Draws one state: ``view(ax, **state)``, ``view(axes, **state)`` with several panels, or
        ``view(**state)`` by pyplot.
    grid : Grid
        The states.
    size, panels : pair, optional
        Inches, and rows and columns, of the figure that the view is given. Without a size it has
        4.25 by 3, and a figure of the view's own what the view says.
    limits : {"fixed", "union", "moving"}
        Whether the view sets the same limits in all states, or axes get those that hold all states,
        or axes move.
    start : int
        The number of the state whose layout serves all.
    most : float, optional
        How many bytes the frames may take, compressed. They are weighed meanwhile, too.
    progress : callable, optional
        Called with the harvest after every drawing of a state.
    order : iterable of int, optional
        In which order to visit the states; it changes nothing.

    Attributes
    ----------
    slots : list of Slot
    draws : int
        How often states are drawn, repetitions as a check aside.
    titles, printed : list of str
        Of every state, its titles in one line, and what the view printed.

    Raises
    ------
    ValueError
        Whatever a moving picture could not show: fixed limits that change, what the renderer does
        not know, a view that draws nothing in any state, raises, or draws one state in two ways.
    TooLarge
        The frames of the states that are drawn take more than all may.
    """

    def __init__(
        self,
        view,
        grid,
        *,
        size=None,
        panels=(1, 1),
        limits="fixed",
        start=0,
        most=math.inf,
        progress=None,
        order=None,
    ):
        self.view = view if isinstance(view, View) else View(view, grid.values)
        self.given, self.size, self.panels = self.view.given, size, panels
        self.grid, self.most = grid, most
        self.states = grid.states()
        self.order = range(grid.size) if order is None else list(order)
        self.progress = progress or (lambda harvest: None)
        self.draws = grid.size
        self.fonts = fonts()
        self.layouts, self.opened = {}, None
        with laid_out_once(), few_collections() as self.collect:
            self.limits = Limits(limits)
            with self.drawn(start, open=True):
                pass
            arranges = limits != "fixed" and self.layouts[arrangement(self.opened)].arranges
            self.draws *= 1 + (limits == "union" or (limits == "moving" and arranges))
            if limits == "union":
                for number in self.order:
                    with self.drawn(number, widen=True):
                        pass
            if arranges:
                self.make_room(self.order if limits == "moving" else [start])
            with self.drawn(start) as (self.opened, _):
                pass
            self.run_somehow()
            if limits == "fixed" and self.lack_room():
                self.draws += grid.size
                with self.drawn(start) as (self.opened, _):
                    pass
                self.run_somehow()

    def open(self, opened):
        """Let the state that the figure opens with decide on size and paper."""
        paper = None if white(opened.patch) else opened.patch.get_facecolor()
        width, height = inches(opened)
        self.recorder = Recorder(72 * width, 72 * height, paper)
        self.opened = opened

    def make_room(self, numbers):
        """Give axes that a layout has placed the room that their ticks need in these states."""
        needed, figures = {}, {}
        for number in numbers:
            with self.drawn(number) as (fig, _), self.recorder.measuring():
                key = arrangement(fig)
                figures[key] = fig
                slack(fig, self.recorder)  # their sides are where an aspect puts them
                needed[key] = np.maximum(room(fig, self.recorder), needed.get(key, 0))
        for key, fig in figures.items():
            self.layouts[key].make_room(fig, needed[key], self.recorder)

    def lack_room(self):
        """Whether labels in some state reach further than the layout knew; they get the room."""
        lack = False
        for key, (number, needed) in self.needed.items():
            layout = self.layouts[key]
            with self.drawn(number) as (fig, _):
                if layout.short(fig, needed, self.recorder) > TOO_FEW:
                    known = layout.reach + slack(fig, self.recorder)
                    layout.make_room(fig, np.maximum(needed, known), self.recorder)
                    lack = True
        return lack

    def run_somehow(self):
        """Visit all states, on one stage if that serves."""
        try:
            self.run(Stage(self.empty()) if self.given else None)
        except TooLarge:
            raise
        except ValueError:
            if not self.given:
                raise
            # the view changes what a stage cannot put back, or it is at fault itself
            self.run(None)

    def run(self, stage):
        """Visit all states, on one stage or each in a figure of its own; check some by new ones."""
        size = len(self.states)
        self.ticks = {}  # see `signature`
        self.axes = {}  # what an axis draws, by the ways it looks
        self.frames, self.names = {}, {}
        self.kept = 0  # bytes of all frames
        self.needed = {}  # by arrangement a state, and how far labels reach in any
        scales = Scales(self.grid, self.most)
        self.keys, self.contents = [()] * size, [()] * size
        self.numbers = Numbers(size)
        self.titles, self.printed = [""] * size, [""] * size
        self.inked = False
        for done, number in enumerate(self.order, start=1):
            self.visit(number, stage)
            if self.kept > scales.wait:
                scales.look(self.kept, self.filled(self.order[:done])[0], done)
            if done % 20 == 0:
                self.collect(1)
        if not self.inked and not any(self.printed):
            raise ValueError(
                "view: expected something drawn, got nothing in any state; draw on the axes that"
                " the view is given, ax.plot(...), or leave them out and say plt.plot(...)"
            )
        self.slots, self.places = self.filled(range(size))
        ends = {0, size - 1}
        many = 2 if stage is None else min(2 + size // 16, 6)
        some = np.random.default_rng(0).integers(size, size=many).tolist()
        for number in sorted(ends | set(some)):
            self.check(number, ticks=number in ends)

    def empty(self, **how):
        """A new figure with empty axes."""
        fig = Figure(figsize=self.size or SIZE, dpi=72, **how)
        fig.subplots(*self.panels)
        return fig

    @contextmanager
    def drawn(self, number, stage=None, open=False, widen=False):
        """The figure of one state and what was printed, while the settings are those of the view.

        The figure is laid out as the first one was, and its axes have the limits of all states;
        or it opens, or its limits are taken in.
        """
        with desk(self.size) as here:
            fig, printed = self.draw(here, number, stage)
            if open:
                self.open(fig)
            if widen:
                self.limits.widen(fig, self.said(number))
            else:
                self.expect_size(fig, number)
                if arrangement(fig) not in self.layouts:
                    self.lay_out(here, fig, number)  # spoils it: an aspect may change limits
                    fig, printed = self.draw(here, number, stage)
                    if open:
                        self.opened = fig
                self.settle(fig, number)
            yield fig, printed
        self.progress(self)

    def draw(self, here, number, stage=None, **how):
        """Let the view draw one state on a desk."""
        fig, arguments = None, ()
        if self.given:
            fig = stage.reset() if stage else self.empty(**how)
            axes = np.array(fig.axes)
            arguments = (axes[0] if self.panels == (1, 1) else axes,)
        return here.draw(lambda: self.called(number, arguments), fig, self.said(number))

    def called(self, number, axes):
        """Let the view draw; an error names the state."""
        try:
            result = self.view.draw(axes, self.states[number] | self.grid.constants)
        except Exception as error:
            what = f"{type(error).__name__} at {self.said(number)}: {error}"
            if self.view.anything and isinstance(error, KeyError):
                what += "; a parameter that is called as an option of explore has to be named:"
                what += f" def view({error.args[0]}, **others)"
            if self.view.axes not in {None, *AXES}:
                what += f"; {self.view.axes}, which got no values, was given the axes"
            raise ValueError(f"view: expected no error, got {what}") from error
        if isgenerator(result) or isasyncgen(result) or iscoroutine(result):
            kind = "async def" if iscoroutine(result) else "yield"
            getattr(result, "close", lambda: None)()
            raise TypeError(
                "view: expected a function that draws when it is called, got one that waits to be"
                f" run, with {kind}; write a plain def that draws one state"
            )
        return result

    def expect_size(self, fig, number):
        """Raise unless the figure is as large as the first one."""
        if inches(fig) != inches(self.opened):
            before, now = told_apart(inches(self.opened), inches(fig))
            raise ValueError(
                f"view: expected a figure of one size in every state, got {before} inches at the"
                f" start and {now} at {self.said(number)}"
            )

    def settle(self, fig, number):
        """Give the figure of a state the fonts, the layout and the limits of all."""
        now = fonts()  # a view may change them for all that comes
        if now != self.fonts:
            self.recorder = self.recorder.afresh()
            self.fonts = now
        self.layouts[arrangement(fig)].apply(fig)
        self.limits.apply(fig, self.said(number))

    def lay_out(self, here, fig, number):
        """Find the places of axes that are arranged in a new way."""
        key = arrangement(fig)
        if self.given and any(ax.get_subplotspec() for ax in fig.axes):
            fig, _ = self.draw(here, number, layout="constrained")  # colour bars ask for it
        fig.canvas.get_renderer = lambda: self.recorder  # whose measures of texts count
        try:
            with self.recorder.measuring():
                fig.draw(self.recorder)
                self.layouts[key] = Layout(fig, self.recorder)
        except Exception as error:
            raise ValueError(
                f"view: expected what matplotlib can draw, got at {self.said(number)}: {error}"
            ) from error

    def visit(self, number, stage):
        """Keep what every artist draws in one state."""
        with self.drawn(number, stage) as (fig, printed):
            found = list(self.parts(fig, number))
            if self.limits.way == "fixed":
                self.measure(fig, number, found)
            self.numbers.put(number, fig.axes)
            self.titles[number] = titles(fig)
        self.printed[number] = printed
        self.keys[number] = tuple(key for key, *_ in found)
        self.contents[number] = tuple(self.keep(frame) for *_, frame in found)
        for key, part, frame in found:
            self.names.setdefault(key, name(part.artist))
            text = isinstance(part.artist, Text)
            self.inked |= bool(frame.shapes) and (text or part.role == "data")

    def measure(self, fig, number, found):
        """Note how far ticks, labels and titles that are new reach beyond the sides of axes."""
        key = arrangement(fig)
        if not self.layouts[key].arranges:
            return
        _, needed = self.needed.setdefault(key, (number, np.zeros_like(self.layouts[key].reach)))
        for (panel, *_), part, frame in found:
            new = frame.shapes and frame not in self.frames
            if new and part.ax is not None and stands_around(part.ax, part.artist):
                reach = beyond(part.ax, part.artist, self.recorder)
                needed[panel] = np.maximum(needed[panel], reach)

    def keep(self, frame):
        """Return the frame that is kept: this one, or an equal one."""
        before = len(self.frames)
        kept = self.frames.setdefault(frame, frame)
        if len(self.frames) > before:
            self.kept += weight(frame)
        return kept

    def parts(self, fig, number, ticks=False):
        """Of everything that draws: its key, the part and its frame; `ticks`: axes are drawn."""
        panels = {ax: i for i, ax in enumerate(every(fig))}
        for part in parts(fig, self.recorder):
            artist = part.artist
            key = (panels.get(part.ax), type(artist).__name__, part.role, artist.get_gid())
            yield key, part, self.frame(part, number, ticks)

    def frame(self, part, number, ticks):
        """What an artist draws; an error names the artist and the state."""
        artist = part.artist
        try:
            if not isinstance(artist, Axis):
                return frame_of(self.recorder.record(artist, part.keeps_colours))
            looks = (artist.axis_name, *signature(artist, self.ticks))
            if looks not in self.axes or ticks:
                shown = artist.label.get_visible()
                artist.label.set_visible(False)  # the label is a part of its own
                frame = frame_of(self.recorder.record(artist))
                artist.label.set_visible(shown)
                self.axes[looks] = frame, artist.label.get_position()
            else:
                frame, at = self.axes[looks]
                self.put_label(artist, at)
            return frame
        except Exception as error:
            raise ValueError(
                f"{name(artist)}: expected what can be moved, got at {self.said(number)}: {error}"
            ) from error

    def put_label(self, axis, at):
        """Let the label of an axis stand clear of its ticks, as where the axis was drawn."""
        aligned = axis.axes.figure._align_label_groups.get(axis.axis_name)
        if aligned and len(aligned.get_siblings(axis.axes)) > 1:
            axis._update_label_position(self.recorder)  # which depends on the ticks of others
        elif axis._autolabelpos and axis.axis_name == "x":
            axis.label.set_y(at[1])
        elif axis._autolabelpos and axis.axis_name == "y":
            axis.label.set_x(at[0])

    def filled(self, numbers):
        """The slots of all artists, with the frames of these states; the places of their keys."""
        keys, places = align(self.keys[number] for number in numbers)
        slots = [Slot(self.names[key], key, len(numbers)) for key in keys]
        for state, number in enumerate(numbers):
            sequence = self.keys[number]
            for place, frame in zip(places[sequence], self.contents[number], strict=True):
                slots[place].put(state, frame)
        for slot in slots:
            slot.close()
        return slots, places

    def check(self, number, ticks):
        """Draw a state again in a new figure and compare: within 0.05 pt, with all else equal.

        Ticks take longer than all the rest: they are drawn again in the first and in the last state
        only, between which every parameter changes.
        """
        with self.drawn(number) as (fig, _):
            found = list(self.parts(fig, number, ticks))
        now = tuple(key for key, *_ in found)
        if now != self.keys[number]:
            raise self.another("the view", number)
        for (_, part, frame), kept in zip(found, self.contents[number], strict=True):
            far = distance(frame.coordinates, kept.coordinates)
            if frame.shapes != kept.shapes or far > 0.05 * self.recorder.units.scale:
                raise self.another(name(part.artist), number)

    def another(self, what, number):
        """The error of a view that draws one state in two ways."""
        return ValueError(
            f"{what}: expected the same picture each time, got another when drawn again at"
            f" {self.said(number)}; fix the seed of random numbers inside the view, as by"
            " rng = np.random.default_rng(0), or what else varies, such as a list that grows"
        )

    def picture(self, number, hidden):
        """A PNG of one state, for places where no figure lives; ``hidden`` leaves the data out."""
        out = BytesIO()
        with self.drawn(number) as (fig, _):
            if hidden:
                places = self.places[self.keys[number]]
                for part, place in zip(parts(fig, self.recorder), places, strict=True):
                    if self.slots[place].role == "data":
                        part.artist.set_visible(False)
            FigureCanvasAgg(fig)
            fig.savefig(out, format="png", dpi=144, metadata={"Software": None})
        return out.getvalue()

    def said(self, number):
        """A state in words."""
        return self.grid.said(number)


def inches(fig):
    """Width and height of a figure."""
    return tuple(fig.get_size_inches().round(6).tolist())


def distance(there, here):
    """How far coordinates have moved at most, in units; infinitely far if their number differs."""
    if len(there) != len(here):
        return np.inf
    far = np.frombuffer(there, "<u2").astype(int) - np.frombuffer(here, "<u2")
    return np.abs(far).max(initial=0)


def titles(fig):
    """The titles of a figure in one line."""
    texts = [part._suptitle for part in (fig, *subfigures(fig)) if part._suptitle]
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
