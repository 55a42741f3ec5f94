"""What the book's extensions make of the theme's pages, of its style sheet, and add to them."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

theme = pytest.importorskip("theme", reason="the book's packages are not installed")

import cards  # noqa: E402
import numbering  # noqa: E402
import pictures  # noqa: E402
from docutils import nodes  # noqa: E402
from docutils.core import publish_doctree  # noqa: E402
from PIL import Image  # noqa: E402


@pytest.mark.parametrize(
    "selector, kept",
    [
        (".used", True),
        (".gone", False),
        ("#used .gone", False),
        ("a:not(.gone)", True),
        (":is(.gone, .used) p", True),
        ("[class*='.gone']", True),
        (".used:hover::before", True),
    ],
)
def test_a_rule_stays_if_every_class_is_somebodys(selector, kept):
    assert theme.used_rules(f"{selector}{{color:red}}", {"used"}) == (
        f"{selector}{{color:red}}" if kept else ""
    )


def test_lists_and_media_lose_only_what_is_unused():
    sheet = "@media print{.a,.b{x:y}.b{x:y}}@media screen{.b{x:y}}@keyframes spin{to{x:y}}.a{z:'}'}"
    assert theme.used_rules(sheet, {"a"}) == (
        "@media print{.a{x:y}}@keyframes spin{to{x:y}}.a{z:'}'}"
    )


def test_the_fonts_of_icons_go_and_other_fonts_stay():
    sheet = '@font-face{font-family:"Font Awesome 6 Free"}@font-face{font-family:Other}'
    assert theme.used_rules(sheet, set()) == "@font-face{font-family:Other}"


def test_an_icon_is_drawn_in_its_place():
    page = theme.mend(
        '<button><i class="theme-switch fa-solid fa-sun fa-lg" data-mode="light"></i>'
    )
    assert '<svg class="svg-inline--fa theme-switch fa-sun fa-lg" data-mode="light"' in page
    assert 'aria-hidden="true"' in page and '<path fill="currentColor" d="M361.5' in page


def test_an_icon_that_the_theme_does_not_have_is_an_error():
    with pytest.raises(KeyError, match="no-such"):
        theme.mend('<i class="fas fa-no-such"></i>')


def test_a_page_asks_for_what_it_uses():
    copy = '<script src="../_static/copybutton.js?v=1"></script>'
    index = '<script src="../searchindex.js"></script>'
    assert theme.mend(f"{copy}{index}") == ""
    assert theme.mend(f"{copy}<pre>") == f"{copy}<pre>"
    assert theme.mend(f'{index}<div id="search-results">') == f'{index}<div id="search-results">'


def test_names_of_what_had_none():
    branch = '<a class="reference" href="x.html">The package</a><details><summary><span></span>'
    assert 'summary aria-label="Pages in: The package"' in theme.mend(branch)
    assert theme.mend('<th class="head"><p></p></th>') == '<td class="head"><p></p></td>'
    assert theme.mend('<th class="head"><p>x</p></th>') == '<th class="head"><p>x</p></th>'


def test_a_folded_cell_is_a_summary_of_plain_words():
    folded = (
        '<details class="admonition hide above-input">\n<summary aria-label="Toggle">\n'
        '<p class="collapsed admonition-title">Drawing code</p>\n'
        '<p class="expanded admonition-title">Drawing code</p>\n</summary>'
    )
    assert theme.mend(folded) == '<details class="fold">\n<summary>Drawing code</summary>'


def test_a_chapter_in_the_tree_of_pages_has_its_number_apart_and_a_short_title():
    entry = '<li class="toctree-l1 current"><a class="reference" href="#">{}</a>'
    mended = theme.mend(entry.format("12\u2007Iterated maps: what a recurrent net computes"))
    assert mended == entry.format('<span class="section-number">12</span> Iterated maps')
    assert theme.mend(entry.format("The package: names")) == entry.format("The package: names")


def test_brackets_and_stops_stay_with_a_formula():
    formula = r'<span class="math notranslate nohighlight">\(x\)</span>'
    mended = theme.mend(f"a ({formula}), {formula} b")
    assert mended == f'a <span class="together">({formula}),</span> {formula} b'


def test_works_are_items_of_a_list():
    entry = '<div class="citation" id="lee-1" role="doc-biblioentry">'
    assert theme.mend(entry) == '<div class="citation" id="lee-1" role="listitem">'


def test_claims_and_common_mistakes_are_marked():
    assert theme.mend("<p><strong>Claim.</strong>") == '<p class="claim"><strong>Claim.</strong>'
    mistake = "<p><strong>A common mistake.</strong> To forget it."
    assert theme.mend(mistake).startswith('<p class="mistake">')
    aside = "<blockquote>\n<div><p><strong>Small print.</strong>"
    assert theme.mend(aside) == aside


@pytest.mark.parametrize(
    "alt, caption",
    [
        ("Loss against width", "Loss against width"),
        ("Loss falls to 0.5. It stays there.", "Loss falls to 0.5"),
        ("Two panels. On the left, a circle. On the right, a square.", "On the left, a circle"),
        ("Three panels, for three widths. In each, a band.", "Three panels, for three widths"),
        ("", ""),
    ],
)
def test_a_caption_is_the_first_sentence_that_says_something(alt, caption):
    assert numbering.caption(alt) == caption


def test_an_appendix_and_a_page_of_prose_have_no_number():
    files = ["book/how-to-read.md", "notebooks/words.md", "notebooks/gates.ipynb"]
    names = {Path(file).with_suffix("").as_posix(): file for file in files}
    names["notebooks/errata"] = "notebooks/errata.ipynb"
    env = SimpleNamespace(
        toctree_includes={"book/intro": list(names)},
        config=SimpleNamespace(root_doc="book/intro"),
        doc2path=names.get,
    )
    assert numbering.chapters(env) == ["notebooks/gates"]


def test_figures_are_counted_within_a_chapter():
    count = numbering.Counter(5)
    opening, closing = count.frame("a < b. More.")
    assert opening == '<figure class="plate" id="figure-5-1">'
    assert '<span class="figure-number">Figure 5.1</span> a &lt; b</figcaption>' in closing
    assert 'id="figure-5-2"' in count.frame("")[0]


def test_a_page_that_is_no_chapter_has_captions_without_numbers():
    opening, closing = numbering.Counter().frame("a wave")
    assert opening == '<figure class="plate">'
    assert closing == "<figcaption>a wave</figcaption></figure>"


def description(text):
    page = publish_doctree(text, settings_overrides={"report_level": 5})
    return cards.description(nodes.section("", *page.deepcopy().children))


def test_a_description_is_the_beginning_of_the_text():
    assert description("What is\nit? A net.\n\n- a list") == "What is it? A net."
    assert description("- a list\n\nA net.") == "A net."


def test_a_description_ends_before_a_formula_a_list_and_what_is_too_long():
    assert description("A net. It has :math:`n` units. Here.") == "A net."
    assert description(":math:`n` units. Here.") == "Here."
    assert description("A net. Its parts:\n\n- one") == "A net."
    long = "Word " * 50 + "end."
    assert description(f"A net. {long}") == "A net."
    assert description(long) == long


class Config:
    html_title, html_baseurl = "A book", ""


def test_a_preview_has_a_full_address_if_the_book_knows_its_own():
    config = Config()
    assert 'content="../_static/preview.png"' in cards.card(config, "../", "a/b.html", 'A "b"')
    config.html_baseurl = "https://example.org/book/"
    full = cards.card(config, "../", "a/b.html", 'A "b"')
    assert 'content="https://example.org/book/_static/preview.png"' in full
    assert 'property="og:url" content="https://example.org/book/a/b.html"' in full
    assert 'property="og:title" content="A &quot;b&quot;"' in full


def test_the_pictures_are_what_the_script_draws():
    assert (pictures.STATIC / "icon.svg").read_text() == pictures.icon()
    stored, drawn = read("preview.png"), pictures.preview().convert("RGB")
    assert stored.size == drawn.size == cards.SIZE
    difference = np.abs(np.asarray(stored, dtype=float) - np.asarray(drawn, dtype=float))
    assert difference.mean() < 3, "python book/pictures.py draws it anew"
    assert read("icon.ico").size == (32, 32)
    assert read("icon.png").size == (180, 180)


def read(name):
    with Image.open(pictures.STATIC / name) as image:
        return image.convert("RGB")


def test_the_gradient_fades_from_the_last_step_of_the_highest_layer():
    grid = pictures.shares(6, 9)
    assert grid[-1, -1] == 1 and grid[0, 0] < 0.3
    assert (np.diff(grid[-1]) > 0).all(), "along the highest layer it only falls, back in time"
