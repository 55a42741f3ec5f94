"""What a reader sees while the states of a figure are drawn.

In a notebook that somebody reads the first state is shown after a second, with a bar beneath it.
When all states are drawn, the figure takes the place of both. Whoever stops the kernel keeps the
picture, and is told how far it was. At a terminal there is a bar alone; elsewhere there is nothing.
"""

import importlib.util
import time
from contextlib import contextmanager

from .progress import bar, front_end

WAIT = 1.0  # seconds until something is shown
BEAT = 0.2  # between two moves of the bar


class Stopped(KeyboardInterrupt):
    """The reader has stopped a figure; a notebook shows the message in place of a traceback."""

    def _render_traceback_(self):
        """What IPython prints."""
        return [str(self)]


@contextmanager
def first_sight(alt, picture, advice):
    """Show a reader the first state, and how far the others are.

    Parameters
    ----------
    alt : str
        What the figure shows.
    picture : callable
        ``picture(harvest)`` gives the PNG of the first state, or None if it has to stay hidden.
    advice : str
        What to do about a figure that takes too long.

    Yields
    ------
    Sight or Bar
        Its ``drawn(harvest)`` has to be called after every drawing, and ``give_way(figure)`` with
        the figure that takes its place.

    Raises
    ------
    Stopped
        The reader of a notebook has stopped the kernel.
    """
    shell = front_end()
    if shell is None or importlib.util.find_spec("ipywidgets") is None:
        with bar(None, "drawing states") as shown:
            yield Bar(shown)
        return
    sight = Sight(shell, alt, picture)
    try:
        yield sight
    except KeyboardInterrupt:
        sight.stop()
        raise Stopped(sight.told(advice)) from None
    finally:
        sight.close()


class Bar:
    """A bar alone, where no picture can be shown."""

    def __init__(self, shown):
        self.shown, self.done = shown, 0

    def drawn(self, harvest):
        """One more drawing is done; some are repeated as a check."""
        self.done += 1
        if self.done <= harvest.draws:
            self.shown.total = harvest.draws
            self.shown.update()

    def give_way(self, figure):
        """Nothing stands where the figure comes."""


class Sight:
    """The first state and a bar, as one display of a cell."""

    def __init__(self, shell, alt, picture):
        self.shell, self.alt, self.picture = shell, alt, picture
        self.began = self.moved = time.monotonic()
        self.done, self.total, self.png = 0, 1, None
        self.display = self.box = None
        self.busy = False  # while the first state is drawn for its picture

    def drawn(self, harvest):
        """One more drawing is done."""
        if self.busy:
            return
        self.total = harvest.draws
        self.done = min(self.done + 1, self.total)  # some are repeated as a check
        now = time.monotonic()
        if self.display is None:
            if now - self.began > WAIT and self.left() > WAIT / 2:
                self.busy = True
                self.png = self.picture(harvest)
                self.busy = False
                self.show()
        elif now - self.moved > BEAT:
            self.moved = now
            self.bar.max, self.bar.value = self.total, self.done
            self.words.value = self.so_far()

    def left(self):
        """How many seconds the rest takes, if it goes on as it went."""
        return (time.monotonic() - self.began) * (self.total / max(self.done, 1) - 1)

    def so_far(self):
        """What stands beside the bar."""
        if self.done == self.total:
            return "all drawn, packing"
        return f"{self.done} of {self.total} drawn, about {span(self.left())} left"

    def told(self, advice):
        """What is said to whoever has stopped it."""
        return (
            f"explore: stopped after {self.done} of {self.total} drawings; the others would have"
            f" taken about {span(self.left())}. Run the cell again for all of them, or {advice}."
        )

    def show(self):
        """Show picture and bar."""
        import ipywidgets
        from IPython.display import DisplayHandle

        self.bar = ipywidgets.IntProgress(self.done, 0, self.total)
        self.words = ipywidgets.Label(self.so_far())
        row = ipywidgets.HBox([self.bar, self.words])
        above = [ipywidgets.Image(value=self.png, layout=self.size())] if self.png else []
        self.box = ipywidgets.VBox([*above, row])
        # Known before it is seen: whoever sees it may stop the kernel at once.
        self.display = DisplayHandle()
        self.display.display(self.box)

    def size(self):
        """The picture has two pixels to one of the screen, and shrinks with its place."""
        return {"width": f"{self.wide()}px", "max_width": "100%", "height": "auto"}

    def wide(self):
        """The width of the picture on the screen."""
        return int.from_bytes(self.png[16:20]) // 2

    def stop(self):
        """Leave the picture alone."""
        if self.png:
            data = {"image/png": self.png, "text/plain": f"the first state of {self.alt!r}"}
            metadata = {"image/png": {"alt": self.alt, "width": self.wide()}}
            self.display.update(data, raw=True, metadata=metadata)
            self.display = None

    def close(self):
        """Take away what is left of picture and bar."""
        if self.box is not None:
            for each in (*self.box.children[-1].children, *self.box.children, self.box):
                each.close()
        if self.display is not None:
            self.display.update({}, raw=True)

    def give_way(self, figure):
        """If the figure is shown in the same cell, let it stand where the display stood."""
        if self.display is None:
            return
        cell = self.shell.execution_count

        def show():
            del figure._ipython_display_
            data, metadata = figure._repr_mimebundle_()
            if self.shell.execution_count == cell:
                self.display.update(data, raw=True, metadata=metadata)
            else:
                self.shell.display_pub.publish(data, metadata)

        figure._ipython_display_ = show


def span(seconds):
    """A time as it is said.

    >>> span(0.2), span(42), span(200)
    ('1 s', '42 s', '3 min')
    """
    return f"{max(seconds, 1):.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
