"""A live figure where a widget manager is: JupyterLab, Notebook, Voila and their kin."""

import sys
from functools import partial

import anywidget
import ipywidgets
import traitlets

from . import bundle
from .live import TRAITS, control, counted
from .values import same

KINDS = {
    dict: traitlets.Dict,
    list: traitlets.List,
    str: traitlets.Unicode,
    bool: traitlets.Bool,
    int: traitlets.Int,
    type(None): partial(traitlets.Dict, allow_none=True, default_value=None),
}


class LiveFigure(anywidget.AnyWidget):
    """The figure alone. It has an index trait ``at_<name>`` for every parameter; link whatever you
    like to them. Set ``own_controls`` where no ipywidgets stand beside it.
    """

    _esm = bundle.esm()
    data = traitlets.Bytes().tag(sync=True)
    first = traitlets.Bytes().tag(sync=True)
    own_controls = traitlets.Bool(True).tag(sync=True)

    def __init__(self, live, **how):
        self.add_traits(
            **{
                name: KINDS[type(TRAITS.get(name, value))]().tag(sync=True)
                for name, value in live.traits.items()
            }
        )
        super().__init__(**live.traits, data=live.data, first=live.first, **how)

    def __repr__(self):
        return f"LiveFigure({counted(self.spec)})"


class Explore(ipywidgets.Box):
    """Controls and figure; what `explore` returns.

    Attributes
    ----------
    controls : dict of str to widget
        The slider, dropdown or checkbox of every parameter.
    figure : LiveFigure
    live : Live
        The same as plain data, for a page of your own.
    registered : list of dict
        The states that the reader has registered.
    """

    def __init__(self, live, grid):
        self.live, self._grid = live, grid
        self.figure = LiveFigure(live, own_controls=in_marimo())
        self.controls = {
            name: widget(name, grid, live.traits[f"at_{name}"], self.figure.locked)
            for name in grid.values
        }
        self.links = [
            ipywidgets.jslink((self.figure, f"at_{name}"), (each, where(each)))
            for name, each in self.controls.items()
        ]
        if self.figure.predict:
            self.links += [
                ipywidgets.jslink((self.figure, "locked"), (each, "disabled"))
                for each in self.controls.values()
            ]
        sliders = ipywidgets.VBox([*self.controls.values()])
        sliders.add_class("xp-sliders")
        super().__init__([sliders, self.figure])
        self.add_class("xp-explore")

    def __repr__(self):
        return f"Explore({self._grid.counts()})"

    @property
    def registered(self):
        states = self._grid.states()
        return [states[number] for number in self.figure.registered]

    def save(self, path, *, lang="en"):
        """Write one HTML file that lives alone, from a folder or in an ``<iframe>``; it opens with
        the state that the figure opened with.
        """
        self.live.save(path, lang=lang)

    def html(self, *, lang="en"):
        """The text of that file."""
        return self.live.html(lang=lang)

    def _mime_(self):
        """What marimo shows: the file in a frame, as it shows no boxes of ipywidgets."""
        return "text/html", self.live.frame()

    def _repr_mimebundle_(self, **kwargs):
        data = super()._repr_mimebundle_(**kwargs) or {}
        data |= {"text/plain": repr(self), "image/png": self.live.first}
        metadata = {"image/png": {"alt": self.figure.alt}}
        return data, metadata | colab(self.figure)


def in_marimo():
    """Whether marimo runs this: ``mo.ui.anywidget(figure.figure)`` shows no boxes of ipywidgets."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and marimo.running_in_notebook()


def colab(figure):
    """What Colab wants to know of a widget that is not its own; nothing elsewhere."""
    bundle = figure._repr_mimebundle_()
    return bundle[1] if isinstance(bundle, tuple) else {}


def where(each):
    """The trait of a control that holds the index."""
    return "value" if isinstance(each, ipywidgets.Checkbox) else "index"


def widget(name, grid, index, disabled):
    """The control of one parameter."""
    values, labels = grid.values[name], grid.labels[name]
    how = {
        "description": name.replace("_", " "),
        "disabled": disabled,
        "style": {"description_width": f"{max(5, 0.6 * len(name) + 1):.3g}em"},
        "layout": {"width": "auto"},
    }
    if control(values) == "check":
        return ipywidgets.Checkbox(value=index, indent=True, **how)
    if isinstance(index, bool):
        index = int(index)
    options = list(zip(labels, values, strict=True))
    if control(values) == "choice":
        return ipywidgets.Dropdown(options=options, index=index, equals=same, **how)
    return ipywidgets.SelectionSlider(options=options, index=index, continuous_update=True, **how)
