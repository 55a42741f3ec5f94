"""Every page of the built book by axe-core: WCAG 2.2 A and AA, in light and dark, wide and narrow.

The rules that axe-core calls good practice are no part of WCAG; they are held to as well, and
reported apart.
"""

import pytest

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed")

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PRACTICE = ["best-practice"]
# Of WCAG 2.1 A, but axe-core leaves it out unless it is asked for.
ASKED_FOR = ["label-content-name-mismatch"]
COLOURS = ["color-contrast", "link-in-text-block"]
# Scheme, width and which rules: in the dark only colours differ, on a phone all but the colours.
SCREENS = {
    "light": ("light", 1200, "all"),
    "dark": ("dark", 1200, "colours"),
    "phone": ("light", 375, "the rest"),
}

# The paths of a live figure, thousands, are hidden from screen readers; the picture has a name.
LEFT_OUT = ".xp-picture svg"
# axe-core reads no MathML, so that it takes a header that is a formula for an empty one.
RUN = """async ([tags, askedFor, leftOut, colours, which]) => {
    const set = (names, enabled) => Object.fromEntries(names.map((name) => [name, { enabled }]));
    const { violations } = await axe.run({ exclude: [leftOut] }, {
        runOnly: which === "colours" ? { type: "rule", values: colours } : tags,
        rules: {
            all: set(askedFor, true),
            colours: {},
            "the rest": { ...set(askedFor, true), ...set(colours, false) },
        }[which],
        resultTypes: ["violations"],
        elementRef: true,
    });
    const real = (id, { element }) => id !== "empty-table-header" || !element.querySelector("math");
    return violations.map(({ id, tags, nodes }) => ({
        id, tags,
        nodes: nodes.filter((node) => real(id, node)).map(
            ({ target, failureSummary }) => ({ target, failureSummary })
        ),
    }));
}"""
# Contrast is asked of every word, and code has thousands in some ten colours: one of each is left.
ONE_OF_EACH_TOKEN = """() => {
    const seen = new Set();
    for (const token of document.querySelectorAll(".highlight pre span")) {
        if (token.className && seen.has(token.className)) token.replaceWith(...token.childNodes);
        seen.add(token.className);
    }
    document.querySelectorAll(".highlight pre").forEach((code) => code.normalize());
}"""
OPEN = "() => document.querySelectorAll('details').forEach((box) => (box.open = true))"
SETTLED = """() => new Promise((done) => {
    setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 400);
})"""


@pytest.fixture
def opened(visit, server):
    """Function that opens a page of the served book, with all folds open and axe-core in it."""

    def start(name):
        v = visit(server)
        page = v.open(name)
        v.assert_clean()
        page.evaluate(OPEN)
        page.evaluate(ONE_OF_EACH_TOKEN)
        page.evaluate(f"{axe.AXE_SCRIPT}\n0")
        return page

    return start


def violations(page, screens=SCREENS):
    """What axe-core finds on a page, on each screen: what WCAG asks for, and good practice."""
    wcag, practice = [], []
    for screen, (scheme, width, which) in screens.items():
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(SETTLED)
        assert page.locator("html").get_attribute("data-theme") == scheme
        for rule in page.evaluate(RUN, [WCAG + PRACTICE, ASKED_FOR, LEFT_OUT, COLOURS, which]):
            kind = practice if set(PRACTICE) & set(rule["tags"]) else wcag
            for node in rule["nodes"]:
                kind.append(f"{screen}: {rule['id']}: {node['target']}: {node['failureSummary']}")
    return wcag, practice


HIDDEN = """() => [...document.querySelectorAll("main *")].filter((box) => {
    const style = getComputedStyle(box);
    return /auto|scroll/.test(style.overflowX) && box.scrollWidth > box.clientWidth + 1
        && !box.closest(".xp-tables")
        && (box.tabIndex !== 0 || !box.hasAttribute("data-more-after"));
}).map((box) => box.outerHTML.slice(0, 200))"""

CUT = """() => [...document.querySelectorAll("mjx-math")].filter((formula) => {
    const box = formula.closest("span.math, mjx-container");
    return formula.getBoundingClientRect().width > box.getBoundingClientRect().width + 1
        && !/auto|scroll/.test(getComputedStyle(box).overflowX);
}).map((formula) => formula.parentElement.textContent)"""


def test_page_is_accessible(opened, any_page):
    """axe-core finds nothing, and what is too wide for a phone scrolls and shows it."""
    page = opened(any_page)
    wcag, practice = violations(page)  # the last screen is a phone
    assert not wcag, "\n".join(["WCAG 2.2 A and AA:", *wcag])
    assert not practice, "\n".join(["good practice:", *practice])
    assert page.evaluate(HIDDEN) == [], "not a stop of the Tab key that fades where more of it is"
    assert page.evaluate(CUT) == [], "a formula is cut off"


def test_a_fault_is_found(opened, first_figure_page):
    """The test above would notice a name that is wanting, one that is not what is seen, a text
    that stands nowhere.
    """
    page = opened(first_figure_page)
    page.evaluate(
        """() => {
            document.querySelector("main").insertAdjacentHTML("beforeend",
                "<button></button><button aria-label='Close'>Open the box</button>"
                + "<table><tr><th></th><td>1</td></tr></table>");
            document.body.insertAdjacentHTML("beforeend", "<p>outside of every landmark</p>");
        }"""
    )
    wcag, practice = map("\n".join, violations(page))
    assert "button-name" in wcag and "label-content-name-mismatch" in wcag
    assert "region" in practice and "empty-table-header" in practice


def test_a_colour_is_found_in_the_dark(opened, first_figure_page):
    page = opened(first_figure_page)
    page.evaluate(
        """() => document.querySelector("main").insertAdjacentHTML("beforeend",
            "<p style='color: #333'>black on black</p>")"""
    )
    wcag, _ = violations(page, {"dark": SCREENS["dark"]})
    assert "color-contrast" in "\n".join(wcag)


def test_colours_of_a_phone(opened, first_figure_page):
    """Bars and buttons that only a narrow screen has are the same on every page."""
    page = opened(first_figure_page)
    wcag, practice = violations(page, {"phone": ("light", 375, "colours")})
    assert not wcag + practice, "\n".join(wcag + practice)


def test_a_wide_formula_fades_where_more_of_it_is(visit, server, first_figure_page):
    page = visit(server, viewport={"width": 375, "height": 800}).open(first_figure_page)
    page.evaluate(SETTLED)
    boxes = page.locator("mjx-container[data-scrolls]:visible")
    box = boxes.first  # the test fails if there is none
    assert "linear-gradient" in box.evaluate("box => getComputedStyle(box).maskImage")
    box.focus()
    assert box.evaluate("box => getComputedStyle(box).maskImage") == "none"
    box.evaluate("box => (box.scrollLeft = box.scrollWidth)")
    page.evaluate(SETTLED)
    assert box.get_attribute("data-more-after") is None
    assert box.get_attribute("data-more-before") is not None
