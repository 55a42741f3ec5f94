"""A point that is dragged, and a game whose best states stay in the picture.

Both work by mouse, by finger and by button.
"""

import math

import numpy as np
import pytest
from live_page import show

from explorable import Prediction, Register, explore

RATES = [0.001, 0.01, 0.1, 1.0]
PLACES = np.linspace(-1, 1, 5)
AT = "() => [model.get('at_x'), model.get('at_rate')]"
KEPT = """() => {
    const marks = [...document.querySelectorAll('.xp-kept use')];
    return marks.map(mark => [+mark.getAttribute('x'), +mark.getAttribute('y')]);
}"""


def view(axes, x, rate, dark):
    """The point stands at x and log10 of the rate: not where the numbers of the grid are."""
    axes[0].plot([0, 1], [0, x], label="line")
    axes[0].set(xlim=(0, 1), ylim=(-1, 1), title="dark" if dark else "light")
    axes[1].plot([x], [math.log10(rate)], "o", gid="drag", ms=12)
    axes[1].plot([x], [math.log10(rate)], "s", gid="register", ms=5)
    axes[1].set(xlim=(-1.2, 1.2), ylim=(-3.5, 0.5))


def updates(x, rate, dark):
    return math.nan if rate == 1.0 else 10 * abs(x) + abs(math.log10(rate) + 2)


@pytest.fixture
def figure(page):
    """The figure on a page, and a function that tells where in the window a state has its point."""
    game = Register(updates, each=["x"], unit="updates", refusal="it diverged")
    live = explore(
        view,
        alt="a game",
        panels=(1, 2),
        size=(6.4, 3.2),
        x=PLACES,
        rate=RATES,
        dark=[False, True],
        drag=("x", "rate"),
        register=game,
    )
    show(page, live)

    def place(x, rate):
        box = page.locator(".xp-area").bounding_box()
        return (
            box["x"] + box["width"] * (x + 1.2) / 2.4,
            box["y"] + box["height"] * (0.5 - math.log10(rate)) / 4,
        )

    return page, place


def test_a_dragged_point_sets_the_nearest_values(figure):
    page, place = figure
    page.mouse.move(*place(0.6, 0.02))
    page.mouse.down()
    assert page.evaluate(AT) == [3, 1], "pressing sets it at once"
    page.mouse.move(*place(1.0, 0.9), steps=4)
    assert page.evaluate(AT) == [4, 3]
    page.mouse.move(*place(-5, 1e-9), steps=4)
    assert page.evaluate(AT) == [0, 0], "beyond the edge: the outermost"
    page.mouse.up()
    page.mouse.move(*place(0, 0.1), steps=3)
    assert page.evaluate(AT) == [0, 0], "let go"
    assert page.evaluate("() => model.get('at_dark')") in (False, 0)
    assert not page.failures


def test_a_finger_drags_the_point_and_taps_a_place(chromium):
    context = chromium.new_context(
        viewport={"width": 375, "height": 700}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.failures = []
    live = explore(
        view,
        alt="touch",
        panels=(1, 2),
        size=(6.4, 3.2),
        x=PLACES,
        rate=RATES,
        dark=[False],
        drag=("x", "rate"),
    )
    show(page, live)
    box = page.locator(".xp-area").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.15)
    assert page.evaluate(AT) == [4, 3]
    assert page.locator(".xp-grip").evaluate("e => getComputedStyle(e).touchAction") == "none"
    assert page.locator(".xp-area").evaluate("e => getComputedStyle(e).touchAction") == "auto", (
        "the page still scrolls"
    )
    context.close()


def test_the_best_state_of_each_kind_stays(figure):
    page, _ = figure
    enter = page.get_by_role("button", name="Register")
    said = page.locator(".xp-registered")

    def at(x, rate):
        page.evaluate(
            "([x, rate]) => { model.set('at_x', x); model.set('at_rate', rate); }", [x, rate]
        )

    at(1, 0)
    enter.click()
    assert said.inner_text() == "Registered: x -0.5, rate 0.001, dark no, 6 updates. 1 of 5."
    first = page.evaluate(KEPT)
    assert len(first) == 1
    at(1, 1)
    assert page.evaluate(KEPT) == first, "the marker stays while the point moves"
    enter.click()
    assert (
        said.inner_text()
        == "Registered: x -0.5, rate 0.010, dark no, 5 updates, before 6 updates. 1 of 5."
    )
    better = page.evaluate(KEPT)
    assert len(better) == 1 and better != first, "the better one takes its place"
    enter.click()
    assert "Registered already" in said.inner_text()
    at(1, 2)
    enter.click()
    assert "6 updates; the best so far has 5 updates" in said.inner_text()
    at(4, 3)
    enter.click()
    assert said.inner_text() == "Not registered (x 1.0, rate 1.000, dark no): it diverged."
    at(4, 1)
    enter.click()
    assert "2 of 5" in said.inner_text()
    assert len(page.evaluate(KEPT)) == 2
    assert len(page.evaluate("() => model.get('registered')")) == 2
    page.get_by_role("button", name="Start again").click()
    assert page.evaluate(KEPT) == []
    assert not page.get_by_role("button", name="Start again").is_visible()
    assert not page.failures


def test_both_wait_for_the_prediction(page):
    game = Register(updates, each=["x"])
    show(
        page,
        explore(
            view,
            alt="locked",
            panels=(1, 2),
            size=(6.4, 3.2),
            x=PLACES,
            rate=RATES,
            dark=[False],
            drag=("x", "rate"),
            register=game,
            predict=Prediction("?", ["a", "b"], "a"),
        ),
    )
    assert page.get_by_role("button", name="Register").is_disabled()
    assert not page.locator(".xp-area").is_visible()
    page.get_by_role("button", name="Show without guessing").click()
    assert page.get_by_role("button", name="Register").is_enabled()
    assert page.locator(".xp-area").is_visible()
    assert not page.failures


# What Notebook 7 does with a key before the control hears of it.
SHORTCUTS = """document.addEventListener("keydown", (event) => {
    const kept = (element) => element.hasAttribute("data-lm-suppress-shortcuts");
    for (let e = event.target; e && !kept(e); e = e.parentElement) {
        if (!e.matches(":focus")) continue;
        event.preventDefault();
        event.stopPropagation();
        return;
    }
}, { capture: true })"""


def test_a_home_that_takes_keys_for_shortcuts_leaves_them_to_the_controls(page):
    def view(ax, x):
        ax.plot([0, 1], [0, x])
        ax.set(ylim=(0, 3))

    show(page, explore(view, alt="a line", x=[1, 2, 3]))
    page.evaluate(SHORTCUTS)
    slider = page.get_by_role("slider")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "2"
