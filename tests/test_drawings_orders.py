"""The pictures of notebook 18: arcs from source to target words, and bands of quartiles."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace import translation
from gradtrace.drawings import orders


@pytest.mark.parametrize("order", orders.ORDERS)
def test_every_arc_joins_a_word_and_its_translation(order):
    words, ax = np.roll(np.arange(8), 1), Figure().subplots()
    data = translation(np.random.default_rng(0), 1, 7, words, order == "reversed")
    orders.arcs(ax, data.lags, order)
    read, said = data.source.argmax(-1)[:, 0], data.y[:-1, 0]
    ends = [np.round(line.get_xdata()[[0, -1]]).astype(int) for line in ax.lines]
    assert len(ends) == 7
    for t, (say, step) in enumerate(ends):
        assert say == 8 + t and said[t] == words[read[step - 1]]
    names = [text.get_text() for text in ax.texts]
    assert names[0] == ("$x_1$" if order == "straight" else "$x_7$") and names[7:] == [f"$y_{k}$" for k in range(1, 8)]


def test_an_arc_is_as_wide_as_its_distance_and_half_as_high():
    ax = Figure().subplots()
    orders.arcs(ax, np.array([1, 3]), "reversed")
    wide = [np.ptp(line.get_xdata()) for line in ax.lines]
    assert np.allclose(wide, [1, 3]) and np.allclose([line.get_ydata().max() for line in ax.lines], [0.5, 1.5])


def test_a_band_is_the_median_between_the_quartiles():
    ax, values = Figure().subplots(), np.random.default_rng(0).random((4, 5))
    orders.band(ax, np.arange(4), values, "reversed", label="here")
    assert np.allclose(ax.lines[0].get_ydata(), np.median(values, axis=1)) and ax.lines[0].get_label() == "here"
    corners = ax.collections[0].get_paths()[0].vertices
    assert np.isclose(corners[:, 1].min(), np.quantile(values, 0.25, axis=1).min())
    assert np.isclose(corners[:, 1].max(), np.quantile(values, 0.75, axis=1).max())


@pytest.mark.parametrize("draw", [lambda ax: orders.arcs(ax, np.ones(1, dtype=int), "backwards"),
                                  lambda ax: orders.band(ax, np.zeros(1), np.zeros((1, 2)), "backwards")])
def test_an_unknown_order_is_named(draw):
    with pytest.raises(ValueError, match=r"order: expected one of .*came 'backwards'"):
        draw(Figure().subplots())
