"""The errata of the lectures: each has its section, and each section computes what it says."""

import re
from pathlib import Path

import nbformat
import pytest

NUMBERS = [*range(1, 16), *range(17, 33)]
PATH = Path(__file__).parents[1] / "notebooks" / "errata.ipynb"
HEADING = re.compile(r"^### E(\d+) (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| \[E(\d+)\]\(#([\w-]+)\) \| (.+?) \| .+ \| (\w+) \|$", re.MULTILINE)
LECTURES = {"Grosse, Ba", "Cremer", "I2DL", "Giselsson", "Lee"}
KINDS = {"formula", "number", "wording", "remark"}


def sections():
    """The cells of each erratum, from its heading to the next heading, by number."""
    found, current = {}, None
    for cell in nbformat.read(PATH, as_version=4).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            match = HEADING.match(cell.source)
            number = int(match[1]) if match else None
            assert number is None or number not in found, f"E{number} stands twice"
            current = found.setdefault(number, []) if match else []
        if current is not None:
            current.append(cell)
    return found


SECTIONS = sections()


def table():
    """Rows of number, link, lecture and kind."""
    cells = nbformat.read(PATH, as_version=4).cells
    return [row for cell in cells for row in ROW.findall(cell.source)]


def test_each_erratum_has_a_section():
    assert sorted(SECTIONS) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_a_section_says_what_the_slide_says_and_what_holds(number):
    text = SECTIONS[number][0].source
    assert re.search(r"^\*The slides?\.\* .+", text, re.MULTILINE)
    assert re.search(r"^\*What holds\.\* .+", text, re.MULTILINE)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_section_computes_in_the_open_what_it_says(number):
    """What is printed is asserted too, in a cell that nothing hides."""
    computed = [cell for cell in SECTIONS[number] if cell.cell_type == "code"]
    assert computed
    for cell in computed:
        assert not cell.metadata.get("tags")
        assert re.search(r"^\s*assert ", cell.source, re.MULTILINE)
        printed = [out.text for out in cell.outputs if out.output_type == "stream"]
        assert "".join(printed).strip()
        assert re.search(r"\d|True|False", "".join(printed))


def test_the_table_leads_to_each_section_once():
    rows = table()
    assert sorted(int(number) for number, *_ in rows) == NUMBERS
    for number, link, lecture, kind in rows:
        heading = HEADING.match(SECTIONS[int(number)][0].source)
        words = re.sub(r"[^\w\- ]", "", f"e{number} {heading[2].lower()}")
        assert link == words.replace(" ", "-")
        assert lecture in LECTURES
        assert kind in KINDS


def test_table_and_sections_run_in_the_same_order():
    assert [int(number) for number, *_ in table()] == list(SECTIONS)


@pytest.mark.parametrize("page", sorted(PATH.parent.glob("*.ipynb")), ids=lambda page: page.stem)
def test_errata_stand_in_the_appendix_alone(page):
    """A chapter speaks of common mistakes, without the slides that students have not seen."""
    if page != PATH:
        assert "erratum" not in page.read_text("utf-8").lower()
