"""The page of words and symbols: no symbol stands twice, and whatever leads to a word finds it."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
WORDS = (NOTEBOOKS / "words.md").read_text("utf-8")
SYMBOLS, GLOSSARY = WORDS.split("\n## Words\n")
JUMPS, *ENTRIES = GLOSSARY.split("\n### ")
TERMS = [entry.partition("\n")[0] for entry in ENTRIES]
ROWS = re.findall(r"^\| (.+?) \|", SYMBOLS, re.MULTILINE)[2:]  # without heading and rule

TO_HERE = re.compile(r"\]\(#([^)]*)\)")
TO_WORD = re.compile(r"\]\((?:[./\w-]*/)?words(?:\.md)?#([^)]*)\)")
TO_CHAPTER = re.compile(r"\[([^]]*)\]\(([\w-]+)\.ipynb\)")
TITLES = {name: title for title, name in TO_CHAPTER.findall((NOTEBOOKS / "README.md").read_text())}
PAGES = sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("*.md"), *ROOT.glob("book/**/*.md")])


def anchor(term):
    """How both Sphinx and JupyterLab name the place of a heading that is written plainly."""
    return term.replace(" ", "-")


ANCHORS = {anchor(term) for term in TERMS}


def text(page):
    if page.suffix == ".md":
        return page.read_text("utf-8")
    cells = nbformat.read(page, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_terms_are_in_the_order_of_the_alphabet_each_once():
    assert sorted(set(TERMS)) == TERMS


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_written_so_that_sphinx_and_jupyterlab_name_its_place_alike(term):
    assert re.fullmatch(r"[a-z][a-z0-9]*(?:[ -][a-z0-9]+)*", term)


@pytest.mark.parametrize("entry", ENTRIES, ids=TERMS)
def test_an_entry_is_one_paragraph_that_ends_with_the_chapter_where_it_is_first(entry):
    _, said = entry.strip().split("\n\n")
    assert "\n" not in said
    assert re.search(
        r" \*First in \[[^]]*\]\([\w-]+\.ipynb\)(?:; more in \[[^]]*\]\([\w-]+\.ipynb\))?\.\*$",
        said,
    )
    term = entry.partition("\n")[0]
    assert anchor(term) not in TO_HERE.findall(said), "it leads to itself"


def test_chapters_have_the_titles_of_the_list_of_notebooks():
    chapters = TO_CHAPTER.findall(WORDS)
    assert len(chapters) > len(ENTRIES)
    for title, name in chapters:
        assert TITLES[name] == title


def test_every_link_within_the_page_finds_its_word():
    assert set(TO_HERE.findall(WORDS)) <= ANCHORS


def test_the_line_of_letters_leads_to_the_first_word_of_each():
    first = {}
    for term in TERMS:
        first.setdefault(term[0], anchor(term))
    assert dict(re.findall(r"\[(\w)\]\(#([^)]*)\)", JUMPS)) == first


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_to_a_word_finds_it(page):
    assert set(TO_WORD.findall(text(page))) <= ANCHORS


def test_no_symbol_stands_in_two_rows():
    symbols = [symbol for row in ROWS for symbol in re.findall(r"\$[^$]+\$|`[^`]+`", row)]
    assert len(symbols) > len(ROWS) > 50
    assert sorted(set(symbols)) == sorted(symbols)


def test_every_row_of_the_table_has_its_four_columns():
    rows = [line for line in SYMBOLS.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {5}


def test_the_page_is_plain_markdown():
    """JupyterLab knows neither roles nor directives."""
    assert not re.search(r"\{[\w:-]+\}`|^```|^:::", WORDS, re.MULTILINE)


FIRST = [re.search(r"\*First in \[[^]]*\]\(([\w-]+)\.ipynb\)", entry)[1] for entry in ENTRIES]


@pytest.mark.parametrize("term, chapter", list(zip(TERMS, FIRST, strict=True)), ids=TERMS)
def test_a_word_is_a_link_in_the_chapter_where_it_is_first(term, chapter):
    assert anchor(term) in TO_WORD.findall(text(NOTEBOOKS / f"{chapter}.ipynb"))


def test_no_chapter_before_that_links_the_word():
    """The order of the chapters is that of the list of notebooks."""
    order = list(TITLES)
    first = {anchor(term): order.index(name) for term, name in zip(TERMS, FIRST, strict=True)}
    early = []
    for place, name in enumerate(order):
        for word in TO_WORD.findall(text(NOTEBOOKS / f"{name}.ipynb")):
            if place < first[word]:
                early.append((word, name))
    assert not early
