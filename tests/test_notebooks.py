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
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells(path, kind="code"):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def test_the_book_and_the_list_of_notebooks_hold_each_in_the_same_order():
    toc = re.findall(r"notebooks/([\w-]+)", (ROOT / "_toc.yml").read_text())
    listed = re.findall(r"\(([\w-]+)\.ipynb\)", (ROOT / "notebooks" / "README.md").read_text())
    assert toc == listed and sorted(toc) == [path.stem for path in NOTEBOOKS]


@every_notebook
def test_every_code_cell_was_executed_in_order(path):
    assert [cell.execution_count for cell in cells(path)] == list(range(1, len(cells(path)) + 1))


@every_notebook
def test_outputs_hold_no_traceback_no_warning_and_nothing_that_changes_from_run_to_run(path):
    text = path.read_text()
    assert "widget-state" not in text and "widget-view" not in text and "Traceback" not in text
    for output in (output for cell in cells(path) for output in cell.outputs):
        assert output.output_type != "error" and output.get("name") != "stderr"
        said = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain"))
        assert not re.search(r"0x[0-9a-f]{6,}", said)


@every_notebook
def test_every_static_picture_has_alternative_text(path):
    for cell in cells(path):
        if (
            any("image/png" in output.get("data", {}) for output in cell.outputs)
            and "explore(" not in cell.source
        ):
            assert cell.metadata["mystnb"]["image"]["alt"]


def test_without_pytorch_the_last_notebook_says_what_to_install_and_no_more():
    notebook = next(path for path in NOTEBOOKS if path.stem == "your-own-network")
    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell; sys.modules['torch'] = None; "
        f"InteractiveShell.instance().run_cell({cells(notebook)[0].source!r})"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said.startswith("This notebook stops here.") and "pip install torch" in said, said
    assert "Traceback" not in said
    assert "make lab PEERS=torch" in cells(notebook, "markdown")[0].source


def markdown(path):
    return "\n".join(cell.source for cell in cells(path, "markdown"))


@every_notebook
def test_links_to_other_notebooks_and_to_figures_exist(path):
    """They go by name, so that a notebook or a figure can be added without touching the text of
    others.
    """
    anchors = {
        other.stem: set(re.findall(r'anchor="([\w-]+)"', other.read_text().replace('\\"', '"')))
        for other in NOTEBOOKS
    }
    for target, figure in re.findall(
        r"\]\((?:([\w-]+)\.ipynb)?(?:#([\w-]+)\?[^)]*)?\)", markdown(path)
    ):
        assert not target or target in anchors, f"no notebook {target}"
        assert not figure or figure in anchors[target or path.stem], f"no figure {figure}"


@every_notebook
def test_no_number_of_a_notebook_or_figure_stands_in_the_text(path):
    assert not re.findall(r"[Nn]otebooks? \d+|\]\(#fig-\d|\d\d-[a-z-]+\.ipynb", markdown(path))


@every_notebook
def test_no_hidden_cell_holds_more_than_one_call(path):
    """Whatever the text relies on is seen: what trains and what prints. Drawing is one call."""
    for cell in cells(path):
        if "hide-input" in cell.metadata.get("tags", ()):
            body = ast.parse(cell.source).body
            assert (
                len(body) == 1
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Call)
            ), cell.source


@pytest.fixture
def copied(tmp_path):
    working_copy.update(tmp_path)
    return tmp_path


def edit(path, change):
    notebook = json.loads(path.read_text("utf-8"))
    change(notebook)
    path.write_text(json.dumps(notebook), "utf-8")


def test_a_working_copy_has_all_that_its_notebooks_need(copied):
    assert {path.name for path in NOTEBOOKS} <= {path.name for path in copied.iterdir()}
    code = "import sys; sys.path.insert(0, '.'); import drawings.gates"
    assert not subprocess.run([sys.executable, "-c", code], cwd=copied).returncode


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

    edit(copied / "gates.ipynb", ran)
    edit(copied / "memory.ipynb", answered)
    (copied / "losses.ipynb").unlink()
    (copied / "mine.ipynb").write_text("{}")
    (copied / "depth.ipynb").write_text("no notebook at all")
    for name in ("gates", "memory", "losses"):
        edit(book / f"{name}.ipynb", rewritten)
    (book / "activations.ipynb").unlink()
    assert working_copy.update(copied) == ["depth.ipynb", "memory.ipynb"]
    for name in ("gates", "losses"):
        assert "A new edition" in (copied / f"{name}.ipynb").read_text()
    assert "answer = 42" in (copied / "memory.ipynb").read_text()
    assert (copied / "mine.ipynb").read_text() == "{}" and (
        copied / "depth.ipynb"
    ).read_text() == "no notebook at all"
    assert not (copied / "activations.ipynb").exists()
    assert working_copy.update(copied) == ["depth.ipynb", "memory.ipynb"], (
        "the second time as the first"
    )


@every_notebook
def test_a_notebook_taken_out_of_its_folder_can_say_so(path):
    """Whoever explains a missing folder has to be imported before what lies in it."""
    source = cells(path)[0].source
    helpers, folder = source.find("gradtrace.notebook import"), source.find("from drawings import")
    assert folder < 0 or 0 <= helpers < folder


def test_what_it_says_is_one_sentence_with_the_place(tmp_path):
    code = (
        "from IPython.core.interactiveshell import InteractiveShell; "
        f"InteractiveShell.instance().run_cell({cells(ROOT / 'notebooks' / 'gates.ipynb')[0].source!r})"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    ).stdout
    assert "needs the folder 'drawings' beside it" in said and "notebooks/drawings" in said, said
    assert "Traceback" not in said
