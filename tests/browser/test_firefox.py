"""The book and JupyterLab in Firefox: everything opens, and the first control moves its figure.

What depends less on the browser is left to the tests in Chromium.
"""

import io
import time
from urllib.parse import parse_qsl

from lab_server import READY, count_figures
from PIL import Image
from test_site import LABEL, VALUES, luminance

from explorable import Prediction, explore

PICTURE = """figure => [...document.querySelector(figure).querySelectorAll(".xp-picture")]
    .map(picture => picture.innerHTML).join()"""
BOX = """selector => {
    const element = document.querySelector(selector);
    element.scrollIntoView({ block: "center", behavior: "instant" });
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x, y, width, height };
}"""
BROKEN = """<script>
    console.error("logged");
    setTimeout(() => { throw Error("thrown"); });
    Promise.reject(Error("rejected"));
</script><img src="https://elsewhere.invalid/picture.png">"""


def wait_until_figures_live(tab):
    tab.evaluate("window.explorable?.all().then(() => null)")
    tab.wait_for("!document.querySelector('.xp-live:not([data-state=live])')")


def open_page(tab, address):
    """Open a page of the book and wait until its figures live and its formulas are set."""
    tab.goto("about:blank")  # else a new fragment alone would not load the page anew
    tab.goto(address)
    wait_until_figures_live(tab)
    tab.evaluate("window.MathJax?.startup?.promise.then(() => null)")


def assert_clean(tab, home):
    """Assert that nothing was asked of another host and no error was logged."""
    assert not tab.strays(home)
    assert not tab.errors()


def unlock(tab, figure):
    """Waive the question that the figure asks, if it asks one."""
    asked = f"{figure} .xp-predict fieldset:not([hidden])"
    if tab.evaluate("asked => Boolean(document.querySelector(asked))", asked):
        tab.click(f"{figure} button", "Show without guessing")


def moves(tab, figure, control):
    """Return whether a key on the figure's first such control changes its picture."""
    before = tab.evaluate(PICTURE, figure)
    tab.focus(f"{figure} {control}")
    for key in ("End", "Home", "Space"):  # Space is for checkboxes
        tab.press(key)
        for _ in range(20):
            if tab.evaluate(PICTURE, figure) != before:
                return True
            time.sleep(0.05)
    return False


def test_what_goes_wrong_on_a_page_is_noticed(tab, tmp_path):
    """The tests below would else pass on any page."""
    (tmp_path / "page.html").write_text(BROKEN)
    home = tmp_path.as_uri()
    tab.goto(f"{home}/page.html")
    assert sorted(tab.errors()) == ["Error: rejected", "Error: thrown", "logged"]
    assert tab.strays(home) == ["https://elsewhere.invalid/picture.png"]


def check_page(tab, home, name):
    """The first control moves the first figure; the address keeps what the reader set."""
    open_page(tab, f"{home}/{name}")
    first = tab.evaluate("document.querySelector('.xp-live').id")
    figure = f"#{first}"
    unlock(tab, figure)
    assert moves(tab, figure, "[data-key] :is(input, select)")
    # The page writes the address when the reader has paused.
    fragment = tab.wait_for("location.hash.includes('?') && location.hash")
    wanted = dict(parse_qsl(fragment.partition("?")[2]))
    values = f"({VALUES})(document.querySelector('.xp-live'))"
    open_page(tab, f"{home}/{name}")
    assert tab.evaluate(values) != wanted
    open_page(tab, f"{home}/{name}{fragment}")
    assert tab.evaluate(values) == wanted
    assert_clean(tab, home)


def test_page_lives(tab, server, figure_page):
    check_page(tab, server, figure_page)


def test_page_lives_in_a_folder(tab, site, first_figure_page):
    check_page(tab, site.as_uri(), first_figure_page)


def test_a_saved_file_lives_alone(tab, tmp_path):
    def view(ax, gain):
        ax.plot([0, 1], [0, gain])
        ax.set(xlim=(0, 1), ylim=(0, 3))

    path = tmp_path / "figure.html"
    asked = Prediction("Up?", ["yes", "no"], "yes", at={"gain": 2})
    explore(view, alt="a line", gain=[0, 1, 2], anchor="line", predict=asked).save(path)
    open_page(tab, path.as_uri())
    before = tab.evaluate(PICTURE, "#line")
    tab.click("#line label", "yes")
    tab.click("#line button", "Check my prediction")
    assert tab.evaluate(PICTURE, "#line") != before, "the reveal shows what was asked"
    assert moves(tab, "#line", "input[type=range]")
    assert_clean(tab, path.as_uri())


def test_dark_figures_are_readable(dark_tab, server, first_figure_page):
    """Tick labels in the dark: contrast of the brightest and darkest pixel."""
    open_page(dark_tab, f"{server}/{first_figure_page}")
    assert dark_tab.evaluate("document.documentElement.dataset.theme") == "dark"
    box = dark_tab.evaluate(BOX, f".xp-live:has(svg) :is({LABEL})")
    picture = Image.open(io.BytesIO(dark_tab.screenshot(box))).convert("RGB")
    light = [luminance(pixel) for _, pixel in picture.getcolors(1 << 20)]
    assert (max(light) + 0.05) / (min(light) + 0.05) >= 4.5


def test_first_control_of_every_figure_moves_it_in_jupyterlab(tab, lab):
    name = "chain-of-slopes.ipynb"
    lab.put_executed(name)
    tab.goto(lab.page(name))
    tab.wait_for(f"({READY})()")
    drawn = "count => document.querySelectorAll('.xp-explore .xp-picture').length === count"
    tab.wait_for(drawn, count_figures(name))
    boxes = "document.querySelectorAll('.xp-explore')"
    tab.evaluate(f"{boxes}.forEach((box, i) => {{ box.id = `figure-${{i}}`; }})")
    for i in range(tab.evaluate(f"{boxes}.length")):
        figure = f"#figure-{i}"
        unlock(tab, figure)
        assert moves(tab, figure, ":is(.noUi-handle, select, input[type=checkbox])"), figure
    assert not tab.errors()
