"""Every page of the built book as it stands in its file, before a script has run."""

import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup
from PIL import Image

TOC = Path(__file__).parents[2] / "_toc.yml"
PREVIEW = "link[rel=icon], link[rel=apple-touch-icon], meta[property='og:image']"


@pytest.fixture
def read(site):
    """Function that parses a page of the book."""
    return lambda name: BeautifulSoup((site / name).read_text("utf-8"), "html.parser")


def file_at(site, page_name, address):
    """The file that an address on a page leads to."""
    return Path(unquote(urlsplit(urljoin(f"{site.as_uri()}/{page_name}", address)).path))


def words(element):
    """Its text in one line."""
    return " ".join(element.get_text().split())


def test_page_says_what_it_is(read, site, any_page):
    """A description of its own words, icons and a picture for whoever links to it."""
    page = read(any_page)
    about = page.select_one("meta[name=description]")["content"]
    assert 20 <= len(about) <= 300
    assert page.select_one("meta[property='og:description']")["content"] == about
    links = [each.get("content") or each["href"] for each in page.select(PREVIEW)]
    assert len(links) == 4
    for link in links:
        assert file_at(site, any_page, link).is_file(), f"{link} is missing"


def test_the_entrance_has_a_preview_too(site):
    """People share the address of the book, which goes on to its first page."""
    entrance = (site / "index.html").read_text("utf-8")
    first = re.search(r'content="0; url=([^"]*)"', entrance)[1]
    assert (site / first).is_file()
    assert 'content="_static/preview.png"' in entrance and 'name="description"' in entrance


def test_chapters_are_numbered_as_the_table_of_contents_has_them(read):
    """The same number in the tree of pages, over the chapter and in the links of its neighbours."""
    toc, _ = TOC.read_text().split("caption: Reference")
    in_the_book = re.findall(r"notebooks/([\w-]+)", toc)
    in_the_book.remove("words")  # that page is no chapter
    links = read("genindex.html").select("nav.bd-links li.toctree-l1 > a:has(> .section-number)")
    listed = [
        (words(link.select_one(".section-number")), Path(link["href"]).name) for link in links
    ]
    assert listed == [(str(i), f"{name}.html") for i, name in enumerate(in_the_book, start=1)]
    for number, name in listed:
        page = read(f"notebooks/{name}")
        assert words(page.select_one("h1 > .section-number")) == number
        before = page.select_one(".left-prev .section-number")
        if number != "1":
            assert words(before) == str(int(number) - 1)


def test_figures_are_numbered_and_have_captions(read, chapter_page):
    """Every figure of a chapter, live or still."""
    page = read(chapter_page)
    chapter = words(page.select_one("h1 > .section-number"))
    pictures = page.select(".xp-live, .cell_output img:not(.xp-first)")
    figures = page.select("figure.plate")
    assert len(figures) == len(pictures)
    for number, figure in enumerate(figures, start=1):
        assert figure["id"] == f"figure-{chapter}-{number}"
        caption = figure.select_one("figcaption")
        count = words(caption.select_one(".figure-number"))
        assert count == f"Figure {chapter}.{number}"
        assert len(words(caption).removeprefix(count).strip()) > 5
    assert len(page.select("[id^=figure-]")) == len(figures)


def test_first_frames_are_described(read, site, figure_page):
    """What readers without JavaScript have: a picture, its words, and a notice."""
    figures = read(figure_page).select(".xp-live")
    assert figures
    for figure in figures:
        first = figure.select_one("img.xp-first")
        assert first["alt"].strip()
        with Image.open(file_at(site, figure_page, first["src"])) as picture:
            width, height = picture.size
        assert (width // 2, height // 2) == (int(first["width"]), int(first["height"]))
        assert height > 200
        assert "JavaScript" in words(figure.select_one(".xp-notice"))
