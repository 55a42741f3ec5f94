"""What the book's extension makes of the theme's pages and of its style sheet."""

import pytest

theme = pytest.importorskip("theme", reason="the book's packages are not installed")


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
