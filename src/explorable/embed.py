"""The state of a notebook's widgets, checked and cut down to what its page shows.

``Embedded(state)`` takes what Jupyter saves, ``figure(model_id)`` gives the HTML that stands in the
view's place, and ``script()`` the JSON that the runtime ``page.js`` reads. What the runtime could
not bring to life is listed in ``problems``.
"""

import hashlib
import html
import json
import re

BOXES = {"BoxModel", "VBoxModel", "HBoxModel", "GridBoxModel"}
CONTROLS = {"CheckboxModel", "DropdownModel", "SelectionSliderModel"}
LINKS = {"LinkModel", "DirectionalLinkModel"}
OTHERS = {"AnyModel", "HTMLMathModel", "HTMLModel", "LabelModel", "LayoutModel"}
KNOWN = BOXES | CONTROLS | LINKS | OTHERS

REFERENCE = "IPY_MODEL_"
NO_SCRIPT = "The controls of this figure need JavaScript; this is its first state."


def script_safe(text):
    """Return JSON `text` that no HTML parser ends early: every ``<`` escaped."""
    return text.replace("<", "\\u003c")


def fingerprint(text):
    """Return a short name for `text` that changes with it."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Embedded:
    """The widgets of one page.

    Parameters
    ----------
    state : dict
        Model id to saved model, the ``state`` of ``application/vnd.jupyter.widget-state+json``.

    Attributes
    ----------
    problems : list of (kind, message)
        What would be dead on the page. Kinds: ``missing``, ``unknown``, ``esm``, ``unlinked``.
    modules : dict
        Hash to ESM source. Pages share these files, where Jupyter repeats the source in every
        figure.
    """

    def __init__(self, state):
        self.state = state
        self.models = {}  # short id → what the page holds
        self.names = {}  # Jupyter's random id → short id, so that two builds give the same page
        self.modules = {}
        self.problems = []
        self.figures = set()

    def figure(self, model_id, taken=()):
        """Return the HTML in which the runtime builds the view of `model_id`.

        Its name is none of the ids in `taken`.
        """
        if model_id not in self.state:
            message = f"widget view {model_id!r} has no saved state: run the notebook again"
            self._problem("missing", message)
            return ""
        before = set(self.models)
        self._add(model_id)
        shown = {key: model for key, model in self.models.items() if key not in before}
        widgets = {
            key: model["state"] for key, model in shown.items() if model["model_name"] == "AnyModel"
        }
        wanted = [state["name"] for state in widgets.values() if state.get("name")]
        number = len(self.figures) + 1
        name = self._unused(wanted[0] if wanted else f"fig-{number}", taken)
        first = "".join(self._first_frame(key, state) for key, state in widgets.items())
        return (
            f'<div class="xp-live" id="{name}" data-model="{self.names[model_id]}" role="group"'
            f' aria-label="Live figure {number}">{first}</div>'
        )

    def script(self):
        """Return the page's JSON script with its links; note every control that moves nothing."""
        for key, model in self.state.items():
            ends = [model["state"].get(end) or [""] for end in ("source", "target")]
            if model["model_name"] in LINKS and all(self._shown(end[0]) for end in ends):
                self._add(key)
        others = [m["state"] for m in self.models.values() if m["model_name"] not in BOXES]
        linked = json.dumps(others)
        for key, model in self.models.items():
            if model["model_name"] in CONTROLS and f'"{REFERENCE}{key}"' not in linked:
                label = model["state"].get("description") or key
                message = f"control {label!r} is linked to nothing: join it with jslink"
                self._problem("unlinked", message)
        body = json.dumps(
            {"state": self.models}, separators=(",", ":"), ensure_ascii=False, sort_keys=True
        )
        kind = "application/vnd.jupyter.widget-state+json"
        return f'<script type="{kind}">{script_safe(body)}</script>'

    def _add(self, model_id):
        """Add a model and all that it refers to; return its reference on the page."""
        if model_id in self.names:
            return REFERENCE + self.names[model_id]
        model = self.state[model_id]
        kind = model["model_name"]
        if kind not in KNOWN:
            message = f"{kind} does not work without a kernel: the page cannot show it"
            self._problem("unknown", message)
            return REFERENCE + model_id
        short = self.names[model_id] = f"m{len(self.names)}"
        entry = self.models[short] = {"model_name": kind, "state": {}}
        kept = {k: v for k, v in model["state"].items() if self._needed(kind, k, v)}
        entry["state"] = {k: self._renamed(v) for k, v in kept.items()}
        style_id = str(model["state"].get("style")).removeprefix(REFERENCE)
        if style_id in self.state:
            width = self.state[style_id]["state"].get("description_width")
            if str(width or "")[:1].isdigit():
                entry["state"]["description_width"] = width
        if model.get("buffers"):
            entry["buffers"] = [{"path": b["path"], "data": b["data"]} for b in model["buffers"]]
        if kind == "AnyModel":
            self._share_module(entry["state"])
        return REFERENCE + short

    @staticmethod
    def _needed(kind, key, value):
        if key in {"_esm", "_css", "_options_labels"}:
            return True
        if key == "_dom_classes":
            return bool(value)
        if kind == "AnyModel":
            return not key.startswith("_")
        return not key.startswith("_") and key != "style" and value is not None

    def _renamed(self, value):
        if isinstance(value, str) and value.startswith(REFERENCE):
            target = value.removeprefix(REFERENCE)
            return self._add(target) if target in self.state else value
        if isinstance(value, list):
            return [self._renamed(item) for item in value]
        if isinstance(value, dict):
            return {key: self._renamed(item) for key, item in value.items()}
        return value

    def _share_module(self, state):
        source = state.get("_esm")
        if not source:
            self._problem("esm", "an anywidget without _esm has no code to run")
            return
        digest = fingerprint(source)
        self.modules[digest] = source
        state["_esm"] = digest

    def _first_frame(self, key, state):
        """Return a ``<noscript>`` with the widget's first frame and alt text.

        The frame is dropped from `state`: the runtime reads it here, and the page has one copy.
        """
        svg = re.search(r"<svg.*</svg>", str(state.get("svg", "")), re.DOTALL)
        alt = html.escape(str(state.get("alt") or ""))
        if svg:
            state["svg"] = True
        frame = svg.group() if svg else ""
        return (
            f'<noscript data-model="{key}">'
            f'<div class="xp-first" role="img" aria-label="{alt}">{frame}</div>'
            f"<p>{alt} {NO_SCRIPT}</p></noscript>"
        )

    def _shown(self, reference):
        return str(reference).removeprefix(REFERENCE) in self.names

    def _unused(self, name, taken):
        name = base = re.sub(r"[^\w.]+", "-", name.lower()).strip("-") or "figure"
        for i in range(2, 1000):
            if name not in self.figures and name not in taken:
                break
            name = f"{base}-{i}"
        self.figures.add(name)
        return name

    def _problem(self, kind, message):
        if (kind, message) not in self.problems:
            self.problems.append((kind, message))
