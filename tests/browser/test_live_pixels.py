"""The browser paints what matplotlib paints, pixel by pixel, every kind of artist, once a frame."""

from io import BytesIO, StringIO

import numpy as np
import pytest
from contrast import contrast
from live_page import show
from live_views import VIEWS
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from explorable import explore, palette
from explorable.desk import RC

FRAMES = """async () => {
  const drawn = () => document.querySelector(".xp-picture").innerHTML;
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const before = drawn();
  model.set("at_k", 3);
  const first = drawn();
  model.set("at_k", 5);
  const second = drawn();
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  return [before !== first, first === second, drawn() !== second];
}"""


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(float)


def drawn_afresh(view, panels, state):
    """matplotlib's SVG and its PNG of a state, drawn without any help."""
    with rc_context(RC):
        figures = [Figure(figsize=(6.4, 3.6), dpi=72, layout="constrained") for _ in range(2)]
        for fig in figures:
            axes = fig.subplots(*panels, squeeze=False).ravel()
            view(axes[0] if panels == (1, 1) else axes, **state)
        svg, png = StringIO(), BytesIO()
        figures[0].savefig(svg, format="svg")
        figures[1].savefig(png, format="png", dpi=192)
    return svg.getvalue(), png.getvalue()


def natural(page, live):
    """Show a figure as large as matplotlib's own SVG, alone on its lines."""
    show(page, live, own_controls=False)
    page.evaluate("document.querySelector('.xp-figure').style.setProperty('--xp-grow', 4 / 3)")
    page.evaluate("document.querySelector('.xp-side').remove()")


def apart(a, b):
    """The mean difference of two pictures, out of 255."""
    height, width = np.minimum(a.shape, b.shape)[:2]
    return np.abs(a[:height, :width] - b[:height, :width]).mean()


@pytest.mark.parametrize("name", VIEWS)
def test_a_moved_picture_is_matplotlibs(page, name):
    view, panels = VIEWS[name]
    loud = [False] if name == "texts" else [False, True]
    live = explore(view, alt=name, size=(6.4, 3.6), panels=panels, k=range(7), loud=loud)
    for k, noisy in ((0, False), (4, False), (6, loud[-1])):
        svg, png = drawn_afresh(view, panels, {"k": k, "loud": noisy})
        page.set_content(f'<body style="margin: 0; background: white">{svg[svg.index("<svg") :]}')
        theirs = pixels(page.locator("svg").first.screenshot())
        natural(page, live)
        page.evaluate(
            "([k, loud]) => { model.set('at_k', k); model.set('at_loud', loud); }", [k, noisy]
        )
        page.wait_for_timeout(150)
        ours = pixels(page.locator(".xp-picture").screenshot())
        # columns begin at whole pixels of the screen
        assert apart(ours, theirs) < (1.5 if panels > (1, 1) else 1), (k, noisy)
        assert apart(ours, pixels(png)) < 6, "snapped to pixels, and with other text metrics"
    still = pixels(page.locator(".xp-picture").screenshot())
    page.evaluate("() => model.set('at_k', 1)")
    page.wait_for_timeout(150)
    assert apart(still, pixels(page.locator(".xp-picture").screenshot())) > 0.3, "the picture moves"
    assert not page.failures


def test_the_first_change_of_a_frame_is_drawn_at_once_and_the_rest_with_the_next(page):
    view, _ = VIEWS["lines"]
    show(page, explore(view, alt="lines", k=range(7), loud=[False]))
    assert page.evaluate(FRAMES) == [True, True, True]


def test_pages_narrow_and_dark_keep_the_figure_readable(page):
    view, _ = VIEWS["areas"]
    live = explore(view, alt="areas", k=range(7), loud=[False])
    page.set_viewport_size({"width": 375, "height": 600})
    show(page, live)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.evaluate("() => { document.body.style.cssText = 'background: #111; color: #eee' }")
    tick = page.locator(".xp-axes path[style*='--xp-00']").first
    assert (
        tick.evaluate("e => getComputedStyle(e).stroke + getComputedStyle(e).fill").count("0.93")
        == 3
    )
    assert page.get_by_role("img", name="areas").count() == 1
    page.locator("summary").click()
    page.locator(".xp-numbers tbody tr").nth(4).wait_for()
    assert not page.failures


COLOURS = ["#003350", "#D5E5F0", "#ff0000", "#808080", *palette.COLOURS]
SHOWN = """() => [...document.querySelectorAll(".xp-data path")].map((path) => {
    const pen = document.createElement("canvas").getContext("2d", { colorSpace: "srgb" });
    pen.fillStyle = getComputedStyle(path).stroke;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
})"""


def test_colours_follow_the_page_and_stay_to_be_seen(page):
    """On white paper they are matplotlib's own."""

    def lines(ax, k):
        for i, colour in enumerate(COLOURS):
            ax.plot([0, 1], [i, i + k], color=colour)
        ax.set(xlim=(0, 1), ylim=(0, len(COLOURS) + 1))

    show(page, explore(lines, alt="lines", k=[0, 1]))
    on_white = page.evaluate(SHOWN)
    wanted = 255 * np.array([to_rgb(colour) for colour in COLOURS])
    np.testing.assert_allclose(on_white, wanted, atol=1.5)

    page.evaluate("() => { document.body.style.cssText = 'background: #111; color: #eee' }")
    page.evaluate("document.querySelector('.xp-figure').style.setProperty('--xp-paper', '#111')")
    on_dark = dict(zip(COLOURS, page.evaluate(SHOWN), strict=True))
    assert contrast(np.array(on_dark["#003350"]) / 255, "#111111") > 8
    tint = np.array(on_dark["#D5E5F0"]) / 255
    assert contrast(tint, "#111111") < 1.6, "a light tint becomes a dark one"
    assert on_dark["#ff0000"] == [255, 0, 0]
    for colour in palette.COLOURS:
        assert contrast(np.array(on_dark[colour]) / 255, "#111111") >= 3
    red, green, blue = on_dark[palette.RED]
    assert red > green > blue, "the hue stays"
