"""Pictures of a reader's model: what was traced is drawn, with fixed limits, and titles that say it."""

import doctest
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import models

TEN = np.log(10.0)


def log(T, fall=-1.0, **log_p):
    """A trace that changes by so many decades a step, from 1 at the end."""
    return SimpleNamespace(log_h=fall * TEN * np.arange(T, -1, -1), names=tuple(map(str, range(T))),
                           log_p=log_p or {"weight": fall * TEN * np.arange(T - 1, -1, -1)})


def test_examples_run():
    tried = doctest.testmod(models)
    assert tried.attempted and not tried.failed


def test_two_traces_are_the_same_or_not(capsys):
    one, other = log(3), log(3)
    models.same(one, other, weight="weight")
    assert "4 states" in capsys.readouterr().out
    other.log_p["weight"] = other.log_p["weight"] + [0, 1e-9, 0]
    with pytest.raises(AssertionError):
        models.same(one, other, weight="weight")


def test_weights_are_added_up_and_biases_and_absent_ones_are_not():
    logs = {"norm.weight": np.log([3.0, np.nan, np.nan]), "weight_hh_l0": np.array([np.log(4.0), -np.inf, np.nan]),
            "bias": np.full(3, 99.0)}
    np.testing.assert_allclose(models.weights(SimpleNamespace(log_p=logs)), [np.log(5.0), -np.inf, np.nan])


@pytest.mark.parametrize("T", [3, 60])
def test_layers_are_in_powers_of_ten_beside_the_line_of_theory(T):
    axes = Figure().subplots(2)
    models.layers(axes, log(T), -TEN, lambda log: f"{len(log.names)} layers")
    dots, line = axes[0].lines[:2]
    np.testing.assert_allclose(dots.get_ydata(), np.arange(-T, 1))
    np.testing.assert_allclose(line.get_ydata(), np.arange(-T, 0))
    assert axes[1].lines[0].get_xdata().tolist() == list(range(1, T + 1))
    assert axes[0].get_title() == f"{T} layers" and axes[1].get_title() == f"first layer: 1e-{T - 1:02d}"
    assert all(ax.get_ylim() == (-54, 30) for ax in axes)


@pytest.mark.parametrize("sizes, steps", [([1, 1, 1, 1], 4), ([0, 0, 0, 1], 1), ([1, 0, 0, 1e-9], 4), ([1, 99], 1)])
def test_reach_counts_back_from_the_end(sizes, steps):
    with np.errstate(divide="ignore"):
        assert models.reach(np.log(sizes)) == steps


def test_the_band_covers_the_steps_that_make_the_gradient():
    axes = Figure().subplots(2)
    models.steps(axes, log(200, -0.21, weight_hh_l0=-0.21 * TEN * np.arange(199, -1, -1)), lambda log: "vanishes")
    left, right = axes[1].patches[0].get_corners()[[0, 2], 0]
    assert (left, right) == (190, 200) and axes[1].get_title() == "99 % of it from the last 10 of 200 steps"


@pytest.mark.parametrize("depth", [1, 4])
def test_blocks_show_every_seed_and_the_median(depth):
    axes = Figure().subplots(2)
    runs = {(o, L): [log(L, W=np.full(L, np.log(size))) for size in (1, 2, 4)] for o in ("post", "pre") for L in (1, 4)}
    models.blocks(axes, runs, "pre", depth, lambda log: "fine", "W")
    *_, median, dot = axes[1].lines
    np.testing.assert_allclose(median.get_ydata(), 2)
    assert (dot.get_xdata(), len(axes[1].lines)) == ([depth], 2 + 1 + 3 + 2)


@pytest.mark.parametrize("update", [0, 7])
def test_a_run_marks_its_update(update):
    axes = Figure().subplots(3)
    seen = {k: (log(5), np.full(5, 10.0**-k)) for k in (0, 7)}
    models.run(axes, np.arange(9.0), seen, update, lambda log: "fine")
    np.testing.assert_allclose(axes[0].lines[-1].get_ydata(), [update])
    np.testing.assert_allclose(axes[2].lines[0].get_ydata(), -update, atol=1e-12)
    assert axes[0].get_title() == f"update {update}: fine"
