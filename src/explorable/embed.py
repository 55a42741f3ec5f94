"""The figures among a notebook's saved widgets, as a page shows them.

``Embedded(state)`` takes what Jupyter saves, and ``figure(model_id)`` gives the HTML that stands in
the view's place. What could not live without a kernel is listed in ``problems``.
"""

import re
from base64 import b64decode

from .live import FORMAT, TRAITS, Live

BOXES = {"BoxModel", "VBoxModel", "HBoxModel", "GridBoxModel"}
REFERENCE = "IPY_MODEL_"


class Embedded:
    """The live figures of one page.

    Parameters
    ----------
    state : dict
        Model id to saved model, the ``state`` of ``application/vnd.jupyter.widget-state+json``.

    Attributes
    ----------
    problems : list of (kind, message)
        What would be dead on the page. Kinds: ``missing``, ``unknown``, ``format``.
    figures : dict
        The name of each figure that was placed, and its `Live`.
    """

    def __init__(self, state):
        self.state, self.figures, self.problems = state, {}, []

    def figure(self, model_id, place, taken=()):
        """The HTML of the figures in a view.

        Parameters
        ----------
        model_id : str
            Of the view.
        place : callable
            ``place(live)`` gives the addresses of a figure's script and of its first frame.
        taken : container of str
            Ids that the page has already.
        """
        return "".join(self.element(each, place, taken) for each in self.lives(model_id))

    def lives(self, model_id):
        """The figures in a view, one after the other."""
        if model_id not in self.state:
            self.problem("missing", f"widget view {model_id!r} has no saved state: run it again")
            return []
        return [live(self.state[each]) for each in self.within(model_id)]

    def within(self, model_id):
        """The ids of the figures in a model: itself, or those of a box, one after the other."""
        model = self.state.get(model_id, {"model_name": "a widget without state", "state": {}})
        kind, state = model["model_name"], model["state"]
        if kind in BOXES:
            children = [child.removeprefix(REFERENCE) for child in state.get("children", [])]
            if "xp-explore" in state.get("_dom_classes", []):
                children = children[-1:]  # the page brings controls of its own
            return [found for child in children for found in self.within(child)]
        if kind == "AnyModel" and "spec" in state:
            if state["spec"].get("format") == FORMAT:
                return [model_id]
            self.problem(
                "format", "a figure was made by another explorable: run the notebook again"
            )
        else:
            self.problem(
                "unknown", f"{kind} does not work without a kernel: the page leaves it out"
            )
        return []

    def element(self, live, place, taken):
        """One figure under a name of its own."""
        name = self.unused(live.traits["name"] or f"fig-{len(self.figures) + 1}", taken)
        self.figures[name] = live
        return live.element(name, *place(live))

    def borrowed(self, state, place, page, name, play=False, **_):
        """The HTML of a figure that another page makes, by its name there."""
        for model in state.values():
            if "spec" in model["state"] and model["state"].get("name") == name:
                found = live(model)
                self.figures[name] = found
                return found.element(name, *place(found), play=play)
        self.problem("missing", f"no figure {name!r} on the page {page}")
        return ""

    def unused(self, name, taken):
        """The name, or with a number behind it if the page has it."""
        name = base = re.sub(r"[^\w.]+", "-", name.lower()).strip("-") or "figure"
        number = 2
        while name in self.figures or name in taken:
            name, number = f"{base}-{number}", number + 1
        return name

    def problem(self, kind, message):
        """Note it once."""
        if (kind, message) not in self.problems:
            self.problems.append((kind, message))


def live(model):
    """The figure of a saved model."""
    buffers = {b["path"][0]: b64decode(b["data"]) for b in model.get("buffers", [])}
    state = model["state"]
    traits = {name: state[name] for name in TRAITS}
    traits |= {name: value for name, value in state.items() if name.startswith("at_")}
    return Live(traits, buffers["data"], buffers["first"])
