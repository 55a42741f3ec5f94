"""A page with a single live figure and a model of its own, without a book around it."""

import json
from base64 import b64encode

from explorable import bundle

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>one figure</title>
<body style="margin: 0; background: white; color: black">
<main id="el"></main><script type="module">
%s
const state = %s, handlers = {};
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
state.data = bytes("%s");
state.first = bytes("%s");
window.model = {
  get: (name) => state[name],
  set: (name, value) => {
    if (Object.is(state[name], value)) return;
    state[name] = value;
    (handlers["change:" + name] || []).forEach((act) => act());
  },
  on: (name, act) => { (handlers[name] ||= []).push(act); }, off: () => {}, save_changes: () => {},
};
window.render = $widget.widget.render;
await $widget.widget.render({ model, el: document.getElementById("el") });
window.ready = true;
</script></html>"""


def show(page, figure, own_controls=True):
    """Give a figure a page and a model of its own."""
    live = figure.live
    state = live.traits | {"own_controls": own_controls}
    text = PAGE % (
        bundle.joined("widget"),
        json.dumps(state).replace("<", "\\u003c"),
        b64encode(live.data).decode(),
        b64encode(live.first).decode(),
    )
    page.goto("about:blank")
    page.set_content(text)
    page.wait_for_function("window.ready")
