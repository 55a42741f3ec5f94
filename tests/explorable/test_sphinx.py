"""The Sphinx extension: a dead widget is a warning, a live one needs nothing from another host."""

import json
import re
import subprocess
import sys

import ipywidgets
import pytest
from ipywidgets.embed import embed_data

from explorable import explore
from explorable.embed import Embedded

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def saved(widget):
    """The state that Jupyter saves of a widget, and the id of its view."""
    data = embed_data(views=[widget], state=ipywidgets.Widget.get_manager_state()["state"])
    return data["manager_state"]["state"], data["view_specs"][0]["model_id"]


def figure(**how):
    """A small live figure."""

    def view(ax, gain):
        ax.plot([0, 1], [0, gain])
        ax.set(xlim=(0, 1), ylim=(0, 3))

    return explore(view, alt="a < b", gain=[1, 2], **how)


def place(live):
    """Addresses of a figure's files."""
    return f"{live.digest}.js", f"{live.digest}.png"


def embedded(widget, **how):
    """The HTML of a widget, and the page that it stands on."""
    state, view = saved(widget)
    page = Embedded(state)
    return page.figure(view, place, **how), page


def test_a_figure_is_on_the_page_as_it_is_in_the_kernel():
    explored = figure(anchor="powers")
    html, page = embedded(explored)
    assert page.problems == [] and 'id="powers"' in html and "a &lt; b" in html
    assert page.figures["powers"].traits == explored.live.traits
    assert page.figures["powers"].data == explored.live.data
    assert page.figures["powers"].first == explored.live.first


def test_two_builds_give_the_same_page():
    assert embedded(figure())[0] == embedded(figure())[0]


def test_the_figure_alone_and_figures_in_boxes_are_found():
    first, second = figure(anchor="powers"), figure()
    html, page = embedded(ipywidgets.HBox([first, ipywidgets.VBox([second.figure])]))
    assert list(page.figures) == ["powers", "fig-2"] and page.problems == []
    assert html.count('class="xp-live"') == 2


def test_a_name_that_is_taken_gets_a_number():
    html, _ = embedded(figure(anchor="powers"), taken={"powers"})
    assert 'id="powers-2"' in html


def test_what_would_be_dead_is_a_problem():
    _, page = embedded(ipywidgets.HBox([figure(), ipywidgets.FloatRangeSlider()]))
    assert [kind for kind, _ in page.problems] == ["unknown"]
    assert "FloatRangeSliderModel" in page.problems[0][1]


def test_a_figure_of_another_version_is_a_problem():
    explored = figure()
    explored.figure.spec = explored.figure.spec | {"format": 1}
    html, page = embedded(explored)
    assert html == "" and [kind for kind, _ in page.problems] == ["format"]


def test_a_view_without_state_is_a_problem():
    page = Embedded({})
    assert page.figure("gone", place) == ""
    assert [kind for kind, _ in page.problems] == ["missing"]


# ---- a whole book

CONFIG = """
title: Small
author: Nobody
only_build_toc_files: true
execute: {execute_notebooks: "off"}
sphinx: {extra_extensions: [explorable.sphinx]}
"""
PAGES = ["part/live", "dead", "other", "part/named"]
TOC = json.dumps({"format": "jb-book", "root": "plain", "chapters": [{"file": p} for p in PAGES]})
OTHER = """# Another page

```{live-figure} part/named.ipynb#powers
:play:
```

```{live-figure} part/named.ipynb#gone
```
"""
PLAIN = "# Plain\n\nNo figure, but $x^2$, and [a state](part/live.ipynb#fig-1?gain=2).\n"


def notebook(widget, text):
    """A notebook whose only output is the view of a widget."""
    state, view = saved(widget)
    output = {"output_type": "display_data", "metadata": {}, "data": {VIEW: {"model_id": view}}}
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
    files = {
        "_config.yml": CONFIG,
        "_toc.yml": TOC,
        "plain.md": PLAIN,
        "part/live.ipynb": notebook(figure(), "# Live\n\n[gain 2](#fig-1?gain=2)"),
        "dead.ipynb": notebook(ipywidgets.Output(), "# Dead"),
        "other.md": OTHER,
        "part/named.ipynb": notebook(figure(anchor="powers"), "# Named"),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    build = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", build, "build", str(root), "-n", "--keep-going"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return root / "_build" / "html", run.stderr


def test_only_the_dead_widget_is_warned_of(book):
    warnings = [line for line in book[1].splitlines() if "WARNING" in line]
    assert len(warnings) == 2, warnings
    assert "dead" in warnings[0]
    assert "OutputModel" in warnings[0]
    assert "other.md:7: WARNING: no figure 'gone' on the page part/named" in warnings[1]


def test_a_page_shows_a_figure_of_another(book):
    there = (book[0] / "part/named.html").read_text("utf-8")
    here = (book[0] / "other.html").read_text("utf-8")
    (digest,) = re.findall(r'data-figure="([^"]+)"', there)
    assert f'id="powers" data-figure="{digest}" data-src="./_static' in here
    assert "data-play" in here and "data-play" not in there
    assert "explorable/explorable.js" in here
    assert "widget-state" not in here + there, "what the kernel saved is on no page"


def test_the_runtime_is_only_on_pages_with_figures(book):
    assert "explorable/explorable.js" in (book[0] / "part/live.html").read_text("utf-8")
    assert "explorable/explorable.js" not in (book[0] / "plain.html").read_text("utf-8")
    assert (book[0] / "_static/explorable/explorable.js").exists()


def test_a_page_names_the_files_of_its_figures(book):
    html = (book[0] / "part/live.html").read_text("utf-8")
    for address in re.findall(r'(?:data-src|src)="([^"]*/[0-9a-f]{12}\.(?:js|png))"', html):
        assert (book[0] / "part" / address).exists(), address
    assert len(re.findall(r"[0-9a-f]{12}\.(?:js|png)", html)) == 2


def test_links_to_states_survive(book):
    assert 'href="#fig-1?gain=2"' in (book[0] / "part/live.html").read_text("utf-8")
    assert 'href="part/live.html#fig-1?gain=2"' in (book[0] / "plain.html").read_text("utf-8")


def test_no_page_names_another_host(book):
    for page in book[0].rglob("*.html"):
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
