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


def show(page, figure):
    """Give a figure a page and a model of its own."""
    names = [
        "spec",
        "svg",
        "alt",
        "title",
        "cases",
        "predict",
        "locked",
        "registered",
        *figure.trait_names(sync=True),
    ]
    state = {
        n: getattr(figure, n)
        for n in names
        if n in LiveFigure.class_trait_names() or n.startswith("at_")
    }
    state = {
        n: v
        for n, v in state.items()
        if isinstance(v, str | int | list | dict) and not n.startswith("_")
    }
    page.set_content(
        PAGE
        % (
            figure._esm.replace("export default", "void"),
            json.dumps(state),
            b64encode(figure.data).decode(),
        )
    )
    page.wait_for_function("window.ready")
