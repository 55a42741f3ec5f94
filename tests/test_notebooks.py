"""The notebooks as a reader finds them: in order, executed, tidy, and hers to work in."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import working_copy

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind="code"):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def outputs(path):
    return [output for cell in cells(path) for output in cell.outputs]


def markdown(path):
    return "\n".join(cell.source for cell in cells(path, "markdown"))


def test_the_book_and_the_list_of_notebooks_hold_each_in_the_same_order():
    toc = (ROOT / "_toc.yml").read_text()
    readme = (ROOT / "notebooks" / "README.md").read_text()
    in_the_book = re.findall(r"notebooks/([\w-]+)", toc)
    in_the_book.remove("words")  # the one page among them that is no chapter
    in_the_list = re.findall(r"\(([\w-]+)\.ipynb\)", readme)
    assert in_the_book == in_the_list
    assert sorted(in_the_book) == [path.stem for path in NOTEBOOKS]


@every_notebook
def test_every_code_cell_was_executed_in_order(path):
    counts = [cell.execution_count for cell in cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@every_notebook
def test_outputs_hold_no_traceback_no_warning_and_nothing_that_changes_from_run_to_run(path):
    text = path.read_text()
    for word in ("widget-state", "widget-view", "Traceback"):
        assert word not in text
    for output in outputs(path):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        said = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain"))
        assert not re.search(r"0x[0-9a-f]{6,}", said), "an address in memory"


@every_notebook
def test_every_static_picture_has_alternative_text(path):
    for cell in cells(path):
        picture = any("image/png" in output.get("data", {}) for output in cell.outputs)
        live = "explore(" in cell.source
        if picture and not live:
            assert cell.metadata["mystnb"]["image"]["alt"]


def first_cell_says(path, folder, before=""):
    """What a reader sees who runs the first cell of a notebook in a folder."""
    code = f"""
import sys
from IPython.core.interactiveshell import InteractiveShell
{before}
InteractiveShell.instance().run_cell({cells(path)[0].source!r})
"""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder).stdout


@pytest.mark.parametrize("name", ["pytorch-defaults", "your-own-network"])
def test_without_pytorch_a_notebook_that_needs_it_says_what_to_install_and_no_more(name):
    notebook = ROOT / "notebooks" / f"{name}.ipynb"
    said = first_cell_says(notebook, folder=ROOT, before="sys.modules['torch'] = None")
    assert said.startswith("This notebook stops here."), said
    assert "pip install torch" in said, said
    assert "Traceback" not in said
    assert "make lab PEERS=torch" in cells(notebook, "markdown")[0].source


@every_notebook
def test_links_to_other_notebooks_and_to_figures_exist(path):
    """They go by name: one can be added without a change to the text of others."""
    notebook = r"(?:([\w-]+)\.ipynb)?"
    figure_and_state = r"(?:#([\w-]+)\?[^)]*)?"
    for target, figure in re.findall(rf"\]\({notebook}{figure_and_state}\)", markdown(path)):
        other = path.with_name(f"{target}.ipynb") if target else path
        assert other in NOTEBOOKS, f"no notebook {target}"
        assert not figure or figure in anchors(other), f"no figure {figure}"


def anchors(path):
    """The names of the live figures of a notebook."""
    code = "\n".join(cell.source for cell in cells(path))
    return re.findall(r'anchor="([\w-]+)"', code)


@every_notebook
def test_no_number_of_a_notebook_or_figure_stands_in_the_text(path):
    for numbered in (r"[Nn]otebooks? \d+", r"\]\(#fig-\d", r"\d\d-[a-z-]+\.ipynb"):
        assert not re.findall(numbered, markdown(path))


@every_notebook
def test_no_hidden_cell_holds_more_than_one_call(path):
    """Whatever the text relies on is seen: what trains and what prints. Drawing is one call.

    Imports may be folded too, and data with them, in a first cell that prints nothing.
    """
    for i, cell in enumerate(cells(path)):
        prompt = cell.metadata.get("mystnb", {}).get("code_prompt_show")
        if i == 0 and prompt in ("Imports", "Imports and data"):
            assert not cell.outputs
        elif "hide-input" in cell.metadata.get("tags", ()):
            body = ast.parse(cell.source).body
            assert len(body) == 1, cell.source
            assert isinstance(body[0], ast.Expr), cell.source
            assert isinstance(body[0].value, ast.Call), cell.source


@pytest.fixture
def copied(tmp_path):
    working_copy.update(tmp_path)
    return tmp_path


def edit(path, change):
    notebook = json.loads(path.read_text("utf-8"))
    change(notebook)
    path.write_text(json.dumps(notebook), "utf-8")


def test_a_working_copy_has_all_that_its_notebooks_need(copied):
    names = {path.name for path in copied.iterdir()}
    assert {path.name for path in NOTEBOOKS} | {"README.md", "words.md"} <= names
    code = "import sys; sys.path.insert(0, '.'); import drawings.gates"
    subprocess.run([sys.executable, "-c", code], cwd=copied, check=True)


def test_a_working_copy_is_brought_up_to_date_where_the_reader_changed_nothing(
    copied, monkeypatch, tmp_path_factory
):
    book = tmp_path_factory.mktemp("book")
    shutil.copytree(ROOT / "notebooks", book, dirs_exist_ok=True)
    monkeypatch.setattr(working_copy, "HERE", book)

    def ran(notebook):
        notebook["cells"][1]["outputs"] = []

    def answered(notebook):
        notebook["cells"][1]["source"] = "answer = 42"

    def rewritten(notebook):
        notebook["cells"][0]["source"] = "# A new edition"

    # What the reader did to her copy
    edit(copied / "gates.ipynb", ran)
    edit(copied / "memory.ipynb", answered)
    (copied / "losses.ipynb").unlink()
    (copied / "mine.ipynb").write_text("{}")
    (copied / "depth.ipynb").write_text("no notebook at all")
    # What happened to the book in the meantime
    for name in ("gates", "memory", "losses"):
        edit(book / f"{name}.ipynb", rewritten)
    (book / "activations.ipynb").unlink()
    assert working_copy.update(copied) == ["depth.ipynb", "memory.ipynb"]
    for name in ("gates", "losses"):
        assert "A new edition" in (copied / f"{name}.ipynb").read_text()
    assert "answer = 42" in (copied / "memory.ipynb").read_text()
    assert (copied / "mine.ipynb").read_text() == "{}"
    assert (copied / "depth.ipynb").read_text() == "no notebook at all"
    assert not (copied / "activations.ipynb").exists()
    assert working_copy.update(copied) == ["depth.ipynb", "memory.ipynb"], "not the second time"


@every_notebook
def test_a_notebook_taken_out_of_its_folder_can_say_so(path):
    """gradtrace.notebook explains a missing folder, so it is imported before what lies in it."""
    source = cells(path)[0].source
    if "from drawings import" in source:
        before, _ = source.split("from drawings import", maxsplit=1)
        assert "gradtrace.notebook import" in before


def test_what_it_says_is_one_sentence_with_the_place(tmp_path):
    said = first_cell_says(ROOT / "notebooks" / "gates.ipynb", folder=tmp_path)
    assert "needs the folder 'drawings' beside it" in said, said
    assert "notebooks/drawings" in said, said
    assert "Traceback" not in said
