"""What a live figure costs: to harvest a state when the book is built, and to move a slider."""

import os
import shutil
import time

import numpy as np

from explorable import explore

from . import measure

STATES, UPDATES = 250, 200
HARVEST_MS, FRAME_MS = 5, 16.7  # goals
TIMES = """async ([updates, states]) => {
  const slider = document.querySelector("input[type=range]");
  const times = [];
  for (let i = 0; i < updates; i++) {
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    slider.value = (7 * i) % states;
    const began = performance.now();
    slider.dispatchEvent(new Event("input"));
    times.push(performance.now() - began);
  }
  return times;
}"""


def curves(ax, gain):
    """Three lines of 100 points, with a legend and mathematics."""
    t = np.linspace(0, 1, 100)
    for k in range(3):
        ax.plot(t, np.sin(gain * t + k), label=rf"$\sin(\gamma t + {k})$")
    ax.set(xlim=(0, 1), ylim=(-1.2, 1.2), xlabel="$t$", ylabel="$y$", title=f"gain {gain:.2f}")
    ax.legend(loc="upper left")


def update_times(figure, states, updates, slowdown):
    """Milliseconds of each update in Chromium, or ``None`` where there is none."""
    names = ("chromium", "google-chrome")
    found = [path for path in map(shutil.which, names) if path]
    chromium = os.environ.get("GRADTRACE_CHROMIUM") or next(iter(found), None)
    if not chromium:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_content(figure.html())
        page.wait_for_selector(".xp-live[data-state=live]")
        tools = page.context.new_cdp_session(page)
        tools.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        times = page.evaluate(TIMES, [updates, states])
        browser.close()
    return times


def section(tiny=False):
    states, updates = (5, 5) if tiny else (STATES, UPDATES)
    case = "three curves, legend, mathematics"
    explore(curves, alt="curves", gain=[1.0, 5.0])  # finds the fonts, once
    began = time.process_time()
    figure = explore(curves, alt="curves", gain=np.linspace(1, 5, states))
    harvest = (time.process_time() - began) / states * 1e3
    rows = [
        measure.row(case, "to harvest a state", harvest, "ms", None if tiny else HARVEST_MS),
        measure.row(case, f"{states} states", len(figure.figure.data) / 1e3, "kB"),
    ]
    for slowdown in (1, 4):
        times = update_times(figure, states, updates, slowdown)
        if times is not None:
            what = "slider to changed path" + (", processor slowed 4 ×" if slowdown > 1 else "")
            rows.append(measure.row(case, what, times, "ms", FRAME_MS))
    return {
        "title": "Live figures",
        "lead": "A state is harvested once, when the book is built. A slider is moved in "
        f"Chromium; a frame lasts {FRAME_MS} ms.",
        "rows": rows,
    }
