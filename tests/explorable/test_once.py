"""What is kept from one state to the next is what would have been computed again."""

import numpy as np
import pytest
from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FuncFormatter

from explorable import axes, codec, harvest, texts
from explorable.desk import RC
from explorable.grid import Grid
from explorable.harvest import Harvest
from explorable.parts import parts
from explorable.record import Recorder


def drawn(text, recorder, **how):
    """The shapes of one text in a new figure, drawn by `recorder`."""
    fig = Figure(figsize=(6.4, 3.6), dpi=72)
    with rc_context(RC), texts.laid_out_once():
        shapes = recorder.record(fig.text(0.5, 0.5, text, **how))
    return [(shape, xy.tolist()) for shape, xy in shapes]


def recorder():
    return Recorder(72 * 6.4, 72 * 3.6)


HOW = {
    "size": {"fontsize": 14},
    "colour": {"color": "C3"},
    "alpha": {"alpha": 0.5},
    "weight": {"fontweight": "bold"},
    "family": {"fontfamily": "serif"},
    "mathematics": {"math_fontfamily": "stix"},
    "not parsed": {"parse_math": False, "ha": "right"},
    "rotation": {"rotation": 30},
    "anchored": {"rotation": 30, "rotation_mode": "anchor"},
    "right": {"ha": "right"},
    "top": {"va": "top"},
    "lines": {"multialignment": "right"},
    "spacing": {"linespacing": 3},
    "large": {"fontsize": 60},
    "wrapped": {"fontsize": 60, "wrap": True},
    "box": {"bbox": {"fc": "C1"}},
}


@pytest.mark.parametrize("words", ["plain", r"$x^2$ and $\frac{1}{y}$", "two\nlines are long"])
def test_texts_that_share_their_string_share_nothing_else(words):
    """One recorder draws them all, twice and in turn; each is what a new recorder draws."""
    shared = recorder()
    for how in [{}, *HOW.values(), *reversed(HOW.values()), {}]:
        assert drawn(words, shared, **how) == drawn(words, recorder(), **how), how


def test_a_font_that_changes_in_place_is_seen():
    shared = recorder()
    fig = Figure(dpi=72)
    text = fig.text(0.5, 0.5, "$a$ b", ha="right")
    with texts.laid_out_once():
        sizes = []
        for size in (10, 20, 10):
            text.get_fontproperties().set_size(size)
            sizes.append(text.get_window_extent(shared).width)
    assert sizes[0] == sizes[2] == pytest.approx(sizes[1] / 2, rel=0.05)


def test_what_is_kept_cannot_be_spoilt():
    shared = recorder()
    fig = Figure(dpi=72)
    with texts.laid_out_once():
        box, lines, _ = fig.text(0.5, 0.5, "a")._get_layout(shared)
        before = box.bounds
        lines.clear()
        assert len(fig.text(0.5, 0.5, "a")._get_layout(shared)[1]) == 1
        assert fig.text(0.5, 0.5, "a")._get_layout(shared)[0].bounds == before


SETTINGS = {
    "fontset": {"mathtext.fontset": "stix"},
    "default": {"mathtext.default": "rm"},
    "family": {"font.family": ["serif"]},
    "sans": {"font.sans-serif": ["DejaVu Serif"]},
    "size": {"font.size": 17.0},
}


@pytest.mark.parametrize("change", SETTINGS)
def test_a_view_may_change_the_fonts_in_some_states(change):
    """The bytes are those of recorders that have drawn nothing before."""

    def view(ax, k):
        rcParams.update(SETTINGS[change] if k in (2, 3) else usual)
        ax.text(0.5, 0.5, "$x^2$ words", ha="right")
        ax.plot([0, 1], [0, k / 9])
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])

    usual = {name: rcParams[name] for name in SETTINGS[change]}
    result = Harvest(view, Grid({"k": range(6)}), size=(6.4, 3.6))
    slot = next(slot for slot in result.slots if slot.name.startswith("Text '$x"))
    assert len(slot.frames) == 2
    assert slot.index.tolist() == [0, 0, 1, 1, 0, 0]
    with rc_context(RC | SETTINGS[change]):
        fig = result.empty()
        view(fig.axes[0], 2)
        result.layouts[axes.arrangement(fig)].apply(fig)
        artist = next(
            a
            for a, *_ in parts(fig, recorder())
            if isinstance(a, Text) and a.get_text() == "$x^2$ words"
        )
        fresh = codec.frame_of(Recorder(72 * 6.4, 72 * 3.6).record(artist))
    assert fresh == list(slot.frames)[1]


def test_mathematics_is_parsed_once_a_string(monkeypatch):
    parsed = []

    def count(self, *args, **kwargs):
        parsed.append(args[0])
        return parse(self, *args, **kwargs)

    def view(ax, a, b):
        ax.plot([0, 1], [0, b / 9], label=f"$a_{a}$")
        ax.set(xlim=(0, 1), ylim=(0, 1), title=f"$b = {b}$", ylabel=r"$\|g\|$")
        ax.legend(loc="upper left")

    parse = TextToPath.get_text_width_height_descent
    monkeypatch.setattr(TextToPath, "get_text_width_height_descent", count)
    Harvest(view, Grid({"a": range(5), "b": range(70)}))  # more than matplotlib keeps
    assert sorted(s for s in parsed if "$" in s) == sorted(
        [*(f"$a_{a}$" for a in range(5)), *(f"$b = {b}$" for b in range(70)), r"$\|g\|$"]
    )


@pytest.mark.parametrize("fails", [False, True])
def test_matplotlib_is_left_as_it_was(fails):
    def view(ax, k):
        ax.plot([0, 1], [0, 1 / (k - 2 * fails)])
        ax.set(xlim=(0, 1), ylim=(0, 1))

    layout = Text._get_layout
    if fails:
        with pytest.raises(ValueError, match="ZeroDivisionError"):
            Harvest(view, Grid({"k": [1, 2]}))
    else:
        Harvest(view, Grid({"k": [1, 2]}))
    assert Text._get_layout is layout


def test_other_renderers_lay_out_for_themselves():
    fig = Figure()
    text = fig.text(0.5, 0.5, "a")
    renderer = fig._get_renderer()
    before = text._get_layout(renderer)[0].bounds
    with texts.laid_out_once():
        assert text._get_layout(renderer)[0].bounds == before


# ---- ticks


def limits(ax, k):
    ax.set_ylim(0, k + 1)


def places(ax, k):
    ax.set_yticks([0, (k + 1) / 10])


def words(ax, k):
    ax.set_yticks([0.1, 0.5], ["a", f"b {k}"])


def function(ax, k):
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value} {k}"))


def offset(ax, k):
    ax.ticklabel_format(axis="y", useOffset=float(k))


def logarithm(ax, k):
    ax.set_yscale("log", base=k + 2)


def size_of_labels(ax, k):
    ax.tick_params(axis="y", labelsize=5 + 20 * k)


def settings(ax, k):
    rcParams["axes.unicode_minus"] = k % 2 == 0
    ax.set_ylim(-1, 1)


CHANGES = [limits, places, words, function, offset, logarithm, size_of_labels, settings]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_ticks_that_are_kept_are_those_of_a_new_axis(change):
    known, differ = {}, []
    with rc_context():
        for k in [0, 1, 2, 0, 1, 2]:
            ax = Figure(dpi=72).subplots()
            ax.set(xlim=(0, 1), ylim=(1e-3, 1))
            change(ax, k)
            found, fresh = (axes.signature(ax.yaxis, store) for store in (known, {}))
            assert found == fresh == axes.signature(ax.yaxis, known)
            differ.append(found)
    assert differ[0] == differ[3] != differ[1] == differ[4]


def test_a_label_that_a_function_changes_in_some_state_is_drawn_there():
    def view(ax, k):
        ax.plot([0, 1], [0, k])
        ax.set(xlim=(0, 1), ylim=(0, 9))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "x" if k == 4 else "y"))

    slots = Harvest(view, Grid({"k": range(9)})).slots
    (axis,) = [slot for slot in slots if slot.name == "YAxis of panel 0"]
    assert axis.index.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_ticks_that_no_signature_tells_are_drawn_in_the_last_state():
    def view(ax, k):
        ax.plot([0, 1], [0, k])
        ax.set(xlim=(0, 1), ylim=(0, 9))
        ax.get_xgridlines()[1].set(visible=True, linestyle=":" if k == 8 else "-")

    with pytest.raises(
        ValueError, match=r"XAxis of panel 0: expected the same picture .* drawn again at k=8"
    ):
        Harvest(view, Grid({"k": range(9)}))


def test_what_cannot_be_drawn_is_told_of_its_artist_and_state():
    class Broken(Line2D):
        def draw(self, renderer):
            raise RuntimeError("no ink")

    def view(ax, k):
        ax.add_line(Broken([0, 1], [0, k], label="broken"))
        ax.set(xlim=(0, 1), ylim=(0, 9))

    with pytest.raises(
        ValueError, match="view: expected what matplotlib can draw, got at k=0: no ink"
    ):
        Harvest(view, Grid({"k": range(3)}))

    def later(ax, k):
        ax.set(xlim=(0, 1), ylim=(0, 9))
        if k == 2:
            view(ax, k)

    message = "Broken 'broken': expected what can be moved, got at k=2: no ink"
    with pytest.raises(ValueError, match=message):
        Harvest(later, Grid({"k": range(3)}))


def test_new_figures_are_drawn_from_every_part_of_a_grid(monkeypatch):
    checked = []
    monkeypatch.setattr(
        harvest.Harvest, "check", lambda self, number, ticks: checked.append((number, ticks))
    )

    def view(ax, k):
        ax.plot([0, 1], [0, k])
        ax.set(xlim=(0, 1), ylim=(0, 200))

    for size, most in ((2, 2), (16, 5), (200, 8)):
        checked.clear()
        Harvest(view, Grid({"k": range(size)}))
        numbers = [number for number, _ in checked]
        assert {0, size - 1} <= set(numbers)
        assert len(set(numbers)) == len(numbers) <= most
        assert len(numbers) >= min(size, most) - 2
        assert sum(ticks for _, ticks in checked) == 2
        assert np.all(np.array(numbers) < size)
