"""What other homes than JupyterLab and Sphinx are given."""

import re
import sys
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from ipywidgets.embed import embed_data

from explorable import explore
from explorable.nbconvert import STATE, VIEW, LiveFigures


def view(ax, gain):
    """A line through the origin."""
    ax.plot([0, 1], [0, gain])
    ax.set(xlim=(0, 1), ylim=(0, 2))


def figure():
    """A live figure of that view."""
    return explore(view, alt="a line", gain=np.linspace(0.5, 1.5, 5))


def test_nbconvert_gets_a_frame_in_place_of_each_view_and_leaves_other_outputs():
    live = figure()
    state = embed_data(views=[live], drop_defaults=False)["manager_state"]
    cell = nbformat.v4.new_code_cell("live")
    for data in ({VIEW: {"model_id": live.model_id}, "text/plain": "Explore"}, {"text/plain": "3"}):
        cell.outputs.append(nbformat.v4.new_output("display_data", data))
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {STATE: state}})
    written, _ = LiveFigures().preprocess(notebook, {})
    first, second = written.cells[0].outputs
    assert first.data["text/html"] == live.live.frame()
    assert VIEW not in first.data
    assert second.data == {"text/plain": "3"}


def test_marimo_shows_the_file_in_a_frame():
    live = figure()
    kind, text = live._mime_()
    assert kind == "text/html"
    assert re.match(r'<iframe srcdoc="&lt;!doctype html&gt;', text)
    assert 'title="a line"' in text


@pytest.mark.parametrize("inside", [False, True])
def test_the_figure_alone_brings_its_controls_in_marimo(monkeypatch, inside):
    module = SimpleNamespace(running_in_notebook=lambda: inside)
    monkeypatch.setitem(sys.modules, "marimo", module)
    assert figure().figure.own_controls is inside


def test_colab_is_told_of_the_widget_manager(monkeypatch):
    asked = []
    module = SimpleNamespace(
        enable_custom_widget_manager=lambda: asked.append(True),
        _widgets=SimpleNamespace(_installed_url="https://manager.example"),
    )
    monkeypatch.setitem(sys.modules, "google.colab.output", module)
    data, metadata = figure()._repr_mimebundle_()
    assert metadata[VIEW] == {
        "colab": {"custom_widget_manager": {"url": "https://manager.example"}}
    }
    assert metadata["image/png"] == {"alt": "a line"}
    assert data["image/png"].startswith(b"\x89PNG")
    assert asked
