"""What the browser draws is what matplotlib draws, vertex by vertex.

This holds for every kind of artist, whatever the order of the states.
"""

import re
from io import StringIO

import numpy as np
import pytest
from live_views import VIEWS, lines
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.path import Path

from explorable import codec, explore, svg
from explorable.grid import Grid
from explorable.harvest import RC, Harvest

NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
POINTS = 0.05  # what the picture may be off, in points


def grid(name):
    return Grid({"k": range(7), "loud": [False] if name == "texts" else [False, True]})


@pytest.fixture(scope="module", params=list(VIEWS))
def harvested(request):
    """A view, its grid, the harvest and the packed figure."""
    view, panels = VIEWS[request.param]
    harvest = Harvest(view, grid(request.param), panels=panels)
    return request.param, harvest, codec.pack(harvest.slots, harvest.recorder.units)


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
    """All shapes of a state as `(artist, shape, points)`.

    Those that move come out of the bytes, the rest from the frames.
    """
    data, spec, packer = packed
    moving = {entry["slot"]: entry for entry in spec["slots"]}
    units = harvest.recorder.units
    for number, slot in enumerate(harvest.slots):
        if number in moving:
            found = codec.decode(spec, data, moving[number], state)
        else:
            ((template, raw),) = slot.frames
            found = []
            words = np.frombuffer(raw, "<u2").astype(int)
            at = 0
            for shape in map(packer.shape, template):
                found.append((shape, words[at : at + codec.count(shape)]))
                at += codec.count(shape)
        for shape, xy in found:
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
    name, _, (data, spec, _) = harvested
    view, panels = VIEWS[name]
    states = grid(name)
    order = np.random.default_rng(3).permutation(states.size)
    harvest = Harvest(view, states, panels=panels, order=order)
    again, spec_again, _ = codec.pack(harvest.slots, harvest.recorder.units)
    assert again == data
    assert spec_again == spec


def test_the_first_frame_is_what_the_bytes_say(harvested):
    _, harvest, (data, spec, packer) = harvested
    text = svg.write(harvest.slots, packer, spec, list(packer.images), 3, 'a "quoted" <alt>')
    assert "a &quot;quoted&quot; &lt;alt&gt;" in text
    for entry in spec["slots"]:
        opens, closes = rf'<g data-slot="{entry["slot"]}" [^>]*>', r"</g>(?=<g data-slot|</svg>)"
        group = re.search(f"{opens}(.*?){closes}", text)[1]
        drawn = [
            svg.element(shape, list(xy), spec, list(packer.images))
            for shape, xy in codec.decode(spec, data, entry, 3)
        ]
        assert group == "".join(drawn)


def test_equal_arguments_give_equal_bytes():
    first, second = (explore(lines, alt="lines", k=[0, 1, 2], loud=[False, True]) for _ in range(2))
    for trait in ("data", "spec", "svg"):
        assert getattr(first.figure, trait) == getattr(second.figure, trait)
    assert first._repr_mimebundle_()[0]["image/png"] == second._repr_mimebundle_()[0]["image/png"]
    assert first.figure.spec["id"] in first.figure.svg


def test_an_artist_that_ignores_a_slider_ships_few_frames():
    def view(ax, a, b):
        ax.plot([0, 1], [0, a / 9])
        ax.plot([0, 1], [1, b / 9])
        ax.plot([0, 1], [0.5, 0.5])
        ax.set(xlim=(0, 1), ylim=(0, 1))

    figure = explore(view, alt="two lines", a=range(9), b=range(8)).figure
    assert sorted(entry["frames"] for entry in figure.spec["slots"]) == [8, 9]
    assert len(figure.data) < 2 * (2 * 72 + 17 * (3 + 4)) + 1


def test_far_vertices_are_cut_not_clamped():
    def view(ax, k):
        ax.plot([0, 1], [-(10.0**k), 10.0**k])
        ax.set(xlim=(0, 1), ylim=(0, 1))

    harvest = Harvest(view, Grid({"k": [1, 15, 30]}))
    packed = codec.pack(harvest.slots, harvest.recorder.units)
    for state in range(3):
        ((_, _, line),) = [s for s in shapes(harvest, packed, state) if s[0].startswith("Line2D")]
        box = harvest.axes[0].bbox
        from_the_middle = np.abs(line[:, 0] - (box.x0 + box.x1) / 2)
        assert from_the_middle.max() <= (box.width * 0.15 if state == 0 else 0.1)
        assert line[:, 1].min() < 0
        assert line[:, 1].max() > 72 * 3.6 - 30


def test_nothing_is_left_over_from_the_state_before():
    def view(ax, on):
        if on:
            ax.set_facecolor("C8")
            ax.spines["top"].set_visible(False)
        ax.plot([0, 1], [0, 1])
        ax.set(xlim=(0, 1), ylim=(0, 1))

    with pytest.raises(ValueError, match=r"artists.*Rectangle"):
        explore(view, alt="a background that comes and goes", on=[False, True])
