"""What the browser draws is what matplotlib draws, vertex by vertex.

This holds for every kind of artist, whatever the order of the states.
"""

import re
from io import BytesIO, StringIO

import numpy as np
import pytest
from live_views import VIEWS, lines
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.path import Path
from PIL import Image
from unpacked import inflate, unpacked
from unpacked import shapes as shapes_of

from explorable import Prediction, codec, explore
from explorable.desk import RC
from explorable.grid import Grid
from explorable.harvest import Harvest

NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
POINTS = 0.05  # what the picture may be off, in points


def grid(name):
    return Grid({"k": range(7), "loud": [False] if name == "texts" else [False, True]})


@pytest.fixture(scope="module", params=list(VIEWS))
def harvested(request):
    """A view, its grid, the harvest and the packed figure."""
    view, panels = VIEWS[request.param]
    harvest = Harvest(view, grid(request.param), panels=panels, size=(6.4, 3.6))
    return request.param, harvest, codec.pack(harvest.slots)


def matplotlib_svg(view, panels, state):
    """matplotlib's own SVG of a fresh figure, without its definitions."""
    with rc_context(RC):
        fig = Figure(figsize=(6.4, 3.6), dpi=72, layout="constrained")
        out = StringIO()
        axes = fig.subplots(*panels, squeeze=False).ravel()
        view(axes[0] if panels == (1, 1) else axes, **state)
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"<defs>.*?</defs>", "", out.getvalue(), flags=re.DOTALL)


def shapes(harvest, packed, state):
    """All shapes of a state out of the bytes, as `(artist, shape, points)`."""
    data, spec = packed
    spec, words = inflate(data, spec)
    units = harvest.recorder.units
    for entry, slot in zip(spec["slots"], harvest.slots, strict=True):
        for shape, xy in shapes_of(spec, words, entry, state):
            yield slot.name, shape, np.reshape(xy, (-1, 2)) / units.scale - units.margin


def nearest(points, candidates):
    """The smallest largest distance to a candidate of equal length."""
    alike = [c for c in candidates if len(c) == len(points)]
    return min((np.abs(points - c).max(initial=0) for c in alike), default=np.inf)


def covered_unlike(points, candidates):
    """The smallest share of the figure that one of two areas covers and the other does not."""
    x, y = np.meshgrid(np.arange(1.5, 460, 3), np.arange(1.5, 259, 3))
    pixels = np.stack([x, y], -1).reshape(-1, 2)
    ours = Path(points).contains_points(pixels)
    areas = [c for c in candidates if len(c) > 2]
    shares = [np.mean(ours != Path(c).contains_points(pixels)) for c in areas]
    return min(shares) * 10  # a tenth of POINTS, 0.5 % of the figure, is still right


def test_every_vertex_is_where_matplotlib_puts_it(harvested):
    name, harvest, packed = harvested
    units = harvest.recorder.units
    for number in (0, 5, len(harvest.states) - 1):
        text = matplotlib_svg(*VIEWS[name], harvest.states[number])
        drawn = re.findall(r'<path d="([^"]*)"', text)
        paths = [np.array(NUMBER.findall(d), float).reshape(-1, 2) for d in drawn]
        placed = re.findall(r'<use [^>]*x="([^"]+)" y="([^"]+)"', text)
        uses = np.array(placed, float).reshape(-1, 2)
        middles = [(p.min(0, keepdims=True) + p.max(0)) / 2 for p in paths if len(p)]
        uses = np.concatenate([uses, *middles])
        place = r"translate\(([-\d.e]+) ([-\d.e]+)\) (?:rotate[^ ]+ )?scale\(0?\."
        strings = np.array(re.findall(place, text), float)
        seen = set()
        for artist, shape, points in shapes(harvest, packed, number):
            seen.add(shape[0])
            if shape[0] == "p":
                far = np.array([units.width, units.height]) + units.margin - 2
                cut = points.min() < 2 - units.margin or (points > far).any()
                off = covered_unlike(points, paths) if cut else nearest(points, paths)
                assert off < POINTS, (artist, number)
            elif shape[0] == "u":
                gaps = np.abs(points[:, None] - uses[None]).max(-1).min(1)
                assert gaps.max(initial=0) < POINTS, (artist, number)
            elif shape[0] == "t":
                assert np.abs(points - strings).max(-1).min() < POINTS, (artist, number)
        assert "p" in seen
        assert "t" in seen


def test_the_order_of_the_states_changes_nothing(harvested):
    name, _, (data, spec) = harvested
    view, panels = VIEWS[name]
    states = grid(name)
    order = np.random.default_rng(3).permutation(states.size)
    again, spec_again = codec.pack(
        Harvest(view, states, panels=panels, order=order, size=(6.4, 3.6)).slots
    )
    assert again == data
    assert spec_again == spec


def test_the_first_picture_leaves_out_what_a_question_hides():
    def view(ax, k):
        ax.plot([0, 1], [0.5, 0.5], lw=40, color="red", alpha=1 - k / 9)
        ax.set(xlim=(0, 1), ylim=(0, 1))

    def red(**how):
        asked = Prediction("Where?", ["a", "b"], "a", **how)
        first = explore(view, alt="a band", k=range(3), predict=asked).figure.first
        pixels = np.asarray(Image.open(BytesIO(first)).convert("RGB")).astype(int)
        return ((pixels[..., 0] > 200) & (pixels[..., 1] < 60)).sum()

    assert red() == red(at={"k": 0}) == 0, "the question is about the state that it opens with"
    assert red(at={"k": 2}) > 1000, "the picture is not the answer"


def test_a_figure_is_cut_where_no_panel_has_anything():
    def view(axes, k):
        for ax in np.atleast_1d(axes):
            ax.plot([0, 1], [0, k])
            ax.set(xlim=(0, 1), ylim=(0, 3), ylabel="height")

    def widths(panels, view=view):
        spec = unpacked(explore(view, alt="x", panels=panels, k=range(3)).figure)
        places = [slot["tile"] for slot in spec["slots"]]
        assert set(places) == set(range(len(spec["tiles"]))), "no column is empty"
        return [tile["points"] for tile in spec["tiles"]]

    def bridged(axes, k):
        view(axes, k)
        axes[0].figure.suptitle("over both")

    def coloured(axes, k):
        view(axes, k)
        for ax in np.atleast_1d(axes):
            shown = ax.imshow([[0, 1], [2, 3]], extent=(0, 1, 0, 3), aspect="auto")
            ax.figure.colorbar(shown, ax=ax)

    def one_for_all(axes, k):
        view(axes, k)
        shown = axes[0].imshow([[0, 1], [2, 3]], extent=(0, 1, 0, 3), aspect="auto")
        axes[0].figure.colorbar(shown, ax=list(axes))

    assert len(widths((1, 1), coloured)) == len(widths((1, 2), one_for_all)) == 1
    assert len(widths((1, 2), coloured)) == 2, "a colour bar stands beside its picture"
    assert len(widths((1, 1))) == len(widths((3, 1))) == 1
    assert len(widths((2, 3))) == 3
    assert sum(widths((1, 2))) == pytest.approx(72 * 4.25, abs=0.2)
    assert len(widths((1, 2), bridged)) == 1


def test_equal_arguments_give_equal_bytes():
    first, second = (explore(lines, alt="lines", k=[0, 1, 2], loud=[False, True]) for _ in range(2))
    for trait in ("data", "spec", "first"):
        assert getattr(first.figure, trait) == getattr(second.figure, trait)
    assert first._repr_mimebundle_()[0]["image/png"] == first.figure.first
    assert first.html() == second.html()


def test_an_artist_that_ignores_a_slider_ships_few_frames():
    def view(ax, a, b):
        ax.plot([0, 1], [0, a / 9])
        ax.plot([0, 1], [1, b / 9])
        ax.plot([0, 1], [0.5, 0.5])
        ax.set(xlim=(0, 1), ylim=(0, 1))

    figure = explore(view, alt="two lines", a=range(9), b=range(8)).figure
    moving = [entry["frames"] for entry in unpacked(figure)["slots"] if entry["frames"] > 1]
    assert sorted(moving) == [8, 9]
    still = explore(view, alt="two lines", a=[0], b=[0]).figure
    # of two artists and of their numbers: an index, and fifteen more frames of two points or rows
    added = 4 * 2 * 72 + 15 * (4 + 4) + 15 * (4 + 8)
    assert figure.spec["words"] - still.spec["words"] == added


def test_far_vertices_are_cut_not_clamped():
    def view(ax, k):
        ax.plot([0, 1], [-(10.0**k), 10.0**k])
        ax.set(xlim=(0, 1), ylim=(0, 1))

    harvest = Harvest(view, Grid({"k": [1, 15, 30]}), size=(6.4, 3.6))
    packed = codec.pack(harvest.slots)
    for state in range(3):
        ((_, _, line),) = [s for s in shapes(harvest, packed, state) if s[0].startswith("Line2D")]
        box = harvest.opened.axes[0].bbox
        from_the_middle = np.abs(line[:, 0] - (box.x0 + box.x1) / 2)
        assert from_the_middle.max() <= (box.width * 0.15 if state == 0 else 0.1)
        assert line[:, 1].min() < 0
        assert line[:, 1].max() > 72 * 3.6 - 30


def on_an_area(ax, k, area):
    """A word on an area of colours and one beside it."""
    u = np.linspace(0, 1, 9)
    values = np.add.outer(u, u) + k
    if area == "gaps":
        values[0, 0] = np.nan
    if area in ("image", "gaps", "see-through"):
        how = {"alpha": 0.5} if area == "see-through" else {}
        ax.imshow(values, extent=(0, 1, 0, 1), vmin=0, vmax=5, **how)
    elif area == "mesh":
        ax.pcolormesh(u, u, values, vmin=0, vmax=5, edgecolor="w")
    elif area != "nothing":
        ax.contourf(u, u, values, levels=range(6), cmap="gray" if area == "greys" else None)
    ax.text(0.5, 0.5, "words", color="black", ha="center", gid="on it")
    ax.text(1.5, 0.5, "words", color="black", ha="center", gid="beside it")
    ax.text(1, 0.2, "words", color="black", ha="center", gid="on its edge")
    ax.plot([0.2, 0.8], [0.2, 0.8], color="0.2", gid="a line")
    ax.set(xlim=(0, 2), ylim=(0, 1), aspect="auto")


@pytest.mark.parametrize(
    ("area", "stays"),
    [
        ("image", True),
        ("mesh", True),
        ("contours", True),
        ("greys", False),
        ("gaps", False),
        ("see-through", False),
        ("nothing", False),
    ],
)
def test_what_stands_on_colours_keeps_its_own(area, stays):
    """A dark page turns black words white, and leaves the colours that they stand on."""
    slots = Harvest(on_an_area, Grid({"k": [0, 1], "area": [area]})).slots
    follows = {
        slot.gid or slot.name: "var(--xp-" in repr([frame.shapes for frame in slot.frames])
        for slot in slots
    }
    assert follows["on it"] == follows["a line"] == (not stays)
    assert follows["beside it"] and follows["on its edge"] and follows["XAxis of panel 0"]


def test_colours_that_stand_for_numbers_stay_and_others_follow_the_page():
    def view(ax, k):
        ax.scatter([0, 1], [0, 1], c=[0.2, 0.3 + k], cmap="viridis", gid="mapped")
        ax.scatter([0, 1], [1, 0], color="navy", gid="navy")
        ax.plot([0, 1], [0, k], color="#BF4400", gid="red")
        ax.set(xlim=(0, 2), ylim=(0, 1))

    slots = Harvest(view, Grid({"k": [0, 1]})).slots
    looks = {slot.gid: repr([frame.shapes for frame in slot.frames]) for slot in slots}
    assert "--xp-" not in looks["mapped"]
    assert "var(--xp-000080,#000080)" in looks["navy"]
    assert "var(--xp-bf4400,#bf4400)" in looks["red"]


def test_nothing_is_left_over_from_the_state_before():
    def view(ax, on):
        if on:
            ax.set_facecolor("C8")
            ax.spines["top"].set_visible(False)
        ax.plot([0, 1], [0, 1])
        ax.set(xlim=(0, 1), ylim=(0, 1))

    harvest = Harvest(view, Grid({"on": [False, True]}))
    background, line = (
        [slot for slot in harvest.slots if slot.name.startswith(kind)]
        for kind in ("Rect", "Line2D")
    )
    assert background[0].index.tolist() == [1, 0]
    assert list(background[0].frames)[1] == codec.NOTHING
    assert len(line[0].frames) == 1
