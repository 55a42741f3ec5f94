"""One file that lives alone: what a reader does with it, and what is left where it cannot live."""

import re

import numpy as np
import pytest
from live_page import show

from explorable import Prediction, explore

QUESTION = Prediction(
    "Gain 1.2: after 20 steps?",
    ["larger", "smaller"],
    "larger",
    "It is multiplied by 1.2 each time.",
    at={"gain": 1.2},
)


def view(axes, gain, kind):
    """Two panels: a curve and its ends."""
    steps = np.arange(21)
    axes[0].plot(steps, np.log10(gain) * steps, label="power")
    axes[0].set(xlim=(0, 20), ylim=(-2, 2), title=f"gain {gain}", xlabel="step")
    axes[1].plot([0, 1], [0, gain], "o-" if kind == "dots" else "-", gid="drag")
    axes[1].set(xlim=(0, 1), ylim=(0, 2))


def figure(**how):
    """A live figure of that view."""
    grid = {"gain": [0.8, 0.9, 1.0, 1.1, 1.2], "kind": ["line", "dots"]}
    how = {"alt": "a power", "panels": (1, 2), "size": (7.0, 3.0), "anchor": "powers"} | how
    return explore(view, **how, **grid)


@pytest.fixture
def saved(page, tmp_path):
    """A function that saves a figure, opens its file, and waits until it lives."""
    requests = []
    page.on("request", lambda request: requests.append(request.url))

    def open_file(live, fragment=""):
        path = tmp_path / "a figure é.html"
        live.save(path)
        page.goto("about:blank")
        page.goto(path.as_uri() + fragment)
        page.wait_for_selector(".xp-live[data-state=live]")
        return page

    yield open_file
    assert {url.split(":")[0] for url in requests} <= {"file", "data", "blob", "about"}
    assert not page.failures


def gain(page):
    """What the slider says."""
    return page.get_by_role("slider", name="gain").get_attribute("aria-valuetext")


def curve(page):
    """The curve as it is drawn."""
    return page.locator("[data-slot] path").evaluate_all("all => all.map(e => e.outerHTML).join()")


def test_a_file_lives_alone_and_moves(saved):
    page = saved(figure())
    before = curve(page)
    page.get_by_role("slider", name="gain").press("End")
    assert gain(page) == "1.2" and curve(page) != before
    page.get_by_label("kind").select_option("dots")
    page.wait_for_function("location.hash === '#powers?gain=1.2&kind=dots'")
    reset = page.get_by_role("button", name="Reset")
    at_once = reset.evaluate("button => { button.click(); return button.disabled; }")
    assert at_once, "two parameters change, and no picture stands between them"
    assert gain(page) == "0.8" and curve(page) == before


def test_an_address_opens_its_state_without_a_question(saved):
    page = saved(figure(predict=QUESTION), "#powers?gain=1.1")
    assert gain(page) == "1.1" and page.get_by_role("slider", name="gain").is_enabled()
    assert not page.get_by_role("radio").first.is_visible()


def test_a_prediction_shows_what_it_asked_about_and_is_remembered(saved):
    live = figure(predict=QUESTION, start={"gain": 0.9})
    page = saved(live)
    slider = page.get_by_role("slider", name="gain")
    assert slider.is_disabled() and gain(page) == "0.9"
    assert page.get_by_text("multiplied").count() == 1
    assert not page.get_by_text("multiplied").is_visible(), "no answer above the question"
    page.get_by_label("smaller").check()
    page.get_by_role("button", name="Check my prediction").click()
    assert gain(page) == "1.2" and slider.is_enabled()
    said = page.get_by_text("You predicted: smaller. It is: larger.")
    assert said.first.is_visible() and page.get_by_text("multiplied").first.is_visible()
    focus = "document.activeElement.closest('.xp-figure') !== null"
    assert page.evaluate(focus), "the focus stays in the figure"
    slider.press("ArrowLeft")
    assert not page.locator(".xp-answered p").first.is_visible(), "one line is left"
    page.reload()
    page.wait_for_selector(".xp-live[data-state=live]")
    assert slider.is_enabled() and said.first.is_visible()


def test_a_question_about_the_first_state_hides_it_until_it_is_answered(saved):
    page = saved(figure(predict=Prediction("Which?", ["a", "b"], "a")))
    data = page.locator(".xp-data path")
    assert data.count() == 0, "not in the page, so no style can show it"
    page.get_by_role("button", name="Show without guessing").click()
    assert data.count() > 0


def test_a_question_may_leave_the_controls_free(saved):
    free = Prediction("Which?", ["a", "b"], "a", at={"gain": 1.2}, lock=False)
    page = saved(figure(predict=free))
    page.get_by_role("slider", name="gain").press("ArrowRight")
    assert gain(page) == "0.9" and page.get_by_label("a", exact=True).is_enabled()
    page.get_by_label("a", exact=True).check()
    page.get_by_role("button", name="Check my prediction").click()
    assert gain(page) == "1.2"


def test_play_runs_through_a_parameter_and_stops(saved):
    page = saved(figure(play="gain"))
    play = page.get_by_role("button", name="Play gain")
    play.click()
    page.wait_for_function("document.querySelector('input').value === '4'", timeout=10_000)
    play.wait_for()
    play.click()  # at the end: from the start
    page.wait_for_function("document.querySelector('input').value === '1'")
    page.get_by_role("button", name="Pause gain").click()
    stopped = gain(page)
    page.wait_for_timeout(1500)
    assert gain(page) == stopped


def test_a_figure_plays_once_by_itself(saved):
    """From the first value to the last; who wants less motion sees the state to open with."""
    alone = figure(play="gain", autoplay=True, start={"gain": 1.0})
    page = saved(alone)
    seen = "document.querySelector('input').value === '{}'"
    page.wait_for_function(seen.format(0))
    page.wait_for_function(seen.format(4), timeout=10_000)
    page.get_by_role("button", name="Play gain").wait_for()
    page.wait_for_timeout(1000)
    assert gain(page) == "1.2" and "#" not in page.url
    page.emulate_media(reduced_motion="reduce")
    page = saved(alone)
    page.wait_for_timeout(1000)
    assert gain(page) == "1.0"


def test_a_figure_out_of_sight_waits_until_it_is_seen(saved, page):
    page.set_viewport_size({"width": 900, "height": 120})  # less than half of it fits
    page = saved(figure(play="gain", autoplay=True, start={"gain": 1.0}))
    page.wait_for_timeout(1000)
    assert gain(page) == "1.0"
    page.set_viewport_size({"width": 900, "height": 700})
    page.wait_for_function("document.querySelector('input').value === '4'", timeout=10_000)


def test_a_listener_hears_the_state_and_what_changed(saved):
    page = saved(figure())
    page.get_by_role("slider", name="gain").press("End")
    said = page.locator(".xp-figure > .xp-said")
    page.wait_for_function("document.querySelector('.xp-figure > .xp-said').textContent !== ''")
    assert said.get_attribute("role") == "status"
    assert said.text_content() == "gain 1.2, kind line. gain 1.2. power: from 0 to 1.58"


def test_the_numbers_are_those_of_the_state(saved):
    page = saved(figure(start={"gain": 1.1}))
    page.get_by_text("Numbers").click()
    table = page.get_by_role("table").first
    assert "0.828" in table.inner_text()
    page.get_by_role("slider", name="gain").press("End")
    assert "1.58" in table.inner_text() and "0.828" not in table.inner_text()


def test_on_a_phone_the_columns_stand_under_one_another_with_readable_texts(saved):
    page = saved(figure())
    side_by_side = [box["y"] for box in boxes(page)]
    assert side_by_side[0] == side_by_side[1]
    page.set_viewport_size({"width": 375, "height": 800})
    first, second = boxes(page)
    assert second["y"] >= first["y"] + first["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    for box, tile in zip((first, second), figure().figure.spec["tiles"], strict=True):
        assert 10 * box["width"] / tile["points"] >= 11, "a text of 10 pt, in pixels"
    page.set_viewport_size({"width": 320, "height": 800})  # 400 % of 1280
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def boxes(page):
    """Where the columns of the picture stand."""
    return [svg.bounding_box() for svg in page.locator(".xp-picture svg").all()]


def test_print_shows_the_picture_and_no_controls(saved):
    page = saved(figure(predict=Prediction("Which?", ["a", "b"], "a")))
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".xp-data path").count() > 0
    assert page.locator(".xp-picture svg").first.is_visible()
    assert not page.locator(".xp-side").is_visible()
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".xp-data path").count() == 0, "the question still stands"


BROKEN = {
    "cut off": lambda text: text[: text.index("explorable.put(") + 400] + '")</script>',
    "without its script": lambda text: text[: text.index("<script>")],
    "with damaged bytes": lambda text: re.sub(r'"(eN\w{20})\w{9}', r'"\1AAAAAAAAA', text),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_shows_its_first_frame_and_says_so(page, tmp_path, how):
    path = tmp_path / "broken.html"
    text = figure().html()
    broken = BROKEN[how](text)
    assert broken != text
    path.write_text(broken, encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_timeout(500)
    assert page.locator(".xp-first").bounding_box()["height"] > 100
    assert page.locator(".xp-notice").is_visible()
    assert "first state" in page.locator(".xp-notice").inner_text()


def test_a_page_that_was_saved_while_it_lived_lives_once(saved, tmp_path):
    page = saved(figure())
    path = tmp_path / "saved again.html"
    path.write_text("<!doctype html>" + page.content(), encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_selector(".xp-live[data-state=live]")
    assert page.locator(".xp-figure").count() == 1
    page.get_by_role("slider", name="gain").press("End")
    assert gain(page) == "1.2"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 375])
def test_axe_core_finds_nothing(saved, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed")
    page = saved(figure(predict=QUESTION, play="gain", cases={"one": {"gain": 1.0}}))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for waive in (False, True):
        if waive:
            page.get_by_role("button", name="Show without guessing").click()
        page.evaluate("document.querySelectorAll('details').forEach((box) => (box.open = true))")
        page.evaluate(f"{axe.AXE_SCRIPT}\n0")
        found = page.evaluate("axe.run().then((results) => results.violations)")
        assert not [(rule["id"], rule["nodes"][0]["html"]) for rule in found]


def test_in_a_shadow_root_it_has_its_style(page):
    show(page, figure())
    page.evaluate("""async () => {
        const host = document.body.appendChild(document.createElement("div"));
        const el = host.attachShadow({ mode: "open" }).appendChild(document.createElement("div"));
        document.getElementById("el").remove();
        await window.render({ model, el });
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        window.shadow = host.shadowRoot;
    }""")
    style = "getComputedStyle(shadow.querySelector('.xp-body')).display"
    assert page.evaluate(style) == "flex"
    assert not page.failures


def test_a_finger_drags_the_point_in_any_direction_and_the_page_stays(chromium, tmp_path):
    def points(ax, x, y):
        ax.plot([x], [y], "o", ms=14, gid="drag")
        ax.set(xlim=(-1, 1), ylim=(-1, 1))

    places = [-0.8, -0.4, 0.0, 0.4, 0.8]
    live = explore(
        points, alt="a point", x=places, y=places, start={"x": 0.0, "y": 0.0}, drag=("x", "y")
    )
    live.save(tmp_path / "drag.html")
    phone = {"width": 375, "height": 600}
    context = chromium.new_context(viewport=phone, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto((tmp_path / "drag.html").as_uri())
    page.wait_for_selector(".xp-live[data-state=live]")
    page.evaluate("document.body.style.minHeight = '3000px'")
    touch = context.new_cdp_session(page)

    def send(kind, *points):
        at = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    for dx, dy, wanted in ((0, -90, ["0.0", "0.8"]), (0, 180, ["0.0", "-0.8"]), (90, 60, None)):
        grip = page.locator(".xp-grip").bounding_box()
        x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
        send("touchStart", (x, y))
        for k in range(1, 11):
            send("touchMove", (x + dx * k / 10, y + dy * k / 10))
        send("touchEnd")
        now = page.get_by_role("slider").evaluate_all("all => all.map(e => e.ariaValueText)")
        assert page.evaluate("scrollY") == 0, "the page did not scroll"
        assert wanted is None or now == wanted
    assert now[0] == "0.8"
    context.close()
