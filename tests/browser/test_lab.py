"""Live figures in a real JupyterLab.

Cells run, sliders and dropdowns move the picture, and arrow keys reach the slider.

One notebook of the book is run here; the others are opened as they were executed before, with the
state of their widgets.
"""

import re
import shutil

import nbformat
import pytest
from lab_server import READY, ROOT, count_figures

# the errata have no figures
NOTEBOOKS = sorted(
    path.name
    for path in (ROOT / "notebooks").glob("*.ipynb")
    if "explore(" in path.read_text("utf-8")
)
OURS = re.compile(r"anywidget|explorable|xp-|live\.js|blob:|widget", re.IGNORECASE)
CELL = """
import numpy as np
from explorable import Prediction, explore
def view(ax, gain, activation, fast):
    y = gain ** np.arange(50) if activation == "linear" else np.tanh(gain * np.arange(50))
    ax.plot(y * (2 if fast else 1), label="norm")
    ax.set(ylim=(0, 3), xlim=(0, 49), title=f"gain {gain:.2f}")
explore(view, alt="powers of the gain", gain=np.linspace(0.5, 1.5, 41),
        activation=["linear", "tanh"], fast=[False, True],
        cases={"just above one": {"gain": 1.025}})
"""
GUESS = """
explore(view, alt="a guess", gain=[0.5, 1.0], activation=["linear"], fast=[False],
        predict=Prediction("Up or down?", ["up", "down"], "down", "Powers below one shrink."))
"""
GAME = """
from explorable import Register
def play(ax, depth, rate):
    ax.plot([depth], [rate], "o", gid="drag", ms=12)
    ax.plot([depth], [rate], "s", gid="register")
    ax.set(xlim=(0, 5), ylim=(0, 5))
game = explore(play, alt="a game", depth=[1, 2, 3, 4], rate=[1, 2, 3, 4], drag=("depth", "rate"),
               register=Register(lambda depth, rate: depth * rate, each=["depth"]))
game
"""
DONE = """() => {
    const cells = document.querySelectorAll(".jp-CodeCell .jp-InputPrompt");
    const prompts = [...cells].map(prompt => prompt.textContent);
    return prompts.every(text => !text.includes("*")) && prompts.some(text => /[0-9]/.test(text));
}"""
# errors and warnings: JupyterLab shows both as what was written to stderr
FAILED = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']"
PATHS = "box => [...box.querySelectorAll('.xp-picture [data-slot]')].map(g => g.innerHTML).join()"


@pytest.fixture
def opened(lab, chromium):
    """A function that opens a notebook of the lab's folder.

    It returns the page, with the errors that the page logs.
    """
    contexts = []

    def start(name):
        context = chromium.new_context(viewport={"width": 1100, "height": 900})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console", lambda m: m.type == "error" and OURS.search(m.text) and errors.append(m.text)
        )
        page.goto(lab.page(name))
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function(READY)
        return page, errors

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def run(lab, opened):
    """Function that runs all cells of a notebook of the book, or of one made of the given cells."""

    def start(name, cells=None, text="", wait=True):
        if cells:
            notebook = nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(c.strip()) for c in cells]
            )
            notebook.cells += [nbformat.v4.new_markdown_cell(text)] if text else []
            notebook.metadata["kernelspec"] = {
                "name": "python3",
                "display_name": "Python 3",
                "language": "python",
            }
            nbformat.write(notebook, lab.folder / name)
        else:
            shutil.copytree(ROOT / "notebooks", lab.folder, dirs_exist_ok=True)
        page, errors = opened(name)
        # no waiting here
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        if not wait:
            return page, errors
        page.wait_for_function(DONE, timeout=300_000)
        failed = page.locator(FAILED)
        assert not failed.count(), failed.first.inner_text()
        return page, errors

    return start


@pytest.fixture
def reopen(lab, opened):
    """Function that opens a notebook of the book as nbval's run left it."""

    def start(name):
        lab.put_executed(name)
        return opened(name)

    return start


def changes(page, box, act):
    """Whether `act()` changes a path of the figure."""
    before = box.evaluate(PATHS)
    act()
    for _ in range(40):
        if box.evaluate(PATHS) != before:
            return True
        page.wait_for_timeout(50)
    return False


def test_controls_move_the_picture_in_jupyterlab(run):
    page, errors = run("controls.ipynb", [CELL])
    box = page.locator(".xp-explore")
    box.locator(".xp-data path").first.wait_for()
    handle, readout = box.locator(".noUi-handle").first, box.locator(".widget-readout").first
    for mode in ("edit", "command"):
        if mode == "command":
            page.keyboard.press("Escape")
        handle.focus()
        for key, label in zip(
            ("Right", "Up", "Left", "Down"), ("0.525", "0.550", "0.525", "0.500"), strict=True
        ):
            assert changes(page, box, lambda key=key: page.keyboard.press(f"Arrow{key}")), (
                f"{key}, {mode} mode"
            )
            assert readout.inner_text() == label
    assert handle.get_attribute("data-lm-suppress-shortcuts"), "Notebook 7 would take its keys"
    assert page.locator(".jp-Notebook .jp-Cell.jp-mod-selected").count() == 1, (
        "the keys moved the cells"
    )

    menu, column = (
        box.locator(c).first.bounding_box() for c in (".widget-dropdown", ".xp-sliders")
    )
    assert menu["x"] + menu["width"] <= column["x"] + column["width"], "its border is cut off"
    assert changes(page, box, lambda: box.locator("select").first.select_option("tanh"))
    assert changes(page, box, lambda: box.locator("input[type=checkbox]").first.check())
    assert changes(page, box, lambda: box.get_by_role("button", name="just above one").click())
    assert readout.inner_text() == "1.025", "a case moves the slider too"
    page.wait_for_timeout(700)
    said = box.locator(".xp-figure > .xp-said").text_content()
    assert said.startswith("gain 1.025, activation tanh, fast yes")
    assert handle.get_attribute("aria-label") == "gain", "ipywidgets gives it no name"
    assert handle.get_attribute("aria-valuetext") == "1.025", "and an index as its value"
    assert not errors


@pytest.mark.parametrize(
    ("cell", "said"),
    [("1 / 0", "ZeroDivisionError"), ("import warnings\nwarnings.warn('old')", "UserWarning: old")],
)
def test_a_cell_that_fails_is_seen(run, cell, said):
    with pytest.raises(AssertionError, match=said):
        run("failing.ipynb", ["print('before')", cell])


def test_a_link_in_the_text_sets_the_figure_in_jupyterlab(run):
    link = "[almost one](#fig-1?gain=0.975&activation=tanh), a link"
    page, errors = run("links.ipynb", [CELL], text=link)
    box = page.locator(".xp-explore")
    box.locator(".xp-data path").first.wait_for()
    assert changes(page, box, lambda: page.get_by_role("link", name="almost one").click())
    assert box.locator(".widget-readout").first.inner_text() == "0.975"
    assert not errors


def test_axe_core_finds_nothing_in_jupyterlabs_output(run):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed")
    page, _ = run("accessible.ipynb", [CELL, GUESS])
    page.locator(".xp-predict").wait_for()
    page.evaluate(f"{axe.AXE_SCRIPT}\n0")
    results = page.evaluate("axe.run('.xp-explore')")
    found = [(rule["id"], rule["nodes"][0]["html"]) for rule in results["violations"]]
    assert not found
    assert len(results["passes"]) > 10


def test_a_figure_waits_for_the_prediction(run):
    page, errors = run("guess.ipynb", [CELL, GUESS])
    box = page.locator(".xp-explore").nth(1)
    box.locator(".xp-predict").wait_for()
    curve = box.locator(".xp-picture .xp-data").first
    assert box.locator(".xp-data path").count() == 0
    assert box.locator(".xp-axes path").count()
    assert box.locator("select").first.is_disabled()
    assert box.get_by_role("button", name="Check my prediction").is_disabled()
    box.get_by_label("up").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    curve.wait_for(state="visible")
    answered = box.locator(".xp-answered").inner_text()
    assert "You predicted: up" in answered and "Powers below one shrink." in answered
    assert not box.locator("select").first.is_disabled()
    assert not errors


def test_a_game_is_played_in_jupyterlab(run):
    page, errors = run("game.ipynb", [CELL, GAME])
    box = page.locator(".xp-explore").nth(1)
    area = box.locator(".xp-area")
    area.wait_for()
    area.scroll_into_view_if_needed()
    place = area.bounding_box()
    x, y = place["x"] + 0.62 * place["width"], place["y"] + 0.2 * place["height"]
    assert changes(page, box, lambda: page.mouse.click(x, y))
    assert box.locator(".widget-readout").all_inner_texts() == ["3", "4"], "the sliders go along"
    box.get_by_role("button", name="Register").click()
    assert box.locator(".xp-registered").inner_text() == "Registered: depth 3, rate 4, 12. 1 of 4."
    assert box.locator(".xp-kept > g").count() == 1
    assert not errors


SLOW = """
import time
from explorable import explore
def slow(ax, k):
    time.sleep(0.3)
    ax.plot([0, 1], [0, k])
    ax.set(xlim=(0, 1), ylim=(0, 60))
explore(slow, alt="a slow line", k=range({}))
"""
OUTPUTS = ".jp-CodeCell .jp-OutputArea-child"


def test_the_first_state_stands_until_the_figure_does(run):
    page, errors = run("slow.ipynb", [SLOW.format(8)], wait=False)
    page.locator(".widget-image").wait_for()
    assert page.get_by_text(re.compile(r"\d of 8 drawn, about \d+ s left")).count() == 1
    page.locator(".xp-picture").wait_for()
    assert page.locator(".widget-image, .widget-hprogress").count() == 0
    assert page.locator(OUTPUTS).count() == 1
    box = page.locator(".xp-explore")
    box.locator(".noUi-handle").focus()
    assert changes(page, box, lambda: page.keyboard.press("End"))
    assert not errors


def test_whoever_stops_the_kernel_keeps_the_first_state(run):
    page, errors = run("stopped.ipynb", [SLOW.format(60), "print('not run')"], wait=False)
    page.locator(".widget-image").wait_for()
    page.get_by_role("button", name="Interrupt the kernel").click()
    said = page.locator(f"{OUTPUTS} pre").filter(has_text="explore: stopped")
    said.wait_for()
    sentence = said.inner_text().strip()
    assert re.match(r"explore: stopped after \d+ of 60 drawings; the others would have", sentence)
    assert "\n" not in sentence
    picture = page.locator(f"{OUTPUTS} img[src^='data:image/png']")
    assert picture.is_visible() and page.locator(".widget-image").count() == 0
    assert page.get_by_text("not run", exact=True).count() == 0, "the cells behind are not run"
    assert not errors


def move_all(page):
    """Move the first control of every figure."""
    boxes = page.locator(".xp-explore")
    boxes.first.locator(".xp-picture").wait_for()
    for i in range(boxes.count()):
        box = boxes.nth(i)
        box.scroll_into_view_if_needed()
        skip = box.get_by_role("button", name="Show without guessing")
        if skip.count():
            skip.click()  # which shows what was asked; a control may matter only where it opened
            reset = box.get_by_role("button", name="Reset")
            if reset.is_enabled():
                reset.click()
        handles, menus = box.locator(".noUi-handle"), box.locator("select:enabled")
        if handles.count():
            handles.first.focus()
            moved = any(
                changes(page, box, lambda key=key: page.keyboard.press(key))
                for key in ("End", "Home")
            )
        else:
            moved = changes(page, box, lambda menus=menus: menus.first.select_option(index=1))
        assert moved, f"figure {i} does not move"
    return boxes.count()


def test_a_notebook_is_run_in_jupyterlab(run):
    page, errors = run("chain-of-slopes.ipynb")
    assert move_all(page)
    assert not errors


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_first_control_of_every_figure_moves_it(reopen, name):
    page, errors = reopen(name)
    assert move_all(page) == count_figures(name)
    assert not errors
