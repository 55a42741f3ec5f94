"""Pictures of products of matrices: they show the numbers they are given, and their examples run."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import products


def panels():
    return Figure().subplots(1, 2)


def test_a_spectrum_has_a_curve_for_each_singular_value_and_two_bounds():
    ax, log = Figure().subplots(), np.log(10) * np.array([[0.0, 0.0], [1.0, -np.inf], [2.0, -4.0]])
    products.spectrum(ax, log, 0.1, 10.0, (-5, 5), "T")
    small, large, rho, top = (line.get_ydata() for line in ax.lines)
    assert np.isnan(small[1]) and np.allclose(small[[0, 2]], [0, -4]) and np.allclose(large, [0, 1, 2])
    assert np.allclose(rho, [0, -1, -2]) and np.allclose(top, [0, 1, 2]) and ax.get_title() == "T"


def test_the_circle_of_a_shear_reaches_as_far_as_its_norm():
    ax, W = Figure().subplots(), np.array([[1.0, 3.0], [0.0, 1.0]])
    products.stretch(ax, W, np.eye(2))
    longest = np.hypot(*ax.lines[-1].get_data()).max()
    assert np.isclose(longest, np.linalg.norm(W, 2), rtol=1e-2) and len(ax.lines) == 4


@pytest.mark.parametrize(("decades", "title"), [
    (-9.0, "100 % vanished, 0 % exploded"), (0.0, "0 % vanished, 0 % exploded"), (9.0, "0 % vanished, 100 % exploded")])
def test_every_start_is_drawn_once_by_what_became_of_it(decades, title):
    axes, x = panels(), np.array([[0.5, 1.0], [2.0, 4.0]])
    products.fates(axes, x, np.array([0.5, 1.0]), np.full((2, 2), decades), 10)
    drawn = [np.isfinite(line.get_ydata()).sum() for line in axes[0].lines[1:]]
    assert sorted(drawn) == [0, 0, 4] and axes[1].get_title() == title


def test_growth_shows_each_measure_per_step():
    axes, log = panels(), np.cumsum(np.tile([0.5, -0.5], (4, 1)), axis=0)
    products.growth(axes, log, 2 * log, 3 * log, np.array([0.5, -0.5]), 4)
    per_step = [line.get_ydata() for line in axes[1].lines]
    assert np.allclose(per_step, np.outer([1, 1, 2, 3], [0.5, -0.5]))


def test_examples():
    assert doctest.testmod(products, extraglobs={"np": np}).failed == 0


def test_a_tally_has_two_bars_for_each_start():
    axes = Figure().subplots(1, 2)
    products.tally(axes, {"a": [(3, 1), (0, 4)], "b": [(4, 0), (2, 2)]}, ["tanh", "relu"], 4)
    assert [bar.get_width() for bar in axes[1].patches] == [0, -2, 4, 2]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["a", "b"]
