"""What authors of courses write the first day: it works, or one sentence says what to write."""

import itertools
import logging
import re
from fractions import Fraction

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas
import pytest
from IPython.display import clear_output
from matplotlib import rcParams
from unpacked import unpacked

from explorable import explore
from explorable.grid import Grid
from explorable.harvest import Harvest
from explorable.values import values_of


def line(k=None, **others):
    plt.plot([0, 1], [0, 1])


def explored(view, /, **how):
    """A figure of a view."""
    return explore(view, alt="a view", **how)


def printed(view, /, **how):
    """What stands under a figure, in every state."""
    told = unpacked(explored(view, **how).figure)["printed"]
    return [told["texts"][i] for i in told["of"]] or told["texts"]


# ---- how many values there are is known before they are listed


MANY = {
    "a range": range(10**9),
    "a range past all counting": range(10**30),
    "whole numbers": (0, 10**9),
    "numbers": (0.0, 1e9),
    "a tiny step": (0, 1, 1e-300),
    "an iterator without end": itertools.count(),
    "an array": np.broadcast_to(0.5, 10**9),
    "a number": 10**9,
    "IntSlider": ipywidgets.IntSlider(min=0, max=10**9),
    "FloatSlider": ipywidgets.FloatSlider(min=0, max=1, step=1e-12),
    "FloatLogSlider": ipywidgets.FloatLogSlider(min=0, max=1, step=1e-12),
    "BoundedIntText": ipywidgets.BoundedIntText(min=0, max=10**9),
}


@pytest.mark.parametrize("name", MANY)
def test_too_many_values_are_counted_before_they_are_listed(name):
    with pytest.raises(
        ValueError, match=r"k: expected at most 100000 values, got .*; give k fewer"
    ):
        values_of("k", MANY[name])


@pytest.mark.parametrize(
    ("given", "count"), [((0, 1e5, 0.7), "142858"), (range(10**6), "1000000"), ((0, 1e12), "1e+13")]
)
def test_how_many_values_there_are_is_a_whole_number(given, count):
    with pytest.raises(ValueError, match=re.escape(f"got {count}; give k fewer")):
        values_of("k", given)


def test_states_are_counted_before_they_are_listed():
    with pytest.raises(ValueError, match=r" 100000000 states, expected .*: give each at most 316"):
        Grid({"a": range(10**4), "b": range(10**4), "c": [1]})
    with pytest.raises(ValueError, match=r" 200000 states, expected .*: give a fewer than its"):
        Grid({"a": range(10**5), "b": range(2)})


def test_numbers_that_no_float_holds_are_refused():
    for given in ((0, 10**400), [1, 10**400]):
        with pytest.raises(ValueError, match=r"^k: expected"):
            values_of("k", given)


# ---- values of any kind


TABLE = pandas.DataFrame({"a": [1, 2]})
VALUES = {
    "tables": [TABLE, 2 * TABLE],
    "series": [TABLE.a, 2 * TABLE.a],
    "arrays": [np.eye(2), np.ones(2)],
    "lists with arrays": [[1, np.eye(2)], [2, np.eye(3)]],
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("labelled", [False, True])
def test_tables_and_arrays_are_values(name, labelled):
    first, second = VALUES[name]
    seen = []

    def view(k=second):
        seen.append(k)
        line()

    figure = explored(view, k={"x": first, "y": second} if labelled else [first, second])
    assert {id(k) for k in seen} == {id(first), id(second)}
    assert figure.figure.at_k == 1, "it starts with the default of the view"
    assert figure.controls["k"].value is second
    assert explored(view, k=[first, second], start={"k": first}).figure.at_k == 0


def test_a_table_alone_could_mean_several_things():
    with pytest.raises(ValueError, match=r"k: expected a list or 1-d array .* fixed\(...\)"):
        values_of("k", TABLE)


@pytest.mark.parametrize(
    ("given", "values", "start"),
    [
        ([Fraction(1, 2), Fraction(1, 3)], [Fraction(1, 2), Fraction(1, 3)], 0),
        ([Fraction(1, 2)], [Fraction(1, 2)], 0),
        (np.array(2), list(range(-2, 7)), 4),
        ([np.array(2.0), np.array(1.0)], [2.0, 1.0], 0),
        (np.bool_(True), [False, True], 1),
        ((np.int64(0), np.int64(2)), [0, 1, 2], 1),
        ([np.str_("a"), np.str_("b")], ["a", "b"], 0),
        (["a", [1, 2], 3], ["a", [1, 2], 3], 0),
        (ipywidgets.Combobox(options=["a", "b"], value="b"), ["a", "b"], 1),
        (ipywidgets.Combobox(options=["a", "b"], value="none of them"), ["a", "b"], 0),
        (ipywidgets.IntSlider(min=3, max=3), [3], 0),
        (ipywidgets.FloatSlider(value=3, min=3, max=3), [3.0], 0),
        (ipywidgets.FloatLogSlider(value=10, min=1, max=1), [10.0], 0),
        (ipywidgets.Dropdown(options=["a", "b"], value=None), ["a", "b"], 0),
        (np.array(["2024-01-01"], "datetime64[ns]"), [np.datetime64("2024-01-01", "ns")], 0),
    ],
    ids=str,
)
def test_scalars_and_widgets(given, values, start):
    found = values_of("k", given)
    assert (found.values, found.start) == (values, start)
    assert len(found.labels) == len(values)


def test_a_lone_fraction_is_a_number():
    found = values_of("k", Fraction(1, 2))
    assert (found.values[0], found.values[found.start], found.values[-1]) == (-0.5, 0.5, 1.5)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (np.ma.array([1, 2], mask=[0, 1]), "--"),
        (np.array(["2024-01-01", "NaT"], "datetime64[D]"), "NaT"),
        ([pandas.Timestamp("2024-01-01"), pandas.NaT], "NaT"),
        ([1, pandas.NA], "<NA>"),
    ],
    ids=str,
)
def test_what_is_missing_is_no_value(given, what):
    with pytest.raises(ValueError, match=f"k: expected values, got {what} at position 1; leave"):
        values_of("k", given)


def test_what_play_may_name():
    with pytest.raises(ValueError, match=r"play: expected one of \['k'\], got \['k'\]"):
        explored(line, k=[1, 2], play=["k"])
    assert explored(line, k=True, play="k").figure.spec["play"] == 0


# ---- what a view takes and returns


def test_parameters_without_a_name_get_their_values():
    def view(k, m=5, /, *, n):
        line()
        print(k, m, n)

    assert printed(view, k=[1, 2], n=[3]) == ["1 5 3", "2 5 3"]


def test_parameters_may_be_called_view_and_figure():
    def view(view, figure):
        line()
        print(view, figure)

    assert printed(view, view=[1, 2], figure=[3]) == ["1 3", "2 3"]
    assert repr(explore(view=line, alt="by its name", k=[1, 2])) == "Explore(k: 2 values)"


def test_a_view_that_takes_anything_names_what_options_are_called():
    def view(**others):
        line()
        print(others["size"])

    for more in ({}, {"k": [1, 2]}):
        with pytest.raises(ValueError, match=r"def view\(size, \*\*others\)"):
            explored(view, size=(1, 3), **more)


def waiting(k):
    line()
    yield k


async def later(k):
    line()


@pytest.mark.parametrize(
    ("view", "word"),
    [(waiting, "yield"), (later, "async def"), (lambda k: (x for x in "ab"), "yield")],
    ids=["yield", "async", "generator"],
)
def test_views_that_wait_to_be_run_are_refused(view, word):
    with pytest.raises(TypeError, match=rf"^view: expected a function that .* with {word}; write"):
        explored(view, k=[1, 2])


def test_what_a_view_returns_stands_under_the_figure():
    assert printed(lambda k: k**2, k=[2, 3]) == ["4", "9"], "as under interact"

    def both(k):
        line()
        print("printed")
        return {"k": k}

    assert printed(both, k=[2]) == ["printed\n{'k': 2}"]
    assert printed(lambda k: line() or object(), k=[2]) == ["object"], "an address says nothing"


def test_what_is_cleared_is_not_told():
    """Many views under interact begin or end with `clear_output`."""

    def view(k):
        print("gone")
        clear_output()
        print(k)
        clear_output(wait=True)
        line()

    assert printed(view, k=[1, 2]) == ["1", "2"]


DRAWN = {
    "axes": lambda: plt.gca(),
    "artists": lambda: plt.plot([0, 1]),
    "a histogram": lambda: plt.hist([1, 2, 3]),
    "boxes": lambda: plt.boxplot([1, 2, 3]),
    "bars": lambda: plt.bar([1], [2]),
    "figure and axes": lambda: plt.subplots(2, 2),
    "a colour bar": lambda: plt.colorbar(plt.imshow(np.eye(2))),
    "pandas": lambda: TABLE.plot(),
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_a_view_has_drawn_is_not_told(name):
    def view(k):
        return DRAWN[name](), line()

    assert printed(view, k=[1, 2]) == [""]


# ---- what a view does to its figure and to matplotlib


def test_a_view_may_choose_a_backend_and_it_comes_back():
    module, before = plt._get_backend_mod(), rcParams._get("backend")

    def view(k):
        matplotlib.use("svg")
        plt.switch_backend("pdf")
        line()

    assert Harvest(view, Grid({"k": [1, 2]})).slots
    assert rcParams._get("backend") == before and plt._get_backend_mod() is module


def cleared(ax, k):
    ax.plot([0, 1], [0, 5])
    plt.clf()
    plt.plot([0, 1], [0, k])
    plt.ylim(0, 3)


def cleared_later(ax, k):
    ax.plot([0, 1], [0, k])
    ax.set_ylim(0, 3)
    if k == 2:
        cleared(ax, k)


def removed(ax, k):
    ax.remove()
    plt.axes((0.1, 0.1, 0.5, 0.5)).plot([0, 1], [0, k])
    plt.ylim(0, 3)


@pytest.mark.parametrize("view", [cleared, cleared_later, removed], ids=lambda v: v.__name__)
def test_a_view_may_clear_the_figure_that_it_is_given(view):
    result = Harvest(view, Grid({"k": [1, 2, 3]}), limits="union")
    lines = [slot for slot in result.slots if slot.name.startswith("Line2D")]
    found = [list(slot.frames)[i] for slot in lines for i in slot.index]
    assert len({frame for frame in found if frame.shapes}) == 3
    assert sum(bool(frame.shapes) for frame in found) == 3


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_figures_within_a_figure(layout):
    """Their artists are slots of their own, and they stand where a layout puts them."""

    def view(k):
        fig = plt.figure(layout=layout)
        left, right = fig.subfigures(1, 2, width_ratios=[1, 2])
        left.subplots().plot([0, 1], [0, k])
        for ax in right.subplots(2, 1):
            ax.plot([0, 1])
        left.suptitle(f"left {k}")
        right.supylabel("both")

    result = Harvest(view, Grid({"k": [1, 2, 3]}), limits="union")
    moving = [slot.name for slot in result.slots if len(slot.frames) > 1]
    assert moving == ["Line2D number 0", "Text 'left 1'"]
    assert result.titles == ["left 1", "left 2", "left 3"]
    with result.drawn(2) as (fig, _):
        boxes = np.array([ax.bbox.extents for ax in fig.axes]) / [*fig.bbox.size, *fig.bbox.size]
    assert (boxes[0, [0, 2]] < 0.34).all() and (boxes[1:, [0, 2]] > 0.34).all()


def test_a_missing_font_is_told_once(caplog):
    def view(k):
        plt.rcParams["font.family"] = ["no such font", "DejaVu Sans"]
        line()
        plt.title("words")

    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    explored(view, k=range(4))
    assert [m for m in caplog.messages if "no such font" in m] == [
        "findfont: Font family 'no such font' not found."
    ]


@pytest.mark.parametrize("limits", ["fixed", "union", "moving"])
def test_categories_of_each_state_are_named_in_their_order(limits):
    orders = [["pear", "fig"], ["fig", "pear"], ["plum", "pear"]]

    def view(k):
        plt.bar(orders[k], [1, 2])

    result = Harvest(view, Grid({"k": [0, 1, 2]}), limits=limits)
    (axis,) = [slot for slot in result.slots if slot.name == "XAxis of panel 0"]
    assert len(axis.frames) == 3
    for number, names in enumerate(orders):
        with result.drawn(number) as (fig, _):
            fig.draw_without_rendering()
            assert [text.get_text() for text in fig.axes[0].get_xticklabels()] == names


def test_saving_into_a_folder_that_is_not_there(tmp_path):
    figure = explored(line, k=[1, 2])
    message = r"^path: expected a file in a folder that exists, got .*; make the folder first"
    with pytest.raises(FileNotFoundError, match=message):
        figure.save(tmp_path / "none" / "figure.html")
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none"))):
        figure.save(str(tmp_path / "none" / "figure.html"))
