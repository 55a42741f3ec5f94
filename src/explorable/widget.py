"""`explore`: an ordinary matplotlib function as a figure with sliders.

It works in JupyterLab and in a page without a kernel.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import anywidget
import ipywidgets
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg

from . import codec, svg
from .acts import Prediction, Register, drag_spec, expect_drag, register_spec
from .axes import scales
from .grid import Grid, check_view, kind
from .harvest import Harvest
from .progress import bar
from .tables import tables

MAX_BYTES = 4_000_000
PARTS = ("painter", "numbers", "acts", "live")
OPTIONS = (
    "alt",
    "anchor",
    "start",
    "size",
    "panels",
    "title",
    "cases",
    "predict",
    "drag",
    "register",
)


class LiveFigure(anywidget.AnyWidget):
    """The picture alone.

    It has an index trait ``at_<name>`` for every parameter; link whatever you like to them.
    """

    _esm = "\n".join(Path(__file__).with_name(f"{part}.js").read_text("utf-8") for part in PARTS)
    spec = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    svg = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    cases = traitlets.List().tag(sync=True)
    predict = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    locked = traitlets.Bool(False).tag(sync=True)
    registered = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, indices, **state):
        traits = {}
        for name, index in indices.items():
            kind_of_trait = traitlets.Bool if isinstance(index, bool) else traitlets.Int
            traits[name] = kind_of_trait(index).tag(sync=True)
        self.add_traits(**traits)
        super().__init__(**state)

    def __repr__(self):
        counts = [f"{p['name']}: {len(p['labels'])} values" for p in self.spec["params"]]
        return f"LiveFigure({', '.join(counts)})"


class Explore(ipywidgets.VBox):
    """Controls and figure; what `explore` returns.

    Attributes
    ----------
    controls : dict of str to widget
        The slider, dropdown or checkbox of every parameter.
    figure : LiveFigure
    registered : list of dict
        The states that the reader has registered.
    """

    def __init__(self, figure, controls, grid, png):
        self.figure, self.controls, self._grid, self._png = figure, controls, grid, png
        self.links = [
            ipywidgets.jslink((figure, f"at_{name}"), (control, where(control)))
            for name, control in controls.items()
        ]
        if figure.predict:
            self.links += [
                ipywidgets.jslink((figure, "locked"), (c, "disabled")) for c in controls.values()
            ]
        super().__init__([*controls.values(), figure])
        self.add_class("xp-explore")

    def __repr__(self):
        return f"Explore({self._grid.counts()})"

    @property
    def registered(self):
        states = self._grid.states()
        return [states[number] for number in self.figure.registered]

    def _repr_mimebundle_(self, **kwargs):
        data = super()._repr_mimebundle_(**kwargs) or {}
        data |= {"text/plain": repr(self), "image/png": self._png}
        return data, {"image/png": {"alt": self.figure.alt}}


def where(control):
    """The trait of a control that holds the index."""
    return "value" if isinstance(control, ipywidgets.Checkbox) else "index"


def explore(
    view,
    *,
    alt,
    anchor=None,
    start=None,
    size=(5.6, 3.3),
    panels=(1, 1),
    title=None,
    cases=None,
    predict=None,
    drag=None,
    register=None,
    **grid,
):
    """A live figure: `view` drawn by matplotlib at every point of a grid, moved by sliders.

    It moves at 60 frames a second.

    Parameters
    ----------
    view : callable
        ``view(ax, gain, activation)`` draws one state on `ax`. It sets the limits of the axes
        itself, to the same values in every state, and draws the same artists; everything else may
        move. With several panels it gets their flat array.
    alt : str
        What the figure shows, for those who cannot see it.
    anchor : str, optional
        What links call the figure, ``[gain 1.2](#powers?gain=1.2)`` for ``anchor="powers"``; small
        letters, digits and hyphens. Without one it is ``fig-1``, ``fig-2`` …, as it stands on its
        page.
    start : dict, optional
        The state to open with, in part or whole; the first value of each parameter otherwise.
    size : pair of float
        Inches.
    panels : pair of int
        Rows and columns of axes.
    title : str, optional
        A line above the figure.
    cases : dict of str to dict, optional
        Numbered buttons under the figure, each with the state it sets: ``{"just below one":
        dict(gain=0.9)}``.
    predict : Prediction, optional
        A question to be answered before the figure shows itself.
    drag : sequence of str, optional
        One or two parameters with numbers that the pointer sets, too: the view draws a point with
        ``gid="drag"``, and wherever the reader presses or drags within its axes, they take the
        values that bring the point nearest.
    register : Register, optional
        A game: a button keeps the best states in the picture.
    **grid : list or 1-d array
        The values of each parameter: numbers (a slider), strings (a dropdown), ``[False, True]`` (a
        checkbox).

    Returns
    -------
    Explore
        ``.controls[name]`` and ``.figure`` are widgets to link others to.

    Raises
    ------
    TypeError, ValueError
        An argument that cannot be used; a view that raises, or that changes what cannot be moved.
        The message names the argument or artist, what was expected and what was given, and the
        states between which it changed.

    Examples
    --------
    >>> import numpy as np
    >>> def view(ax, gain):
    ...     ax.plot(gain ** np.arange(50))
    ...     ax.set(yscale="log", ylim=(1e-6, 1e6))
    >>> explore(view, alt="powers of the gain", gain=np.linspace(0.8, 1.2, 41))
    Explore(gain: 41 values)
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt: expected a sentence that says what the figure shows, got {alt!r}")
    named = isinstance(anchor, str) and re.fullmatch(r"[a-z][a-z0-9-]*", anchor)
    if anchor is not None and not named:
        raise ValueError(
            "anchor: expected small letters, digits and hyphens, a letter first,"
            f" got {anchor!r:.60}"
        )
    grid = Grid(grid)
    check_view(view, grid.values, OPTIONS)
    size, panels = pair("size", size, float), pair("panels", panels, int)
    for name, given, wanted in (("predict", predict, Prediction), ("register", register, Register)):
        if given is not None and not isinstance(given, wanted):
            raise TypeError(f"{name}: expected a {wanted.__name__}, got {given!r:.60}")
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title: expected a string, got {title!r:.60}")
    if cases is not None and not isinstance(cases, Mapping):
        raise TypeError(f"cases: expected a dict of labels and states, got {cases!r:.60}")
    if drag is not None:
        expect_drag(drag, grid)
    opening = grid.locate({} if start is None else start, "start")
    jumps = []
    for label, state in (cases or {}).items():
        jumps.append({"label": str(label), "at": jump(grid, label, state)})
    number = grid.number(opening)
    with bar(grid.size, "drawing states") as shown:

        def progress(done):
            shown.update()

        harvest = Harvest(view, grid, size=size, panels=panels, start=number, progress=progress)
    data, spec, packer = codec.pack(harvest.slots, harvest.recorder.units)
    spec |= {
        "params": [{"name": n, "trait": f"at_{n}", "labels": grid.labels[n]} for n in grid.values],
        "axes": [scales(ax) for ax in harvest.axes],
        "tables": tables(harvest),
    }
    if drag is not None:
        spec["drag"] = drag_spec(drag, grid, harvest)
    if register:
        spec["register"] = register_spec(register, grid, harvest)
    first = svg.write(harvest.slots, packer, spec, list(packer.images), number, alt)
    weigh(grid, data, spec, first)
    indices = {}
    for name, index in opening.items():
        yes_or_no = kind(grid.values[name][0]) == "bool"
        indices[f"at_{name}"] = bool(index) if yes_or_no else index
    figure = LiveFigure(
        indices,
        spec=spec,
        data=data,
        svg=first,
        alt=alt,
        name=anchor or "",
        title=title or "",
        cases=jumps,
        predict=asdict(predict) if predict else None,
        locked=predict is not None,
    )
    longest = max(len(name) for name in grid.values)
    width = f"{max(6, 0.6 * longest + 1):.3g}em"
    controls = {n: control(n, grid, opening[n], width, figure.locked) for n in grid.values}
    return Explore(figure, controls, grid, picture(harvest, number))


def jump(grid, label, state):
    """The indices that a case sets; what it does not name stays where the reader put it."""
    found = grid.locate(state, f"cases[{label!r}]")
    return {name: found[name] for name in state}


def pair(name, given, number):
    """Two positive numbers of one kind."""
    try:
        a, b = (number(v) for v in given)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected two positive numbers, got {given!r}") from None
    if not (0 < a < 1e3 and 0 < b < 1e3) or tuple(given) != (a, b):
        raise ValueError(f"{name}: expected two positive numbers, got {given!r}")
    return a, b


def control(name, grid, index, width, disabled):
    """The widget of one parameter: a checkbox, a dropdown or a slider."""
    values, labels = grid.values[name], grid.labels[name]
    how = {
        "description": name.replace("_", " "),
        "disabled": disabled,
        "style": {"description_width": width},
        "layout": {"width": "min(100%, 30em)"},
    }
    if values == [False, True]:
        return ipywidgets.Checkbox(value=bool(index), indent=True, **how)
    options = list(zip(labels, values, strict=True))
    if isinstance(values[0], str | bool) or len(values) == 1:
        return ipywidgets.Dropdown(options=options, index=index, **how)
    return ipywidgets.SelectionSlider(options=options, index=index, continuous_update=True, **how)


def weigh(grid, data, spec, first):
    """Refuse a figure that is too heavy for a page, and say what to cut."""
    total = len(data) + len(codec.json.dumps(spec)) + len(first)
    if total > MAX_BYTES:
        raise ValueError(
            f"the figure takes {total / 1e6:.1f} MB, expected at most {MAX_BYTES / 1e6:g} MB; "
            f"{grid.counts()}: {grid.reduce()}, or draw fewer points"
        )


def picture(harvest, number):
    """A PNG of the state that the figure opens with, for places where no widget lives."""
    out = BytesIO()
    fig = harvest.figure(number)
    FigureCanvasAgg(fig)
    fig.savefig(out, format="png", dpi=144, metadata={"Software": None})
    return out.getvalue()
