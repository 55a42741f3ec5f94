"""What is packed comes back, word by word; what grows with the states is deflated and small."""

import json

import numpy as np
import pytest
from unpacked import frame_at, inflate, rows, shapes, unpacked

import explorable
from explorable import codec, explore, live
from explorable.codec import Frame, Slot

RNG = np.random.default_rng(0)


def slot(frames, of):
    """A slot with these arrays as frames, by state."""
    made = Slot("a line", (0, "Line2D", "data", None), len(of))
    for state, i in enumerate(of):
        points = np.asarray(frames[i], "<u2")
        path = ("p", f"css {i % 3}", None, (("M", len(points) // 2),))
        made.put(state, Frame((path,), points.tobytes()))
    return made


SMOOTH = [[x + 300 * np.sin(x / 9 + k / 50) + 400 for x in range(40)] for k in range(300)]
WAYS = {
    "smooth": SMOOTH,
    "random": RNG.integers(0, 65536, (50, 12)),
    "the ends of sixteen bits": [[0, 65535, 65535, 0, 32768, 32767]] * 9 + [[65535, 0]] * 9,
    "of many lengths": [RNG.integers(0, 65536, 2 * n) for n in range(30)],
    "one": [[7, 9]],
    "empty": [[]],
}


@pytest.mark.parametrize("frames", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("order", ["in order", "mixed"])
def test_every_frame_comes_back(frames, order):
    of = list(range(len(frames)))
    if order == "mixed":
        of = RNG.integers(len(frames), size=3 * len(frames)).tolist()
    data, spec = codec.pack([slot(frames, of), slot(frames[:1], [0] * len(of))])
    whole, words = inflate(data, spec)
    for state, i in enumerate(of):
        ((shape, xy),) = shapes(whole, words, whole["slots"][0], state)
        assert xy.tolist() == np.asarray(frames[i]).astype(int).tolist()
        assert whole["styles"][shape[1]] == f"css {i % 3}"


def test_more_frames_than_sixteen_bits_count_come_back():
    size = 70_000
    of = np.arange(size)[::-1]
    made = Slot("a point", (0, "Line2D", "data", None), size + 1)
    for state, i in enumerate([*of, 0]):
        point = np.array([i % 65536, i // 65536], "<u2")
        made.put(state, Frame((("p", str(i), None, (("M", 1),)),), point.tobytes()))
    data, spec = codec.pack([made])
    whole, words = inflate(data, spec)
    entry = whole["slots"][0]
    assert frame_at(words, entry, size) == size - 1
    ((shape, xy),) = shapes(whole, words, entry, 3)
    assert (whole["styles"][shape[1]], xy.tolist()) == (str(size - 4), [(size - 4) % 65536, 1])


@pytest.mark.parametrize("mixed", ["repeated", "each once"])
def test_numbers_and_texts_come_back(mixed):
    cells = [["-3", "cat"], ["0.001", "nan"], ["12", ""], ["1e-09", "é"]]
    count = 20 if mixed == "repeated" else 69
    values = [[["0", str(i)], cells[i % 4]] for i in range(count)] + [[[], []]]
    of = RNG.integers(21, size=70) if mixed == "repeated" else RNG.permutation(70)
    of = of.tolist()
    series = {"panel": 0, "label": "a", "x": "x", "y": "y", "values": values, "of": of}
    said = [f"title {i % 7}" for i in range(70)]
    data, spec = codec.pack([], [series], {"said": said, "printed": [""] * 70})
    whole, words = inflate(data, spec)
    (packed,) = whole["numbers"]
    for state in range(70):
        assert rows(whole, words, packed, frame_at(words, packed, state)) == values[of[state]]
    assert whole["printed"] == {"texts": [""], "index": -1}
    index = {"frames": 7, "index": whole["said"]["index"]}
    told = [whole["said"]["texts"][frame_at(words, index, state)] for state in range(70)]
    assert told == said


def test_a_block_is_told_by_what_lies_nearest():
    """Frames that follow one another by the frame before, others by the point before."""
    lone = [np.cumsum(RNG.integers(0, 9, 80)) + RNG.integers(40_000) for _ in range(40)]
    for frames, near in ((SMOOTH[:40], {40}), (lone, {2})):
        data, spec = codec.pack([slot(frames, range(40))])
        (_, _, lags), *_ = inflate(data, spec)[0]["blocks"]
        assert lags[0] in near


def test_shapes_name_what_is_in_the_lists():
    def view(ax, k):
        ax.plot([0, 1], [0, k], "o-", label="a line")
        ax.imshow([[k, 0], [1, 2]], extent=(0, 1, 0, 1), vmin=0, vmax=3)
        ax.set(xlim=(0, 1), ylim=(0, 2), title=f"state {k}")

    spec = unpacked(explore(view, alt="x", k=[0, 1, 2]).figure)
    seen = set()
    for shape in (shape for template in spec["templates"] for shape in template):
        kind = shape[0]
        seen.add(kind)
        if kind == "u":
            assert all(spec["symbols"][symbol].startswith("m") for symbol, *_ in shape[2])
            assert all("fill" in spec["styles"][style] for _, style, _ in shape[2])
            assert shape[1] < 0 or spec["clips"][shape[1]].startswith("m")
            continue
        assert isinstance(spec["styles"][shape[1]], str)
        assert shape[2] < 0 or spec["clips"][shape[2]].startswith("m")
        if kind == "t":
            glyphs = spec["runs"][shape[3]][::3]
            assert glyphs and all(spec["glyphs"][glyph].startswith("m") for glyph in glyphs)
        if kind == "i":
            assert len(spec["pictures"][shape[3]]) == 2
    assert seen == {"p", "u", "t", "i"}


def curve(ax, gain, shift):
    """A line of a hundred points."""
    x = np.linspace(0, 1, 100)
    ax.plot(x, np.sin(gain * x + shift), label="curve")
    ax.set(xlim=(0, 1), ylim=(-1, 1), title=f"gain {gain:.3f}, shift {shift:.3f}")


def test_many_states_take_little_and_next_to_nothing_of_it_is_text():
    """Ten bits a point would be 125 bytes a state, and the numbers of a state some 100 more."""
    values = np.linspace(1, 2, 24)
    figure = explore(curve, alt="a curve", gain=values, shift=values).figure
    assert len(figure.data) < 60 * 24**2
    assert len(json.dumps(figure.spec)) < 1000
    few = explore(curve, alt="a curve", gain=values[:2], shift=values[:2]).figure
    assert abs(len(json.dumps(figure.spec)) - len(json.dumps(few.spec))) < 20


def test_a_course_and_a_figure_may_allow_more_or_less(monkeypatch):
    def draw(**how):
        return explore(curve, alt="a curve", gain=[1, 2, 3], shift=[0, 1], **how)

    size = len(draw().figure.data)
    with pytest.raises(ValueError, match=f"MB compressed, expected at most {(size - 1) / 1e6:g}"):
        draw(max_bytes=size - 1)
    assert draw(max_bytes=size)
    monkeypatch.setitem(explorable.rcParams, "max_bytes", size - 1)
    with pytest.raises(ValueError, match=r"gain: 3 values, shift: 2 values: give gain fewer"):
        draw()
    assert draw(max_bytes=size)


def test_settings_refuse_what_is_none():
    for name, value, what in (
        ("max_byte", 1e6, r"expected one of \['max_bytes'\], got 'max_byte'"),
        ("max_bytes", "20 MB", r"max_bytes: expected a number of bytes such as 20e6, got '20 MB'"),
        ("max_bytes", True, "got True"),
        ("max_bytes", -1, "got -1"),
        ("max_bytes", 0, "got 0"),
        ("max_bytes", 1e12, "got 1000000000000.0"),
    ):
        with pytest.raises((KeyError, ValueError), match=what):
            explorable.rcParams[name] = value
        with pytest.raises((KeyError, ValueError), match=what):
            explorable.rcParams.update({name: value})
    assert explorable.rcParams == {"max_bytes": 4e6}
    with pytest.raises(ValueError, match="max_bytes: expected a number of bytes"):
        explore(curve, alt="a curve", gain=[1, 2], shift=[0, 1], max_bytes="many")


def test_labels_are_said_in_the_bytes():
    figure = explore(curve, alt="a curve", gain=[1, 2], shift=[0, 1]).figure
    assert "labels" not in json.dumps(figure.spec)
    assert [param["labels"] for param in unpacked(figure)["params"]] == [["1", "2"], ["0", "1"]]
    assert live.counted(figure.spec) == "gain: 2 values, shift: 2 values"
