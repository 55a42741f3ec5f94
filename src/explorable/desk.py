"""pyplot as a view finds it: one figure at a time, no window, and nothing left behind.

A view may draw on axes that it is given, or say ``plt.plot`` and ``plt.figure`` as in a cell of its
own. While it does, pyplot knows no figure but its own, `plt.show` shows nothing, and what the view
prints is kept. pyplot's figures, its current axes and all settings are as before afterwards.
"""

import sys
import warnings
from collections.abc import Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import numpy as np
from matplotlib import rc_context, rcParams
from matplotlib._pylab_helpers import Gcf
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .texts import warned_once

RC = {
    "path.simplify": False,
    "svg.hashsalt": "explorable",
    "svg.fonttype": "path",
    "figure.dpi": 72,
    "figure.max_open_warning": 0,
    "interactive": False,
}


class Desk:
    """Where a view draws: the figures that it has made in the present state."""

    def __init__(self):
        self.made = []

    def new_figure_manager(self, number, *args, FigureClass=Figure, **kwargs):
        """What pyplot asks a backend for."""
        fig = FigureClass(*args, **kwargs)
        self.made.append(fig)
        return self.new_figure_manager_given_figure(number, fig)

    @staticmethod
    def new_figure_manager_given_figure(number, fig):
        FigureCanvasAgg(fig)
        return FigureManagerBase(fig.canvas, number)

    def draw(self, view, given, said):
        """Let a view draw; returns its figure and what it printed.

        Parameters
        ----------
        view : callable
            Draws when it is called without arguments.
        given : Figure or None
            What it is asked to draw on, already with its axes; None: it makes its own by pyplot.
        said : str
            What an error calls the state.

        Raises
        ------
        ValueError
            It draws on several figures.
        """
        self.made = []
        Gcf.figs.clear()
        if given is not None:
            Gcf._set_new_active_manager(self.new_figure_manager_given_figure(1, given))
            given.sca(given.axes[0])  # what pyplot adds, such as a title, belongs there
        with listening() as heard:
            result = view()
        fig = self.chosen(given, result, said)
        fig.dpi = 72
        return fig, "\n".join(filter(None, [heard(), returned(result)]))

    def chosen(self, given, result, said):
        """The figure that a view has drawn, from what it was given, made and returned."""
        if given is None and isinstance(result, Axes | Figure):
            return result.get_figure(root=True)
        drawn = [fig for fig in self.made if fig.get_children()[1:]]
        if given is not None:
            drawn.insert(0, given)
        if len(drawn) > 1:
            raise ValueError(
                f"view: expected one figure, got {len(drawn)} at {said}: draw on one, by"
                " fig, axes = plt.subplots(1, 2), or on the axes that the view is given"
            )
        return drawn[0] if drawn else self.blank()

    def blank(self):
        """The figure of a view that draws nothing."""
        fig = Figure()
        FigureCanvasAgg(fig)
        return fig


@contextmanager
def desk(size=None):
    """A `Desk` for pyplot to draw on; afterwards pyplot and its settings are as they were.

    `size` is that of its figures, in inches, if it is not as the settings say.
    """
    from matplotlib import pyplot  # not at the top: importing the package stays light

    kept, backend, shell = list(Gcf.figs.items()), pyplot._backend_mod, pyplot._REPL_DISPLAYHOOK
    switch, named = pyplot.switch_backend, rcParams._get("backend")
    place = Desk()
    pyplot.switch_backend = lambda *args, **kwargs: None  # so does `matplotlib.use`
    pyplot._backend_mod = SimpleNamespace(
        new_figure_manager=place.new_figure_manager,
        new_figure_manager_given_figure=place.new_figure_manager_given_figure,
        FigureCanvas=FigureCanvasAgg,
        FigureManager=FigureManagerBase,
        show=lambda *args, **kwargs: None,
        draw_if_interactive=lambda *args, **kwargs: None,
        backend_version="",
    )
    try:
        how = RC if size is None else RC | {"figure.figsize": size}
        with rc_context(how), warned_once():
            yield place
    finally:
        pyplot._backend_mod, pyplot._REPL_DISPLAYHOOK = backend, shell
        pyplot.switch_backend = switch
        rcParams._set("backend", named)  # which rc_context leaves alone
        Gcf.figs.clear()
        Gcf.figs.update(kept)


@contextmanager
def listening():
    """What is printed and displayed meanwhile; yields a function that tells it."""
    capture = displayed()
    out = StringIO()
    shown = []
    with redirect_stdout(out), capture(shown), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
        yield lambda: "\n".join([*left(out.getvalue()).splitlines(), *map(words, shown)])


CLEARED = "\x1b[2K"  # what IPython's `clear_output` prints where nothing can be cleared


def left(text):
    """What is left of a text after all that cleared it; what clears waits for what comes next."""
    parts = [part.strip("\r").rstrip() for part in text.split(CLEARED)]
    return next(filter(None, reversed(parts)), "")


def displayed():
    """A context in which IPython's `display` shows nothing and adds to a list instead."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()

    @contextmanager
    def capture(shown):
        if shell is None:
            yield
            return
        from IPython.utils.capture import capture_output

        with capture_output(stdout=False, stderr=False, display=True) as captured:
            shell.display_pub.clear_output = lambda wait=False: print(CLEARED, end="")
            yield
        shown += captured.outputs

    return capture


def returned(result):
    """What a view returns as `interact` shows it; nothing of what it has drawn."""
    if result is None or is_drawn(result):
        return ""
    text = repr(result)
    return type(result).__name__ if " object at 0x" in text else text


def is_drawn(result):
    """Whether this is a piece of a drawing, or holds one."""
    if isinstance(result, Mapping):
        result = [*result.values()]
    if isinstance(result, list | tuple) or getattr(result, "dtype", None) == np.dtype(object):
        return any(map(is_drawn, result))
    return type(result).__module__.split(".")[0] in ("matplotlib", "mpl_toolkits", "seaborn")


def words(output):
    """What IPython displays, as plain text; nothing of a picture."""
    data = output.data
    return "" if any(kind.startswith("image/") for kind in data) else data.get("text/plain", "")
