"""The Sphinx extension: a dead widget is a warning, a live one needs nothing from another host."""

import base64
import json
import re
import subprocess
import sys

import pytest

from explorable.embed import Embedded

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
ESM = "export default { render({ el }) { el.textContent = '</script><!--'; } }"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'


def model(name, /, **state):
    """One saved model, as Jupyter writes it."""
    return {"model_name": name, "model_module": "m", "state": {"_model_name": name, **state}}


def link(source, target):
    """A saved link between two traits, each given as ``widget.trait``."""
    ends = [f"IPY_MODEL_{end}".split(".") for end in (source, target)]
    return model("LinkModel", source=ends[0], target=ends[1])


def live(esm=ESM, **more):
    """Saved state of a slider that moves an anywidget, with Jupyter's kind of ids."""
    figure = model("AnyModel", _esm=esm, svg=SVG, alt="a < b", at_gain=0, **more)
    data = base64.b64encode(b"\0\1").decode()
    figure["buffers"] = [{"path": ["data"], "data": data, "encoding": "base64"}]
    choices = {"description": "gain", "index": 0, "_options_labels": ["1", "2"]}
    return {
        "box": model("VBoxModel", children=["IPY_MODEL_slider", "IPY_MODEL_figure"]),
        "slider": model("SelectionSliderModel", **choices),
        "figure": figure,
        "link": link("slider.index", "figure.at_gain"),
        "hidden": model("OutputModel"),
    }


def embed(state, view="box"):
    """The HTML of one view, the page's state, and what is wrong with it."""
    page = Embedded(state)
    figure = page.figure(view)
    body = re.fullmatch(r"<script[^>]*>(.*)</script>", page.script(), re.DOTALL)[1]
    return figure, json.loads(body)["state"], page


def test_a_live_figure_has_no_problems():
    figure, state, page = embed(live())
    assert page.problems == []
    assert 'id="fig-1"' in figure
    names = sorted(m["model_name"] for m in state.values())
    assert names == ["AnyModel", "LinkModel", "SelectionSliderModel", "VBoxModel"]
    widget = next(m for m in state.values() if m["model_name"] == "AnyModel")
    assert page.modules[widget["state"]["_esm"]] == ESM
    assert widget["buffers"] == [{"path": ["data"], "data": "AAE="}]


def test_two_builds_give_the_same_page():
    again = {f"x{key}": value for key, value in live().items()}
    again = json.loads(re.sub(r"IPY_MODEL_", "IPY_MODEL_x", json.dumps(again)))
    assert embed(live())[:2] == embed(again, "xbox")[:2]


def test_first_frame_stands_once_on_the_page():
    figure, state, _ = embed(live())
    first = '<noscript data-model="m2"><div class="xp-first" role="img" aria-label="a &lt; b">'
    assert first + SVG in figure
    assert SVG not in json.dumps(state).replace('\\"', '"')


def test_a_named_figure_keeps_its_name():
    page = Embedded(live(name="Gain & depth"))
    assert 'id="gain-depth-2"' in page.figure("box", taken=["gain-depth"])


@pytest.mark.parametrize(
    "kind, change",
    [
        ("unknown", {"slider": model("FloatRangeSliderModel")}),
        ("esm", {"figure": model("AnyModel", _esm="")}),
        ("unlinked", {"link": link("slider.index", "gone.v")}),
    ],
)
def test_a_dead_widget_is_a_problem(kind, change):
    *_, page = embed(live() | change)
    assert [found for found, _ in page.problems].count(kind) == 1


def test_a_view_without_state_is_a_problem():
    page = Embedded({})
    assert page.figure("box") == ""
    assert [kind for kind, _ in page.problems] == ["missing"]


# ---- a whole book

CONFIG = """
title: Small
author: Nobody
only_build_toc_files: true
execute: {execute_notebooks: "off"}
sphinx: {extra_extensions: [explorable.sphinx]}
"""
TOC = "{format: jb-book, root: plain, chapters: [{file: live}, {file: dead}]}"
PLAIN = "# Plain\n\nNo figure, but $x^2$, and [a state](live.ipynb#fig-1?gain=2).\n"


def notebook(state, text):
    """A notebook whose only output is the view of the model ``box``."""
    output = {"output_type": "display_data", "metadata": {}, "data": {VIEW: {"model_id": "box"}}}
    code = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": 1,
        "source": "figure",
        "outputs": [output],
    }
    prose = {"cell_type": "markdown", "metadata": {}, "source": text}
    metadata = {
        "widgets": {STATE: {"state": state}},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
    }
    version = {"nbformat": 4, "nbformat_minor": 4}
    return json.dumps({"cells": [prose, code], "metadata": metadata, **version})


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Folder of a built book of three pages, and what the build said."""
    root = tmp_path_factory.mktemp("book")
    dead = live() | {"box": model("VBoxModel", children=["IPY_MODEL_hidden"])}
    files = {
        "_config.yml": CONFIG,
        "_toc.yml": TOC,
        "plain.md": PLAIN,
        "live.ipynb": notebook(live(), "# Live\n\n[gain 2](#fig-1?gain=2)"),
        "dead.ipynb": notebook(dead, "# Dead"),
    }
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    build = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", build, "build", str(root), "-n", "--keep-going"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return root / "_build" / "html", run.stderr


def test_only_the_dead_widget_is_warned_of(book):
    warnings = [line for line in book[1].splitlines() if "WARNING" in line]
    assert len(warnings) == 1, warnings
    assert "dead" in warnings[0]
    assert "OutputModel" in warnings[0]


def test_runtime_only_on_pages_with_figures(book):
    assert "explorable/page.js" in (book[0] / "live.html").read_text("utf-8")
    assert "explorable/page.js" not in (book[0] / "plain.html").read_text("utf-8")
    assert (book[0] / "_static/explorable/page.js").exists()


def test_links_to_states_survive(book):
    assert 'href="#fig-1?gain=2"' in (book[0] / "live.html").read_text("utf-8")
    assert 'href="live.html#fig-1?gain=2"' in (book[0] / "plain.html").read_text("utf-8")


def test_no_page_names_another_host(book):
    for page in book[0].glob("*.html"):
        # XML namespaces are names, not addresses
        html = page.read_text("utf-8").replace("http://www.w3.org/", "")
        tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", html)
        tags += re.findall(r"<script.*?</script>", html, re.S)
        assert not [tag for tag in tags if re.search(r"https?://|[\"']//", tag)], page.name


def test_only_the_needed_part_of_mathjax_is_copied(book):
    files = [path for path in (book[0] / "_static/mathjax").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2_100_000
    names = {path.name for path in files}
    assert {"tex-chtml.js", "MathJax_Main-Regular.woff", "boldsymbol.js"} <= names
    assert not {"tex-svg.js", "all-packages.js"} & names


def test_no_source_maps_are_shipped(book):
    assert not list(book[0].rglob("*.map"))
