"""A reader sees the first state while the others are drawn, and may stop; nobody else sees it."""

import gc
import time
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import pytest
from jupyter_client.manager import start_new_kernel

from explorable import explore, preview

DRAW = """
import time
import numpy as np
from explorable import Prediction, explore

def view(ax, k):
    time.sleep({wait})
    ax.plot([0, 1], [0, k])
    ax.set(xlim=(0, 1), ylim=(0, 20))

print("before")
figure = explore(view, alt="a line", k=range(8){more})
"""
VIEW = "application/vnd.jupyter.widget-view+json"
ASKED = ', predict=Prediction("Up?", ["yes", "no"], "yes")'


class Cell:
    """What a front end keeps of a cell: outputs in order, those with an id replaced."""

    def __init__(self):
        self.outputs, self.places, self.closed, self.displays, self.texts = [], {}, 0, 0, []

    def hear(self, message):
        kind, content = message["msg_type"], message["content"]
        self.closed += kind == "comm_close"
        if kind == "comm_msg":  # a widget is told something
            self.texts.append(str(content["data"].get("state", {}).get("value", "")))
        if kind == "update_display_data":
            self.outputs[self.places[content["transient"]["display_id"]]] = content["data"]
        elif kind in ("display_data", "execute_result"):
            self.displays += kind == "display_data"
            if "display_id" in content.get("transient", {}):
                self.places[content["transient"]["display_id"]] = len(self.outputs)
            self.outputs.append(content["data"])
        elif kind == "stream":
            self.outputs.append(content["text"])
        elif kind == "error":
            self.outputs.append(content)


@pytest.fixture(scope="module")
def run():
    """A function that runs a cell in a kernel, stopped after some seconds, and gives its `Cell`."""
    manager, client = start_new_kernel()

    def start(code, reader=True, stop=None):
        cell, began = Cell(), time.monotonic()
        stopped = []

        def hear(message):
            cell.hear(message)
            if stop and not stopped and stop(cell):
                stopped.append(manager.interrupt_kernel())

        client.execute_interactive(code, allow_stdin=reader, timeout=120, output_hook=hear)
        cell.seconds = time.monotonic() - began
        return cell

    yield start
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def code(wait=0.4, more="", after=""):
    return DRAW.format(wait=wait, more=more) + after


def test_the_figure_takes_the_place_of_the_first_state(run):
    before, shown = run(code(after="figure")).outputs
    assert before == "before\n"
    assert set(shown) == {"text/plain", "image/png", VIEW}
    assert shown["text/plain"] == "Explore(k: 8 values)"


@pytest.mark.parametrize("limits", ["union", "moving"])
def test_every_state_is_drawn_twice_where_limits_are_sought(run, limits):
    said = []

    def hear(cell):
        said.extend(text for text in cell.texts if " of 16 drawn" in text)

    cell = run(code(more=f', limits="{limits}"', after="figure"), stop=hear)
    assert said and cell.outputs[-1]["text/plain"] == "Explore(k: 8 values)"


def test_a_figure_that_is_shown_later_stands_where_it_is_shown(run):
    before, nothing = run(code()).outputs
    assert nothing == {}
    for _ in range(2):
        (shown,) = run("figure").outputs
        assert shown["text/plain"] == "Explore(k: 8 values)"


def test_what_takes_no_second_shows_nothing_before(run):
    hurry = "from explorable import preview; preview.WAIT = {}\n"
    cell = run(hurry.format(60) + code(wait=0, after="figure"))
    assert cell.outputs[-1]["text/plain"] == "Explore(k: 8 values)"
    assert len(cell.outputs) == 2 and cell.displays == 0
    run(hurry.format(preview.WAIT))


def test_without_a_reader_nothing_is_shown_before(run):
    cell = run(code(after="figure"), reader=False)
    assert len(cell.outputs) == 2 and cell.displays == cell.closed == 0


def test_a_view_that_raises_leaves_its_error_alone(run):
    cell = run(code().replace("[0, k]", "[0, 1 / (6 - k)]"))
    before, nothing, error = cell.outputs
    assert nothing == {} and "ZeroDivisionError at k=6" in error["evalue"]


def seen(cell):
    """Whether the first state is seen."""
    return cell.displays


TIDY = """
import gc, matplotlib, matplotlib.pyplot as plt
plt.figure(7)
now = lambda: (gc.isenabled(), dict(matplotlib.rcParams), plt.get_backend(), plt.gcf().number)
kept, figure = now(), None
try:
    {}
except KeyboardInterrupt:
    print(now() == kept and figure is None, plt.get_fignums())
    plt.close(7)
    raise
"""


def test_whoever_stops_keeps_the_first_state_and_one_sentence(run):
    draw = TIDY.format(code(wait=0.5, after="figure").replace("\n", "\n    "))
    cell = run(draw, stop=seen)
    before, picture, tidy, error = cell.outputs
    assert tidy == "True [7]\n"
    assert set(picture) == {"image/png", "text/plain"}
    assert picture["text/plain"] == "the first state of 'a line'"
    assert cell.closed >= 5, "the bar is gone"
    (sentence,) = error["traceback"]
    assert "\n" not in sentence and len(sentence) < 300
    assert sentence.startswith("explore: stopped after ")
    assert " of 8 drawings; the others would have taken about " in sentence
    assert sentence.endswith(
        "Run the cell again for all of them, or give k fewer than its 8 values, or split the"
        " figure, or draw less in the view."
    )


def test_a_question_about_the_first_state_keeps_it_hidden(run):
    cell = run(code(wait=0.5, more=ASKED), stop=seen)
    before, nothing, error = cell.outputs
    assert nothing == {}, "no picture that tells the answer"
    assert error["traceback"][0].startswith("explore: stopped after ")


def test_at_a_terminal_it_is_stopped_as_ever():
    def view(ax, k):
        if k == 3:
            raise KeyboardInterrupt
        ax.plot([0, 1], [0, k])
        ax.set(xlim=(0, 1), ylim=(0, 9))

    kept = plt.get_fignums(), dict(matplotlib.rcParams), gc.isenabled()
    with pytest.raises(KeyboardInterrupt) as stopped:
        explore(view, alt="a line", k=range(5))
    assert not isinstance(stopped.value, preview.Stopped)
    assert (plt.get_fignums(), dict(matplotlib.rcParams), gc.isenabled()) == kept


def test_drawings_are_counted_and_repetitions_are_not():
    sight, harvest = preview.Sight(None, "a line", None), SimpleNamespace(draws=3)
    said = []
    for _ in range(4):
        sight.drawn(harvest)
        said.append(sight.so_far().partition(",")[0])
    assert said == ["1 of 3 drawn", "2 of 3 drawn", "all drawn", "all drawn"]


def test_the_picture_is_as_wide_as_the_figure():
    def view(ax, k):
        ax.plot([0, k])
        ax.set(xlim=(0, 1), ylim=(0, 9))

    sight = preview.Sight(None, "a line", None)
    sight.png = explore(view, alt="a line", k=[1, 2], size=(4, 3)).figure.first
    assert sight.size()["width"] == "288px", "4 inches of 72 points"


@pytest.mark.parametrize("seconds, said", [(0.1, "1 s"), (41.6, "42 s"), (301, "5 min")])
def test_times_are_said_in_seconds_or_minutes(seconds, said):
    assert preview.span(seconds) == said
