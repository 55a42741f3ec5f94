"""The works that the book and the docstrings name, and how they are cited."""

import json
import re
from pathlib import Path

import pytest

citations = pytest.importorskip("citations", reason="the book's packages are not installed")

from pybtex.database import parse_file, parse_string  # noqa: E402
from pybtex.plugin import find_plugin  # noqa: E402
from sphinx.errors import ExtensionError  # noqa: E402

ROOT = Path(__file__).parents[1]
ENTRIES = parse_file(ROOT / "book/references.bib", "bibtex").entries
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGES = [*sorted((ROOT / "notebooks").glob("*.ipynb")), *sorted((ROOT / "book").rglob("*.md"))]

NAME = r"[A-Z][\w’'–-]+"
MENTION = re.compile(rf"(?:{NAME}|\bet al\.)(?:'s)?,?\s+\(?((?:1[6-9]|20)\d\d[a-z]?|n\.d\.)(?!\w)")
ROLE = re.compile(r"\{cite(?::\w+)?\}`([^`]*)`")
HOW_READ = re.compile(r"(^|\. )(Read(: \w| in full|$|\.)|Abstract read|Not read)")


def unresolved(text):
    """What looks like a citation in ``text`` and is no label of an entry."""
    for name in sorted(citations.labels(ENTRIES), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}", "…", text)
    return [found.group() for found in MENTION.finditer(text)]


def text_of(page):
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_is_complete(key):
    entry = ENTRIES[key]
    fields = entry.fields
    assert entry.persons["author"] and fields["title"]
    assert re.fullmatch(r"\d{4}[a-z]?|n\.d\.", fields["year"])
    places = {"journal", "booktitle", "publisher", "school", "howpublished"}
    assert places & set(fields), "where did it appear?"
    assert {"doi", "eprint", "url"} & set(fields) or "No link" in fields["note"]
    assert HOW_READ.search(fields["note"]), "how much of it was read?"


@pytest.mark.parametrize("key", ENTRIES)
def test_a_key_is_a_surname_and_the_year(key):
    entry = ENTRIES[key]
    year = "" if entry.fields["year"] == "n.d." else entry.fields["year"]
    assert key.endswith(year)
    name = key.removesuffix(year)
    said = str(citations.surname(entry.persons["author"][0])) + entry.fields["title"]
    assert name in said.casefold()


def test_links_are_what_they_say():
    for entry in ENTRIES.values():
        fields = entry.fields
        assert re.fullmatch(r"10\.\d{4,}/\S+", fields.get("doi", "10.1000/none"))
        assert re.fullmatch(r"\d{4}\.\d{4,5}", fields.get("eprint", "0000.0000"))
        assert re.match(r"https?://\S+$", fields.get("url", "https://none"))


def test_no_work_stands_twice():
    titles = [entry.fields["title"].casefold() for entry in ENTRIES.values()]
    lectures = {"deep learning"}  # a lecture and a book
    assert {title for title in titles if titles.count(title) > 1} <= lectures
    links = [
        entry.fields[name]
        for entry in ENTRIES.values()
        for name in ["doi", "eprint", "url"]
        if name in entry.fields
    ]
    assert len(links) == len(set(links))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_whoever_a_docstring_names_has_an_entry(path):
    assert unresolved(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "Nobody (1999)",
        "Nobody et al. 2001",
        "Kingma 2015",
        "Kingma and Ba 2015",
        "Le and\nHe (2016)",
    ],
)
def test_a_work_without_entry_is_noticed(text):
    assert unresolved(f"Source: {text}, eq. 3.")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_keys_of_a_page_exist(page):
    keys = [key.strip() for role in ROLE.findall(text_of(page)) for key in role.split(",")]
    assert [key for key in keys if key not in ENTRIES] == []


def test_roles_with_one_key_and_with_several_are_found():
    assert ROLE.findall("{cite:t}`a`, {cite}`b` and {cite:p}`c,d`") == ["a", "b", "c,d"]


def test_a_docstring_gets_links_outside_of_literals():
    line = "Kingma and Ba (2015), LeCun et al. (1998a), ``Lee (n.d.)``; Lee (n.d.)."
    assert citations.with_roles(line, citations.labels(ENTRIES)) == (
        ":cite:t:`kingma2015`, :cite:t:`lecun1998a`, ``Lee (n.d.)``; :cite:t:`lee`."
    )


def test_a_label_is_not_found_inside_of_another():
    keys = citations.labels(ENTRIES)
    assert citations.with_roles("Grosse and Ba (2019), Ba et al. (2016)", keys) == (
        ":cite:t:`grosse2019`, :cite:t:`ba2016`"
    )


def test_two_works_with_one_label_are_an_error():
    entry = "@misc{%s, author = {Ann One and Bo Two and Cy Three}, year = {2000}}"
    twins = parse_string(entry % "a" + entry % "b", "bibtex").entries
    with pytest.raises(ExtensionError, match=r"One et al\. \(2000\)"):
        citations.labels(twins)


def test_an_entry_shows_all_its_authors_in_the_order_of_the_labels():
    style = find_plugin("pybtex.style.formatting", "reference")()
    text = find_plugin("pybtex.backends", "plaintext")()
    shown = list(style.format_entries(ENTRIES.values()))
    labels = [entry.label for entry in shown]
    assert labels == sorted(labels, key=str.casefold)
    for entry in shown:
        said = entry.text.render(text)
        fields = ENTRIES[entry.key].fields
        for person in ENTRIES[entry.key].persons["author"]:
            assert str(citations.surname(person)) in said
        assert said.endswith(f"[{fields['note']}]")
        for link in ["doi", "eprint", "url"]:
            assert fields.get(link, "") in said


def test_every_work_is_cited():
    in_pages = {
        key.strip()
        for page in PAGES
        for role in ROLE.findall(text_of(page))
        for key in role.split(",")
    }
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    in_code = {key for name, key in citations.labels(ENTRIES).items() if name in code}
    assert set(ENTRIES) - in_pages - in_code == set()
