"""Every page of the built book, in a browser: what a reader would see is not what a build reports.

Runs over ``_build/html``, so ``make book`` comes first.
"""

import io
from urllib.parse import parse_qsl

from PIL import Image, ImageStat

# True if the figure draws something else than at the last call: another path, word or pixel.
MOVED = """el => {
    const now = [
        ...[...el.querySelectorAll('.xp-picture svg')].map(part => part.outerHTML),
    ].join();
    const moved = now !== el.drawn;
    el.drawn = now;
    return moved;
}"""

VALUES = """el => Object.fromEntries([...el.querySelectorAll('[data-key]')].map(row => {
    const input = row.querySelector('input:checked, input, select');
    const text = input.type === 'checkbox' ? String(input.checked)
        : input.type === 'range' ? input.getAttribute('aria-valuetext')
        : input.options[input.selectedIndex].text;
    return [row.dataset.key, text];
}))"""


LABEL = ".xp-axes path[transform]"
LOCKED = "[data-key] :disabled"
KEYS = {"checkbox": ["Space"], "range": ["End", "Home", "PageUp", "ArrowRight"]}


def unlock(figure):
    """Answer the figure's question, if it asks one before its controls work."""
    if figure.locator(LOCKED).count():
        figure.locator(".xp-predict input[type=radio]").first.check()
        figure.get_by_role("button", name="Check my prediction").click()
    assert not figure.locator(LOCKED).count(), "the controls stay locked though the reader answered"


def moves_figure(figure, row):
    """Return whether some key on the control in `row` changes what the figure draws."""
    field = row.locator("input:checked, input, select").first
    figure.evaluate(MOVED)
    for key in KEYS.get(field.get_attribute("type"), ["ArrowDown", "ArrowUp"]):
        field.press(key)
        figure.page.evaluate("() => new Promise(requestAnimationFrame)")
        if figure.evaluate(MOVED):
            return True
    return False


def same(text, wanted):
    """Return whether two texts name one value: 1.20 is 1.2."""
    try:
        return text == wanted or float(text) == float(wanted)
    except ValueError:
        return False


GALLERY = "notebooks/gallery.html"  # other people's views, of which some have no numbers to tell
NEEDLESS = ("fontawesome", "bootstrap.js", "searchindex.js", "searchtools.js", "togglebutton")
OPEN = "() => document.querySelectorAll('details').forEach((box) => (box.open = true))"
# Code whose longest line has at most 79 columns, and which has to be scrolled all the same.
TOO_NARROW = """() => [...document.querySelectorAll(".bd-article pre")].filter((box) => {
    const columns = Math.max(...box.innerText.split("\\n").map((line) => [...line].length));
    return columns <= 79 && box.scrollWidth > box.clientWidth;
}).map((box) => box.innerText)"""
NOT_FOR_PAPER = "button, .bd-sidebar, .bd-header-article, .prev-next-footer, details.fold > summary"


def test_page_is_whole(visit, site, page_name):
    """Out of a folder, as from an unpacked zip: on a phone, on a wide screen and on paper.

    The page asks no other host, logs no error and is not cut off; it loads no set of icons and no
    search index before anybody searches.
    """
    v = visit(site.as_uri(), viewport={"width": 375, "height": 800})
    asked = []
    v.page.on("request", lambda request: asked.append(request.url))
    page = v.open(page_name)
    assert not [url for url in asked if any(name in url for name in NEEDLESS)]
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 375, (
        "the page is wider than a phone"
    )
    # Without the cell metadata mystnb.image.alt, MyST-NB fills in the file's path.
    undescribed = page.locator("img:not([alt]), img[alt=''], img[alt*='_images/']")
    assert undescribed.count() == 0, "an image has no alt text"
    assert page.locator(".xp-live:not([data-state=live])").count() == 0, "a figure did not start"
    expect_formulas(page)

    page.set_viewport_size({"width": 1200, "height": 900})
    assert page.locator("i[class*='fa-'], span[class*='fa-']").count() == 0
    icons = page.locator("svg.svg-inline--fa").filter(visible=True)
    boxes = icons.evaluate_all("all => all.map((icon) => icon.getBoundingClientRect().toJSON())")
    assert len(boxes) >= 4, "the bar of buttons has lost its icons"
    assert all(8 <= box["height"] <= 32 and box["width"] >= 8 for box in boxes)

    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate(OPEN)
    assert page.evaluate(TOO_NARROW) == [], "79 columns of code are wider than the page gives them"

    page.emulate_media(media="print")
    assert page.locator(NOT_FOR_PAPER).filter(visible=True).count() == 0
    assert page.locator("h1").filter(visible=True).count() >= 1
    v.assert_clean()


def expect_formulas(page):
    """Each formula of the page is set, in MathJax's own fonts."""
    if page.locator(".math").count():
        assert page.locator("mjx-container").count() >= page.locator(".math").count()
        assert page.locator("mjx-merror").count() == 0, page.locator("mjx-merror").all_inner_texts()
        page.evaluate("document.fonts.ready")
        loaded = "font => font.family.startsWith('MJX') && font.status === 'loaded'"
        assert page.evaluate(f"[...document.fonts].some({loaded})"), "MathJax's fonts did not load"


def test_controls_move_figures(visit, server, figure_page):
    """Each control moves its figure by keyboard.

    The value is announced, a table says the numbers, and the address keeps the state. The figure
    of the front page, which plays by itself, is told not to.
    """
    v = visit(server, formulas=False, reduced_motion="reduce")
    page = v.open(figure_page)
    for figure in page.locator(".xp-live").all():
        unlock(figure)
        numbers = figure.locator(".xp-numbers summary")
        assert numbers.count() or figure_page == GALLERY, "no numbers behind the picture"
        if numbers.count():
            numbers.click()
            figure.locator(".xp-numbers tbody tr").first.wait_for()
            numbers.click()  # closed: it slows each move down
        rows = figure.locator("[data-key]").all()
        # A control may matter only at another setting of the others, so the still ones get a second
        # chance, from the state that the figure opened with.
        still = [row for row in rows if not moves_figure(figure, row)]
        reset = figure.get_by_role("button", name="Reset")
        if still and reset.is_enabled():
            reset.click()
        dead = [row.get_attribute("data-key") for row in still if not moves_figure(figure, row)]
        assert not dead, f"controls that move nothing in #{figure.get_attribute('id')}: {dead}"
        for row in figure.locator("[data-key]:has(input[type=range])").all():
            announced = row.locator("input").get_attribute("aria-valuetext")
            assert announced
            assert row.locator(".xp-value").text_content() == announced
    if not rows:
        return
    name = figure.get_attribute("id")
    values = figure.evaluate(VALUES)
    for _ in range(80):  # the page writes the address when the reader has paused
        state = dict(parse_qsl(page.url.partition(f"#{name}?")[2]))
        if state.keys() == values.keys() and all(
            same(values[key], text) for key, text in state.items()
        ):
            break
        page.wait_for_timeout(50)
    restored = v.open(f"{figure_page}#{page.url.split('#')[1]}")
    assert restored.locator(f"[id='{name}']").evaluate(VALUES) == values
    v.assert_clean()


def test_the_front_page_moves_by_itself_once(visit, server):
    """What it shows then is not in the address; who wants less motion sees a still picture."""
    page = visit(server).open("book/intro.html")
    figure = page.locator(".xp-live")
    slider = figure.get_by_role("slider")
    figure.get_by_role("button", name="Pause").wait_for()
    figure.get_by_role("button", name="Play").wait_for()
    assert slider.input_value() == slider.get_attribute("max")
    page.wait_for_timeout(400)
    assert "#" not in page.url
    page = visit(server).open("book/intro.html")
    page.wait_for_function("document.querySelector('.xp-live input[type=range]').value > 0")
    page.get_by_role("slider").press("Home")  # the reader takes it while it plays
    page.wait_for_function("location.hash.endsWith('?links_travelled=0')")
    assert page.get_by_role("button", name="Play").is_visible()
    still = visit(server, reduced_motion="reduce").open("book/intro.html")
    shown = still.get_by_role("slider").input_value()
    still.wait_for_timeout(400)
    assert still.get_by_role("slider").input_value() == shown


def test_pictures_of_the_front_page(visit, server, site):
    """For whoever wants to look: on a phone, in the dark and on paper, in ``_build/pictures``."""
    folder = site.parent / "pictures"
    folder.mkdir(exist_ok=True)
    seen = []
    for name, width, scheme, media in (
        ("phone", 375, "light", "screen"),
        ("dark", 1280, "dark", "screen"),
        ("paper", 794, "light", "print"),
    ):
        options = {"color_scheme": scheme, "reduced_motion": "reduce"}
        v = visit(server, viewport={"width": width, "height": 900}, **options)
        page = v.open("book/intro.html")
        page.emulate_media(media=media, color_scheme=scheme)
        page.evaluate("document.querySelectorAll('img').forEach((img) => img.decode())")
        picture = page.screenshot(path=folder / f"front-{name}.png")
        seen.append(ImageStat.Stat(Image.open(io.BytesIO(picture)).convert("L")).mean[0])
    light, dark, paper = seen
    assert dark < 80 < 180 < min(light, paper), "a picture is not what it is called"


def plain(key):
    """A parameter's name as an address may spell it."""
    return key.lower().replace("_", "-")


def test_links_set_figures(visit, server, link_page):
    """A link in the text to a state of a figure names a figure, controls and values that exist."""
    v = visit(server, formulas=False, reduced_motion="reduce")
    page = v.open(link_page)
    for href in page.locator("a.xp-set").evaluate_all(
        "links => links.map(a => a.getAttribute('href'))"
    ):
        path, _, fragment = href.partition("#")
        if path:  # on another page
            v.open(
                page.evaluate("href => new URL(href, document.baseURI).href", href).removeprefix(
                    f"{server}/"
                )
            )
        else:
            page.evaluate(
                "() => document.querySelectorAll('details').forEach((box) => (box.open = true))"
            )
            page.locator(f"a.xp-set[href='{href}']").first.click()
        name, _, query = fragment.partition("?")
        for _ in range(40):  # the browser tells the page of a new address in its own time
            shown = page.locator(f"[id='{name}']").evaluate(VALUES)
            values = {plain(key): text for key, text in shown.items()}
            wrong = [
                (key, text)
                for key, text in parse_qsl(query)
                if not same(values.get(plain(key), ""), text)
            ]
            if not wrong:
                break
            page.wait_for_timeout(50)
        assert not wrong, f"{href} leaves the figure at {values}"
        if path:
            v.open(link_page)
    v.assert_clean()


def test_nonsense_in_the_address_is_ignored(visit, server, first_figure_page):
    """Unknown figures, controls and values change nothing and break nothing."""
    v = visit(server, formulas=False, reduced_motion="reduce")
    figure = v.open(first_figure_page).locator(".xp-live").first
    name = figure.get_attribute("id")
    values = figure.evaluate(VALUES)
    nonsense = "&".join(f"{key}=%zz" for key in values)
    for fragment in ("%", "gone?x=1", f"{name}?gone=1&{nonsense}"):
        page = v.open(f"{first_figure_page}#{fragment}")
        assert page.locator(".xp-live").first.evaluate(VALUES) == values
    v.assert_clean()


def luminance(pixel):
    """Return the relative luminance of an (r, g, b) pixel, as WCAG 2 defines it."""

    def linear(value):
        c = value / 255
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, pixel)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark_figures_are_readable(visit, server, figure_page):
    """Tick labels in the dark: the contrast of the brightest and the darkest pixel.

    It counts what is seen, whatever way it got there.
    """
    v = visit(server, formulas=False, color_scheme="dark", device_scale_factor=3)
    page = v.open(figure_page)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    labels = []
    for figure in page.locator(".xp-live:has(svg)").all():
        labels += figure.locator(LABEL).all()[:2]
    assert labels
    for label in labels:
        label.scroll_into_view_if_needed()
        picture = Image.open(io.BytesIO(page.screenshot(clip=label.bounding_box()))).convert("RGB")
        light = [luminance(pixel) for _, pixel in picture.getcolors(1 << 20)]
        assert (max(light) + 0.05) / (min(light) + 0.05) >= 4.5
    v.assert_clean()


def test_dark_stills_have_the_paper_of_the_page(visit, server, still_page):
    """No slab of white or grey beside figures that are drawn on the page itself."""
    v = visit(server, formulas=False, color_scheme="dark")
    page = v.open(still_page)
    stills = page.locator("figure.plate > img").all()
    assert stills
    for still in stills:
        still.scroll_into_view_if_needed()
        box = still.bounding_box()
        strip = {"x": box["x"] - 3, "y": box["y"] + 1, "width": 6, "height": 2}
        colours = Image.open(io.BytesIO(page.screenshot(clip=strip))).convert("RGB").getcolors()
        assert len(colours) == 1 and max(colours[0][1]) < 60


def test_first_frame_without_javascript(visit, site, first_figure_page):
    """A reader without JavaScript sees the first frame of each figure and a notice."""
    v = visit(site.as_uri(), java_script_enabled=False)
    v.page.goto(f"{v.home}/{first_figure_page}")
    figures = v.page.locator(".xp-live").all()
    assert figures
    for figure in figures:
        first = figure.locator("img.xp-first")
        assert first.bounding_box()["height"] > 100
        assert first.evaluate("img => img.complete && img.naturalWidth > 0")
        assert figure.locator(".xp-notice").is_visible()


def test_a_strict_policy_lets_figures_live(visit, server, first_figure_page):
    """What the book's page on live figures says that a policy has to allow is enough."""
    v = visit(server, formulas=False, reduced_motion="reduce")
    policy = "default-src 'self'; img-src 'self' blob:"

    def strict(route):
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"Content-Security-Policy": policy})

    v.page.route(f"**/{first_figure_page}", strict)
    page = v.open(first_figure_page)
    assert page.locator(".xp-live:not([data-state=live])").count() == 0
    figure = page.locator(".xp-live").first
    unlock(figure)
    assert moves_figure(figure, figure.locator("[data-key]").first)
    assert figure.locator(".xp-body").evaluate("e => getComputedStyle(e).display") == "flex"
    ours = [error for error in v.errors if "explorable" in error]
    assert not ours, "the theme's own scripts and styles are refused, the figure's are not"


def test_search_finds_pages(visit, server):
    """The search page works with the book's own index."""
    v = visit(server)
    v.open("search.html?q=gradient")
    v.page.wait_for_selector("#search-results li a")
    v.assert_clean()


def test_menu_of_downloads(visit, server, first_figure_page):
    """Opens by a click or a key, closes by Escape or by a click elsewhere."""
    page = visit(server, formulas=False).open(first_figure_page)
    button, menu = page.locator(".dropdown-toggle"), page.locator(".dropdown-menu")
    button.focus()
    page.keyboard.press("Enter")
    assert menu.is_visible() and button.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert not menu.is_visible() and button.get_attribute("aria-expanded") == "false"
    assert button.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    page.mouse.click(600, 600)
    assert not menu.is_visible()


def test_search_from_a_page(visit, server, first_figure_page):
    """Ctrl+K, a word, Enter: the field is there without the index, and the search page finds it."""
    v = visit(server, formulas=False)
    page = v.open(first_figure_page)
    page.keyboard.press("Control+k")
    page.keyboard.type("gradient")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    v.assert_clean()
