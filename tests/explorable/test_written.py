"""Views as people write them, and arguments as in `interact`."""

import datetime
import functools

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets import fixed
from unpacked import unpacked

from explorable import codec, explore
from explorable.align import align
from explorable.desk import desk
from explorable.grid import Grid, View
from explorable.harvest import Harvest
from explorable.values import values_of


def line(k):
    plt.plot([0, k], [k, 0])
    plt.xlim(0, 9)
    plt.ylim(0, 9)


def spec(view, **how):
    """What the browser is told of a figure."""
    return unpacked(explore(view, alt="a view", **how).figure)


def names(harvest):
    """What the slots are called."""
    return [slot.name for slot in harvest.slots]


# ---- pyplot


def test_pyplot_draws_what_axes_draw():
    def on_axes(ax, k):
        ax.plot([0, k], [k, 0])
        ax.set(xlim=(0, 9), ylim=(0, 9))

    def on_its_own(k):
        fig, ax = plt.subplots(figsize=(4.25, 3), layout="constrained")
        on_axes(ax, k)
        plt.show()

    def returned(k):
        fig = plt.figure(figsize=(4.25, 3), layout="constrained")
        on_axes(fig.add_subplot(), k)
        plt.close(fig)
        return fig

    grid = Grid({"k": [1, 2, 3]})
    first, *others = (codec.pack(Harvest(v, grid).slots) for v in (on_axes, on_its_own, returned))
    assert others == [first, first]


def test_what_pyplot_adds_to_given_axes_is_not_lost():
    def view(ax, k):
        line(k)
        plt.title(f"title {k}")

    assert spec(view, k=[1, 2])["said"]["texts"] == ["title 1", "title 2"]


def test_pyplot_and_its_settings_are_left_as_found():
    mine, ax = plt.subplots()
    before = dict(matplotlib.rcParams)

    def view(k):
        plt.style.use("ggplot")
        plt.rcParams["font.size"] = 3 + k
        plt.figure()
        line(k)
        plt.show()

    explore(view, alt="a line", k=[1, 2])
    with pytest.raises(ValueError):
        explore(lambda k: plt.nonsense, alt="an error", k=[1, 2])
    assert plt.get_fignums() == [mine.number] and plt.gcf() is mine and plt.gca() is ax
    assert dict(matplotlib.rcParams) == before
    plt.close(mine)


def test_the_backend_comes_back_and_shows_nothing_meanwhile():
    shown = []
    backend = plt._get_backend_mod()
    with desk():
        plt.plot([1])
        plt.show()
        shown += plt.get_fignums()
    assert shown == [1] and plt._get_backend_mod() is backend and plt.get_fignums() == []


def test_what_a_view_prints_stands_under_the_figure():
    def view(k):
        line(k)
        print("k is", k)
        print("and twice is", 2 * k)

    printed = spec(view, k=[1, 2])["printed"]
    assert printed == {
        "texts": ["k is 1\nand twice is 2", "k is 2\nand twice is 4"],
        "of": [0, 1],
    }
    assert spec(lambda k: print(k), k=[1, 2])["printed"]["texts"] == ["1", "2"], "words alone do"


def test_a_dark_background_is_drawn_and_its_colours_stay():
    def view(k):
        with plt.style.context("dark_background"):
            line(k)

    dark = spec(view, k=[1, 2])
    assert "fill:#000000" in dark["styles"][0] and "--xp-" not in "".join(dark["styles"])
    assert "--xp-00" in "".join(spec(line, k=[1, 2])["styles"]), "on white paper greys follow"


def test_axes_in_space_are_drawn_as_matplotlib_projects_them():
    def view(angle):
        ax = plt.figure().add_subplot(projection="3d")
        ax.plot([0, 1], [0, 1], [0, 1])
        ax.view_init(azim=angle)

    (slot,) = Harvest(view, Grid({"angle": [0, 45]})).slots
    assert len(slot.frames) == 2


# ---- arguments


def given(**values):
    """Values and labels of one argument."""
    ((name, value),) = values.items()
    found = values_of(name, value)
    return found.values, found.labels, found.start


def test_ranges_as_in_interact():
    assert given(k=(0, 3)) == ([0, 1, 2, 3], ["0", "1", "2", "3"], 1)
    assert given(k=(0, 10, 5)) == ([0, 5, 10], ["0", "5", "10"], 1)
    assert given(k=(0.0, 0.3))[0] == [0.0, 0.1, 0.2, 0.3]
    assert given(k=(0, 1, 0.25))[0] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert given(k=2) == (list(range(-2, 7)), [str(i) for i in range(-2, 7)], 4)
    assert given(k=0)[0] == [0, 1]
    assert given(k=np.float64(-1.0))[0][::20] == [-3.0, -1.0, 1.0]


def test_values_of_any_kind_have_labels():
    f, g = np.sin, functools.partial(np.power, 2)
    assert given(k=[f, g, None]) == ([f, g, None], ["sin", "partial", "None"], 0)
    assert given(k={"one": 1, "many": [1, 2]}) == ([1, [1, 2]], ["one", "many"], 0)
    assert given(k=[("a", np.eye(2)), ("b", None)])[1] == ["a", "b"]
    assert given(k=[lambda: 1, lambda: 2])[1] == ["<lambda> 1", "<lambda> 2"]
    assert given(k=[np.eye(9), np.eye(8)])[1] == ["ndarray 1", "ndarray 2"]
    assert given(k=[datetime.date(2024, 2, 29)])[1] == ["2024-02-29"]
    assert given(k=[1, "a"])[1] == ["1", "a"]
    assert given(k=True) == ([False, True], ["no", "yes"], 1)
    assert given(k=fixed(3))[1] is given(k="text")[1] is None


WIDGETS = {
    "IntSlider": (ipywidgets.IntSlider(4, 2, 6, 2), ([2, 4, 6], ["2", "4", "6"], 1)),
    "FloatSlider": (ipywidgets.FloatSlider(1, min=0, max=1, step=0.5), ([0, 0.5, 1], None, 2)),
    "FloatLogSlider": (
        ipywidgets.FloatLogSlider(10, min=0, max=2, step=1),
        ([1, 10, 100], None, 1),
    ),
    "Dropdown": (ipywidgets.Dropdown(options=["a", "b"], value="b"), (["a", "b"], None, 1)),
    "RadioButtons": (ipywidgets.RadioButtons(options={"x": 1}), ([1], ["x"], 0)),
    "SelectionSlider": (ipywidgets.SelectionSlider(options=[("x", 7)]), ([7], ["x"], 0)),
    "Checkbox": (ipywidgets.Checkbox(True), ([False, True], ["no", "yes"], 1)),
    "BoundedIntText": (ipywidgets.BoundedIntText(1, min=0, max=2), ([0, 1, 2], None, 1)),
}


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_gives_its_values(name):
    widget, (values, labels, start) = WIDGETS[name]
    found = given(k=widget)
    assert (found[0], found[2]) == (values, start)
    assert labels is None or found[1] == labels


def test_a_default_is_where_a_parameter_starts():
    def view(k=3, kind="b", n=5):
        line(k)

    figure = explore(view, alt="a line", k=(0, 5), kind=["a", "b"]).figure
    assert (figure.at_k, figure.at_kind) == (3, 1)
    assert explore(view, alt="a line", k=(0, 5), start={"k": 0}).figure.at_k == 0


def test_a_default_may_say_which_values_there_are():
    slider = ipywidgets.IntSlider(2, 1, 3)

    def view(k=(0, 4), n=slider):
        line(k * n)

    assert repr(explore(view, alt="a line")) == "Explore(k: 5 values, n: 3 values)"


def test_constants_reach_the_view_and_have_no_control():
    seen = set()

    def view(k, matrix, word):
        seen.add((matrix, word))
        line(k)

    figure = explore(view, alt="a line", k=[1, 2], matrix=fixed(7), word="tanh")
    assert seen == {(7, "tanh")} and list(figure.controls) == ["k"]


def test_a_parameter_may_be_called_as_an_option_is():
    def view(ax, size, title):
        ax.plot([0, size], [0, 1], label=title)
        ax.set(xlim=(0, 9), ylim=(0, 1))

    how = {"size": (1, 3), "title": ["x", "y"]}
    figure = explore(view, alt="a line", **how, figure={"size": (6, 2), "title": "over it"})
    assert repr(figure) == "Explore(size: 3 values, title: 2 values)"
    assert figure.figure.title == "over it"
    assert figure.figure.spec["tiles"][0]["points"] == 6 * 72

    def by_pyplot(size):
        line(size)

    assert repr(explore(by_pyplot, alt="a line", size=(1, 3))) == "Explore(size: 3 values)"


def test_which_views_are_given_axes():
    def pyplot(k): ...
    def axes(ax, k): ...
    def named(ax=None, k=1): ...
    def starred(*axes, k): ...

    assert [View(v, {"k": [1]}).given for v in (pyplot, axes, named, starred)] == [0, 1, 1, 1]


# ---- limits


def growing(ax, k):
    ax.plot([0, 1], [0, k])


def ends(harvest):
    """Of every state, where the line ends, in points from the bottom."""
    (slot,) = [slot for slot in harvest.slots if slot.name.startswith("Line2D")]
    frames = [np.frombuffer(frame.coordinates, "<u2")[-1] for frame in slot.frames]
    return [int(frames[i]) for i in slot.index]


def test_limits_of_all_states():
    union = Harvest(growing, Grid({"k": [1, 2, 4]}), limits="union")
    low, middle, high = ends(union)
    assert low > middle > high, "y points down"
    assert low - middle == pytest.approx((middle - high) / 2, abs=2)
    assert all(len(slot.frames) == 1 for slot in union.slots if "Axis" in slot.name)


def test_limits_that_move():
    moving = Harvest(growing, Grid({"k": [1, 2, 4]}), limits="moving")
    assert len(set(ends(moving))) == 1
    (axis,) = [slot for slot in moving.slots if slot.name == "YAxis of panel 0"]
    assert len(axis.frames) == 3


def test_limits_that_hardly_differ_are_the_same():
    def view(ax, k):
        ax.plot([0, 1], [0, 1])
        ax.set(xlim=(0, 1), ylim=(0, 1 + 4e-7 * k))

    assert {len(slot.frames) for slot in Harvest(view, Grid({"k": [0, 1]})).slots} == {1}


def test_a_scale_may_change_where_axes_move():
    def view(ax, k):
        ax.plot([1, 10], [1, 10])
        ax.set(xlim=(1, 10), ylim=(1, 10), yscale=k)

    grid = Grid({"k": ["linear", "log"]})
    with pytest.raises(ValueError, match=r"expected the same scale .* Say limits=\"moving\""):
        Harvest(view, grid, limits="union")
    assert Harvest(view, grid, limits="moving").slots


def test_limits_of_the_start_are_those_that_count():
    """An axis that autoscaling would set is asked for its limits before it is drawn."""

    def bars(ax, k):
        ax.bar([0, 1], [1, 2], color=f"C{k}")

    assert Harvest(bars, Grid({"k": [0, 1, 2]})).slots


# ---- artists that come and go


def test_slots_hold_every_sequence_in_its_order():
    rng = np.random.default_rng(0)
    sequences = [tuple(rng.choice(list("abcd"), rng.integers(6))) for _ in range(50)]
    keys, places = align(sequences)
    for sequence in sequences:
        at = places[sequence]
        assert tuple(keys[i] for i in at) == sequence
        assert list(at) == sorted(set(at))
    assert align([]) == ([], {})


def test_what_is_not_there_is_not_drawn():
    def view(ax, k):
        for i in range(k):
            ax.plot([0, 1], [i, i])
        if k == 2:
            ax.legend(["one", "two"])
            ax.twinx()
        ax.set(xlim=(0, 1), ylim=(-1, 3))

    harvest = Harvest(view, Grid({"k": [0, 1, 2, 3]}))
    filled = {
        number: sum(bool(list(slot.frames)[slot.index[number]].shapes) for slot in harvest.slots)
        for number in range(4)
    }
    assert filled[1] == filled[0] + 1 and filled[3] == filled[0] + 3 and filled[2] > filled[3]
    assert "Legend" in names(harvest)[-12:] or any("Legend" in n for n in names(harvest))


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax, k: ax.bar([0, 1], [k, 1], hatch="//"),
        lambda ax, k: ax.plot([0, 1], [0, k], agg_filter=lambda image, dpi: (image, 0, 0)),
        lambda ax, k: ax.plot([0, 1], [0, k], sketch_params=2),
        lambda ax, k: ax.pcolormesh(np.eye(3) * k, shading="gouraud"),
        lambda ax, k: ax.pcolormesh(np.arange(31) ** 2.0, np.arange(31), np.eye(30) * k),
    ],
    ids=["hatch", "filter", "sketch", "gouraud", "uneven mesh"],
)
def test_what_is_no_shape_becomes_an_image(draw):
    def view(ax, k):
        draw(ax, k)
        ax.set(xlim=(0, 2), ylim=(0, 3))

    harvest = Harvest(view, Grid({"k": [1, 2]}))
    kinds = {shape[0] for slot in harvest.slots for frame in slot.frames for shape in frame.shapes}
    assert "i" in kinds


def test_a_mesh_with_edges_is_cells():
    def view(ax, k):
        ax.pcolormesh(np.eye(3) * k, edgecolors="w")
        ax.set(xlim=(0, 3), ylim=(0, 3))

    (mesh,) = [s for s in Harvest(view, Grid({"k": [1, 2]})).slots if s.name.startswith("QuadMesh")]
    assert [shape[0] for frame in mesh.frames for shape in frame.shapes] == ["p"] * 9 * len(
        mesh.frames
    )
