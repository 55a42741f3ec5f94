"""What a live figure costs: milliseconds to harvest a state, bytes, and milliseconds to move it in a browser."""

import json
import os
import shutil
import time
from base64 import b64encode

import numpy as np

from explorable import explore

STATES, UPDATES = 250, 200
PAGE = """<!doctype html><meta charset="utf-8"><body><div id="el"></div><script type="module">
%s
const state = %s, raw = Uint8Array.from(atob("%s"), c => c.charCodeAt(0)), handlers = {};
const model = window.model = {
  get: name => name === "data" ? new DataView(raw.buffer) : state[name],
  set: (name, value) => { state[name] = value; (handlers["change:" + name] || []).forEach(f => f()); },
  on: (name, f) => { (handlers[name] ||= []).push(f); }, off: () => {}, save_changes: () => {},
};
render({ model, el: document.getElementById("el") });
window.ready = true;
</script>"""
TIMES = """async ([updates, states]) => {
  const times = [];
  for (let i = 0; i < updates; i++) {
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const began = performance.now();
    model.set("at_gain", (7 * i) % states);
    times.push(performance.now() - began);
  }
  return times;
}"""


def curves(ax, gain):
    """Three lines of 100 points."""
    t = np.linspace(0, 1, 100)
    for k in range(3):
        ax.plot(t, np.sin(gain * t + k), label=f"line {k}")
    ax.set(xlim=(0, 1), ylim=(-1.2, 1.2), xlabel="t", ylabel="y", title=f"gain {gain:.2f}")


def with_legend(ax, gain):
    curves(ax, gain)
    ax.legend(loc="upper left")


def two_panels(axes, gain):
    for ax in axes:
        with_legend(ax, gain)


def measure(states=STATES, updates=UPDATES):
    """Rows of the table: what, value (quartiles where it is an update), unit and goal."""
    rows, figures = [], {}
    for view, panels in ((curves, (1, 1)), (with_legend, (1, 1)), (two_panels, (1, 2))):
        began = time.perf_counter()
        figures[view] = explore(view, alt="curves", panels=panels, gain=np.linspace(1, 5, states)).figure
        name = view.__name__.replace("_", " ")
        rows.append({"what": f"harvest a state, {name}", "value": (time.perf_counter() - began) / states * 1e3,
                     "unit": "ms", "goal": 10 if panels == (1, 1) else None})
    rows.append({"what": f"{states} states of {curves.__name__}", "value": len(figures[curves].data) / 1e3,
                 "unit": "kB", "goal": None})
    times = update_times(figures[curves], states, updates)
    if times is not None:
        low, middle, high = map(float, np.percentile(times, (25, 50, 75)))
        rows.append({"what": "slider to changed path", "value": middle, "quartiles": [low, high], "unit": "ms",
                     "goal": 1.5})
    return rows


def update_times(figure, states, updates):
    """Milliseconds of each update in Chromium, or ``None`` where there is none."""
    chromium = os.environ.get("GRADTRACE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        return None
    from playwright.sync_api import sync_playwright

    state = {name: getattr(figure, name) for name in ("spec", "svg", "alt", "title", "cases", "locked", "at_gain")}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_content(PAGE % (figure._esm.replace("export default", "void"), json.dumps(state),
                                 b64encode(figure.data).decode()))
        page.wait_for_function("window.ready")
        times = page.evaluate(TIMES, [updates, states])
        browser.close()
    return times
