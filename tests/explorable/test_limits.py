"""Limits, colour bars and labels: what all states share, and what stands clear of the ticks."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.text import Text

from explorable.grid import Grid
from explorable.harvest import Harvest

SIZES = [0, 3, 6]  # of numbers: their labels take one digit to seven


def plain_ticks(fig):
    """Let no axis shorten its labels."""
    for ax in fig.axes:
        ax.ticklabel_format(style="plain")


def on_axes(ax, k):
    ax.plot([0, 1], [0, 10.0**k])
    ax.set(xlabel="x", ylabel="height")
    plain_ticks(ax.figure)


def by_pyplot(k):
    on_axes(plt.gca(), k)


def tight(k):
    by_pyplot(k)
    plt.tight_layout()


def columns(k):
    fig, axes = plt.subplots(1, 2, layout="constrained")
    for ax in axes:
        on_axes(ax, k)
    right = axes[1].twinx()
    right.plot([0, 1], [0, 10.0**k])
    right.set_ylabel("right")
    plain_ticks(fig)


def aligned(k):
    fig, axes = plt.subplots(2, 1, layout="constrained")
    on_axes(axes[0], k)
    on_axes(axes[1], 0)
    axes[0].set_xlabel("")
    fig.align_ylabels()


def beside_a_bar(k):
    fig, ax = plt.subplots(layout="constrained")
    shown = ax.imshow(10.0**k * np.eye(3))
    ax.set(ylabel="row")
    fig.colorbar(shown, format="%.0f", label="how much")


PLACED = [on_axes, tight, columns, aligned, beside_a_bar]


def labels(result, fig, number):
    """Of each axis label that is drawn, its box and those of the ticks of its axis.

    The label stands where the harvest puts it, be the axis drawn or looked up.
    """
    recorder = result.recorder
    list(result.parts(fig, number))
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if axis.label.get_text():
                label = axis.label.get_window_extent(recorder)
                ticks = [t.label1 for t in axis.get_major_ticks()]
                ticks += [t.label2 for t in axis.get_major_ticks()]
                shown = [t.get_window_extent(recorder) for t in ticks if t.get_visible()]
                yield (
                    (fig.axes.index(ax), axis.axis_name),
                    label,
                    [box for box in shown if box.width],
                )


@pytest.mark.parametrize("limits", ["union", "moving"])
@pytest.mark.parametrize("view", [*PLACED, by_pyplot], ids=lambda view: view.__name__)
def test_labels_stand_clear_of_the_ticks_in_every_state(view, limits):
    """They did not where an axis was looked up: the picture was refused as random."""
    result = Harvest(view, Grid({"k": SIZES}), limits=limits)
    places = {}
    for number in (2, 0, 1, 1, 0, 2):
        with result.drawn(number) as (fig, _):
            for name, label, ticks in labels(result, fig, number):
                assert not any(label.overlaps(tick) for tick in ticks), (name, number)
                here = places.setdefault((*name, number), label)
                assert label.bounds == pytest.approx(here.bounds, abs=0.01)
                if view in PLACED:
                    x0, y0, x1, y1 = label.extents
                    assert min(x0, y0) > -1 and x1 < fig.bbox.width + 1, (name, number)


@pytest.mark.parametrize("limits", ["fixed", "union", "moving"])
def test_labels_do_not_depend_on_the_order_of_the_states(limits):
    def view(ax, k):
        on_axes(ax, k)
        ax.set(ylim=(0, 10), yticks=[5], yticklabels=[k * "wide "])

    orders = ([0, 1, 2], [2, 1, 0])
    grid = Grid({"k": [1, 3, 5]})
    one, other = (
        [
            list(slot.frames)[i]
            for slot in Harvest(view, grid, limits=limits, order=o).slots
            for i in slot.index
        ]
        for o in orders
    )
    assert one == other


WORDS = ["a", "longer", "the longest"]


def names(ax, k):
    ax.barh(["x", WORDS[k]], [1, 2])
    ax.set(xlim=(0, 2), ylim=(-0.6, 1.6), ylabel="who", xlabel=WORDS[k])


def turned(ax, k):
    ax.bar(["x", WORDS[k]], [1, 2])
    ax.set(ylim=(0, 2), xlim=(-0.6, 1.6), xlabel="who")
    ax.tick_params(axis="x", rotation=70)


def titled(ax, k):
    ax.plot([0, 1])
    ax.set(xlim=(0, 1), ylim=(0, 1), title="\n".join(WORDS[:k]), ylabel="\n".join(WORDS[: k + 1]))


def both(axes, k):
    names(axes[0], k)
    titled(axes[1], k)


FIXED = [(names, (1, 1)), (turned, (1, 1)), (titled, (1, 1)), (both, (1, 2))]


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize(("view", "panels"), FIXED, ids=lambda case: getattr(case, "__name__", ""))
def test_with_fixed_limits_the_widest_labels_fit_in_every_state(view, panels, start):
    """Where the layout is that of a state with short ones, they were cut off."""
    result = Harvest(view, Grid({"k": range(3)}), panels=panels, start=start)
    assert result.draws == (6 if start == 0 else 3), "drawn again only where it was too narrow"
    boxes = set()
    for number in range(3):
        with result.drawn(number) as (fig, _):
            list(result.parts(fig, number, ticks=True))
            boxes.add(tuple(tuple(ax.get_position().bounds) for ax in fig.axes))
            for ax in fig.axes:
                texts = [*ax.get_xticklabels(), *ax.get_yticklabels()]
                texts += [ax.xaxis.label, ax.yaxis.label, ax.title]
                for text in filter(Text.get_text, texts):
                    x0, y0, x1, y1 = text.get_window_extent(result.recorder).extents
                    inside = min(x0, y0) > -1 and x1 < fig.bbox.x1 + 1 and y1 < fig.bbox.y1 + 1
                    assert inside, (number, text)
    assert len(boxes) == 1, "the axes stand still"


@pytest.mark.parametrize("limits", ["fixed", "moving"])
def test_labels_in_the_room_that_an_aspect_leaves_take_no_other(limits):
    """A square in a wide figure has room beside it for long labels."""

    def square(ax, k):
        ax.imshow(np.eye(3), vmin=0, vmax=1)
        ax.set_yticks([1], [WORDS[k]])

    boxes = []
    for values in ([0], [0, 1, 2]):
        result = Harvest(square, Grid({"k": values}), limits=limits, size=(6, 2))
        with result.drawn(0) as (fig, _):
            list(result.parts(fig, 0))
            boxes.append(fig.axes[0].bbox.extents)
    assert boxes[0] == pytest.approx(boxes[1], abs=0.5)


SINGLE_TICKS = {
    "label colour": lambda ax, k: ax.get_xticklabels()[k].set_color("red"),
    "label size": lambda ax, k: ax.get_xticklabels()[k].set_fontsize(14),
    "label weight": lambda ax, k: ax.get_xticklabels()[k].set_fontweight("bold"),
    "label shown": lambda ax, k: ax.get_xticklabels()[k].set_visible(False),
    "line": lambda ax, k: ax.get_xticklines()[2 * k].set_markersize(9),
    "grid": lambda ax, k: ax.get_xgridlines()[k].set(visible=True, color="red"),
}


@pytest.mark.parametrize("change", SINGLE_TICKS)
def test_a_single_tick_may_look_otherwise_in_every_state(change):
    def view(ax, k):
        ax.plot([0, 3], [0, 1])
        ax.set(xlim=(0, 3), ylim=(0, 1), xticks=[0, 1, 2, 3])
        SINGLE_TICKS[change](ax, k)

    slots = Harvest(view, Grid({"k": range(4)})).slots
    (axis,) = [slot for slot in slots if slot.name == "XAxis of panel 0"]
    assert len(axis.frames) == 4


def test_with_fixed_limits_nothing_is_drawn_again_for_labels_of_one_size():
    def view(ax, k):
        ax.plot([0, 1], [0, k])
        ax.set(xlim=(0, 1), ylim=(0, 9), title=f"k {k}", xlabel=f"step {k}")

    assert Harvest(view, Grid({"k": range(9)})).draws == 9


def test_an_order_may_be_an_iterator():
    grid = Grid({"k": SIZES})
    slots = Harvest(by_pyplot, grid, limits="union", order=iter([2, 1, 0])).slots
    assert all(len(slot.frames) > 0 for slot in slots)


def test_panels_in_a_column_stay_in_line():
    result = Harvest(on_axes_of_four, Grid({"k": SIZES}), panels=(2, 2), limits="moving")
    with result.drawn(0) as (fig, _):
        boxes = np.array([ax.get_position().extents for ax in fig.axes])
    assert boxes[0, [0, 2]] == pytest.approx(boxes[2, [0, 2]])
    assert boxes[0, [1, 3]] == pytest.approx(boxes[1, [1, 3]])


def on_axes_of_four(axes, k):
    for i, ax in enumerate(axes):
        on_axes(ax, k if i == 2 else 0)


def test_axes_without_a_layout_stand_where_the_view_puts_them():
    def view(k):
        plt.axes((0.1, 0.1, 0.3, 0.3)).plot([0, 1])
        plt.axes((k, 0.5, 0.2, 0.2)).plot([0, 1])

    result = Harvest(view, Grid({"k": [0.1, 0.7]}))
    for number, k in enumerate([0.1, 0.7]):
        with result.drawn(number) as (fig, _):
            assert fig.axes[1].get_position().x0 == k


def test_a_label_of_a_hidden_axis_is_not_drawn():
    def view(ax, k):
        on_axes(ax, k)
        ax.xaxis.set_visible(False)

    slots = Harvest(view, Grid({"k": [0, 1]}), limits="union").slots
    drawn = [slot.name for slot in slots if any(frame.shapes for frame in slot.frames)]
    assert "Text 'height'" in drawn and "Text 'x'" not in drawn


def test_spines_that_move_take_their_ticks_along():
    def view(ax, k):
        ax.plot([-1, 1], [-1, 1])
        ax.set(xlim=(-1, 1), ylim=(-1, 1))
        ax.spines["left"].set_position(("data", k))

    slots = Harvest(view, Grid({"k": [-0.5, 0.0, 0.5]})).slots
    (axis,) = [slot for slot in slots if slot.name == "YAxis of panel 0"]
    assert len(axis.frames) == 3


# ---- what a refusal says


def refused(view, values, **how):
    """What is said of a view that changes from value to value."""
    with pytest.raises(ValueError) as refusal:
        Harvest(view, Grid({"k": values}), **how)
    return str(refusal.value)


DIGITS = {
    "three are enough": ([1 / 3, 2 / 3], r"got (0, 0.333) at k=0.333 and (0, 0.667) at k=0.667."),
    "three are not": (
        [100 / 3, 100 / 3 + 0.005],
        r"got (0, 33.33) at k=33.33 and (0, 33.34) at k=33.34.",
    ),
    "large ones": ([12345.678, 2e7], r"got (0, 12300) at k=1.23e+04 and (0, 2e+07) at k=2e+07."),
}


@pytest.mark.parametrize("case", DIGITS)
def test_a_refusal_has_as_few_digits_as_tell_limits_apart(case):
    def view(ax, k):
        ax.plot([0, 1], [0, 1])
        ax.set_ylim(0, k)

    values, said = DIGITS[case]
    assert said in refused(view, values)


def test_a_refusal_says_scales_and_sizes_in_few_digits_too():
    def scaled(ax, k):
        ax.set_yscale("symlog", linthresh=k)

    said = "(symlog, (base, 10), (linscale, 1), (linthresh, {})) at k={}"
    first, second = said.format(0.333, 0.333), said.format(0.667, 0.667)
    assert f"got {first} and {second}. Say" in refused(scaled, [1 / 3, 2 / 3], limits="union")

    def grows(k):
        plt.figure(figsize=(4, k)).add_subplot().plot([0, 1])

    grown = "got (4, 1.33) inches at the start and (4, 1.67) at k=1.67"
    assert refused(grows, [4 / 3, 5 / 3]).endswith(grown)


# ---- which axes are the same


def test_axes_that_the_opening_state_lacks_have_limits_too():
    def view(k):
        fig, axes = plt.subplots(1, 2)
        axes[0].set_ylim(0, 1)
        axes[1].set_ylim(0, k)
        if k == 1:
            axes[1].remove()

    message = r"YAxis of panel 1: .* got \(0, 2\) at k=2 and \(0, 3\) at k=3"
    with pytest.raises(ValueError, match=message):
        Harvest(view, Grid({"k": [1, 2, 3]}))


def test_twins_are_told_apart_when_one_is_missing():
    def view(k):
        left = plt.gca()
        left.plot([0, 1], [0, 1])
        if k:
            left.twinx().plot([0, 1], [0, 1000])
        left.twiny().plot([0, 50], [0, 1])

    for limits in ("fixed", "union"):
        result = Harvest(view, Grid({"k": [1, 0]}), limits=limits)
        with result.drawn(1) as (fig, _):
            assert fig.axes[1].get_xlim()[1] == pytest.approx(52.5)
            assert fig.axes[1].get_ylim()[1] < 2


def test_axes_that_come_and_go_share_limits_where_they_are():
    def view(k):
        axes = plt.subplots(1, 2)[1] if k else [plt.subplot(1, 2, 2)]
        axes[-1].plot([0, 1], [0, k + 1])

    result = Harvest(view, Grid({"k": [0, 1, 2]}), limits="union")
    for number in range(3):
        with result.drawn(number) as (fig, _):
            assert fig.axes[-1].get_ylim() == pytest.approx((-0.15, 3.15))


# ---- colour bars


def bar(k):
    plt.imshow([[0, 1], [2, k]])
    plt.colorbar()


def test_a_colour_bar_that_rescales_is_refused():
    """One colour would stand for several numbers, in silence."""
    message = (
        r"colour bar of panel 1: expected the same limits .* got \(0, 3\) at k=3 and"
        r" \(0, 6\) at k=6. Fix them in the view, e.g. vmin=..., vmax=..., or say"
        r' limits="union" for .*, or limits="moving" to let colour bars move'
    )
    with pytest.raises(ValueError, match=message):
        Harvest(bar, Grid({"k": [3, 6]}))


def scattered(k):
    shown = plt.scatter([0, 1], [0, 1], c=[1, k], norm=LogNorm())
    plt.colorbar(shown)


def contoured(k):
    plt.contourf(np.outer(np.arange(4), np.arange(4)) * k, levels=[0, 1, 5, 20])
    plt.colorbar()


@pytest.mark.parametrize("view", [bar, scattered, contoured], ids=lambda view: view.__name__)
def test_colour_bars_of_all_states(view):
    grid = Grid({"k": [3, 6]})
    for limits, several in (("union", False), ("moving", view is not contoured)):
        found = set()
        result = Harvest(view, grid, limits=limits)
        for number in range(2):
            with result.drawn(number) as (fig, _):
                found.add(fig.axes[1]._colorbar.mappable.get_clim())
        assert (len(found) > 1) == several, limits
    assert max(high for _, high in found) >= 6


def test_a_colour_bar_of_listed_colours_tells_no_numbers():
    """It has a colour for each step, however many there are: nothing that could rescale."""

    def view(k):
        plt.contourf(np.outer(range(4), range(4)), levels=range(k), colors=["C0", "C1", "C2"])
        plt.colorbar()

    assert Harvest(view, Grid({"k": [3, 5]})).slots


def test_a_norm_that_changes_is_refused():
    def view(k):
        plt.imshow([[1, 2], [3, 4]], norm=LogNorm() if k else Normalize())
        plt.colorbar()

    with pytest.raises(ValueError, match="colour bar of panel 1: expected the same scale"):
        Harvest(view, Grid({"k": [0, 1]}), limits="union")


def test_colours_that_the_view_maps_itself_have_to_be_fixed():
    """What is drawn would not follow the bar."""

    def view(k):
        norm = Normalize(0, k)
        plt.plot([0, 1], [0, 1], color=plt.cm.viridis(norm(1)))
        plt.colorbar(ScalarMappable(norm), ax=plt.gca())

    message = r"Fix them in the view, .* or say limits=\"moving\""
    with pytest.raises(ValueError, match=message):
        Harvest(view, Grid({"k": [1, 2]}), limits="union")
    assert Harvest(view, Grid({"k": [1, 2]}), limits="moving").slots
