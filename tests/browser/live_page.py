"""A page with a single live figure and a model of its own, without a book around it."""

import json
from base64 import b64encode

from explorable import LiveFigure

PAGE = """<!doctype html><meta charset="utf-8">
<body style="margin: 0; background: white; color: black">
<div id="el"></div><script type="module">
%s
const state = %s, raw = Uint8Array.from(atob("%s"), c => c.charCodeAt(0)), handlers = {};
window.model = {
  get: name => name === "data" ? new DataView(raw.buffer) : state[name],
  set: (name, value) => {
    state[name] = value;
    (handlers["change:" + name] || []).forEach(f => f());
  },
  on: (name, f) => { (handlers[name] ||= []).push(f); },
  off: () => {},
  save_changes: () => {},
};
render({ model, el: document.getElementById("el") });
window.ready = true;
</script>"""


FIRST = ("spec", "svg", "alt", "title", "cases", "predict", "locked", "registered")


def show(page, figure):
    """Give a figure a page and a model of its own."""
    names = [*FIRST, *figure.trait_names(sync=True)]
    state = {}
    for name in dict.fromkeys(names):
        value = getattr(figure, name)
        ours = name in LiveFigure.class_trait_names() or name.startswith("at_")
        private = name.startswith("_")
        if ours and not private and isinstance(value, str | int | list | dict):
            state[name] = value
    module = figure._esm.replace("export default", "void")
    page.set_content(PAGE % (module, json.dumps(state), b64encode(figure.data).decode()))
    page.wait_for_function("window.ready")
