"""Pictures of nets that spell: every letter stands where it should, and nothing is lost but what has no room."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import spelling


@pytest.mark.parametrize("reads, writes", [([1, 0, 0], [1, 1, 1]), ([1, 1, 0, 0], [0, 0, 1, 1])])
def test_a_shape_has_a_box_for_every_state_input_and_output(reads, writes):
    ax = Figure().subplots()
    spelling.shape(ax, "shape", reads, writes)
    at = [(text.get_text(), *text.get_position()) for text in ax.texts if text.get_text()]
    expected = [("h", t, 1) for t in range(len(reads))]
    expected += [("x", t, 0) for t, on in enumerate(reads) if on] + [("y", t, 2) for t, on in enumerate(writes) if on]
    assert sorted(at) == sorted(expected)


def test_copied_stretches_are_found_wherever_they_stand():
    source, text = "the sun was shining", "xxthe sunxx was the sun"
    by_hand = [any(k - j >= 0 and len(text[k - j:k - j + 7]) == 7 and text[k - j:k - j + 7] in source
                   for j in range(7)) for k in range(len(text))]
    assert spelling.copied(text, source, 7) == by_hand and sum(by_hand) == 14
    assert not any(spelling.copied("the", source, 7)) and spelling.copied("", source, 7) == []


def test_curves_and_levels_are_lines_and_the_present_another():
    bits = np.arange(3.0)
    for now, lines in ((None, 4), (2, 5)):
        ax = Figure().subplots()
        spelling.curves(ax, np.arange(3), bits, bits + 1, {"a": 1.0, "b": 2.0}, "GRU", now)
        assert len(ax.lines) == lines and [text.get_text() for text in ax.texts] == ["a", "b"]
        assert np.array_equal(ax.lines[2].get_ydata(), bits) and np.array_equal(ax.lines[3].get_ydata(), bits + 1)


def test_choices_stand_side_by_side_with_the_right_letter_of_each_framed():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=3)
    ax = Figure().subplots()
    spelling.choices(ax, p, "helo", [1, 2, 3], ["h", "e", "l"], "title", 1 - p)
    assert np.array_equal(ax.lines[0].get_ydata(), 1 - p.ravel()) and ax.get_title() == "title"
    frames, bars = ax.containers
    assert np.allclose([bar.get_height() for bar in bars], p.ravel())
    assert [frame.get_x() + 0.45 for frame in frames] == pytest.approx([1, 7, 13])
    assert ax.texts[1].get_text() == f"e {100 * p[0, 1]:.1f} %" and ax.texts[4].get_text() == "l"


def test_a_dot_stands_before_every_right_word_and_no_other():
    for spelled in (["hello", "hell", "hello"], ["a", "b", "c"]):
        ax = Figure().subplots()
        spelling.words(ax, spelled, "hello")
        assert [text.get_text() for text in ax.texts] == spelled
        assert list(ax.lines[0].get_ydata()) == [i for i, word in enumerate(spelled) if word == "hello"]


def test_a_page_holds_all_characters_in_their_columns_and_always_as_many_artists():
    text = "The sun was\n\nshining on the sea, $5 and more"
    marked = np.arange(len(text)) % 3 == 0
    ax = Figure().subplots()
    spelling.page(ax, text, marked, width=12, rows=6)
    plain, bold = ([t.get_text() for t in ax.texts[i::2]] for i in (0, 1))
    rows = ["".join(max(pair) for pair in zip(*row, strict=True)) for row in zip(plain, bold, strict=True)]
    assert rows == ["The sun was", "", "shining on t", "he sea, $5 a", "nd more", ""]
    letters = [c for row in bold for c in row if c != " "]
    assert letters == [c for c, on in zip(text, marked, strict=True) if on and c not in " \n"]
    for other in ("", "x" * 500):
        ax = Figure().subplots()
        spelling.page(ax, other, [False] * len(other), width=12, rows=6)
        assert len(ax.texts) == 12 and all(len(t.get_text()) <= 12 for t in ax.texts)


@pytest.mark.parametrize("draw, message", [
    (lambda ax: spelling.shape(ax, "", [], []), "reads, writes: expected one entry"),
    (lambda ax: spelling.shape(ax, "", [True], [True, False]), "came 1 and 2"),
    (lambda ax: spelling.choices(ax, np.ones((1, 4)), "helo", [0, 1], ["h"]), "p: expected shape"),
    (lambda ax: spelling.page(ax, "abc", [True]), "marked: expected 3 entries"),
])
def test_what_does_not_fit_is_said(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(Figure().subplots())
