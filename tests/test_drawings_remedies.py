"""Pictures of remedies: medians and quartiles are those of the seeds, zeros are counted exactly, limits do not move."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace import EarlyStopping
from gradtrace.drawings import remedies


def test_examples_run():
    tried = doctest.testmod(remedies)
    assert tried.attempted and not tried.failed


@pytest.mark.parametrize("size", [1.0, 3.0])
def test_overfit_shows_medians_of_the_seeds_within_limits_that_do_not_move(size):
    axes, loss = Figure().subplots(2), np.tile(size * np.array([0.5, 0.7, 2.0]), (4, 1, 2, 1))
    right = np.tile([0.6, 0.8, 0.9], (1, 2, 1))
    remedies.overfit(axes, {8: (loss, 2 * loss, right), 16: (loss, loss, right / 2)}, [50, 100], (8, 0, 1))
    training, test = axes[0].lines
    assert training.get_ydata() == pytest.approx(0.7 * size) and test.get_ydata() == pytest.approx(1.4 * size)
    assert axes[1].lines[1].get_ydata() == pytest.approx([80, 80]) and axes[1].lines[2].get_xdata() == [1]
    assert (axes[0].get_ylim(), axes[1].get_ylim()) == ((0.005, 4), (35, 100))


def test_paths_keep_closed_form_and_descent_apart_and_count_exact_zeros():
    axes, closed = Figure().subplots(2), np.array([[1.0, 0.5], [0.5, 0.0]])
    remedies.paths(axes, np.array([0.0, 1.0]), closed, np.array([closed, closed + 1e-9]), 1)
    assert axes[0].get_title() == "λ = 1.00, exactly zero: 0 of 2, in closed form 1"
    form = axes[0].lines[0].get_ydata()
    assert form[[0, 1, 3, 4]] == pytest.approx([1, 0.5, 0.5, 0]) and np.isnan(form[[2, 5]]).all()


def test_only_exact_zeros_are_black():
    axes, w = Figure().subplots(2), np.full((64, 10), 1e-12)
    w[0, 0] = 0
    remedies.zeros(axes, w, [0.001, 0.01], np.ones((2, 3)), np.ones((2, 3)), 0)
    picture = axes[0].images[0].get_array()
    assert picture.shape == (17, 44, 3) and (picture == 0).all(axis=-1).sum() == 1 and not picture[0, 0].any()


@pytest.mark.parametrize("scale, share", [("1 − ρ", "1.00"), ("ρ", "0.25")])
def test_scaled_outputs_are_compared_with_their_mean(scale, share):
    axes, mean = Figure().subplots(2), np.linspace(-4, 4, 9)
    remedies.scalings(axes, [0.2, 0.5], np.array([[1, 2, 1], [1, 1, 1]]), np.array([mean, mean / 4, mean]), 0, scale)
    assert axes[0].get_title() == f"ρ = 0.2, scaled by {scale}: {share} of the mean over masks"
    assert axes[1].lines[-1].get_ydata() == [2 if scale == "ρ" else 1]


@pytest.mark.parametrize("patience, title", [(2, "patience 2: stops after epoch 4, keeps epoch 2"),
                                             (3, "patience 3: ends after epoch 6, keeps epoch 5")])
def test_stopping_is_the_rule_itself(patience, title):
    ax = Figure().subplots()
    remedies.stopping(ax, EarlyStopping(patience), np.array([1.0, 0.5, 0.6, 0.7, 0.4, 0.5]))
    assert ax.get_title() == title and (ax.get_xlim(), ax.get_ylim()) == ((0, 7), (0, 3))


def test_changes_are_taken_seed_by_seed_against_the_right_base():
    axes, none = Figure().subplots(2), np.tile([1.0, 0.0], (3, 10))
    right = {"none": none, "base": np.zeros((3, 20)), "better": np.ones((3, 20))}
    remedies.compared(axes, right, {"better": "base"}, np.arange(20) % 10, "better", "clean")
    assert axes[1].get_title() == "better − base: +100.0 points, quartiles +100.0 and +100.0"
    assert axes[0].lines[0].get_xdata() == pytest.approx([-50] * 3 + [100] * 3)
    assert axes[0].get_title() == "clean: none 50.0 %, better 100.0 %"
