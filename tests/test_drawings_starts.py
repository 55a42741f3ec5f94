"""Pictures of starts: what was given is drawn, with limits that do not depend on it, and titles that say it."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import starts


def test_examples_run():
    tried = doctest.testmod(starts)
    assert tried.attempted and not tried.failed


def test_curves_are_in_powers_of_ten_and_nothing_left_is_said_so():
    ax = Figure().subplots()
    starts.fate(ax, np.zeros(51), np.log(10.0) * np.linspace(0, -15.5, 51), np.log(10.0) * np.linspace(-20, 0, 51))
    assert [line.get_ydata()[-1] for line in ax.lines] == pytest.approx([0, -15.5, 0])
    assert ax.get_title() == "at the end: signal none, gradient $10^{-20.0}$"
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 50), (-30, 25))


@pytest.mark.parametrize("h", [np.zeros((4, 5)), np.full((4, 5), 1e40), np.random.default_rng(0).normal(size=(4, 5))])
def test_every_value_is_counted_in_one_bar(h):
    axes = Figure().subplots(2)
    starts.spread(axes, h, 1)
    for ax in axes:
        assert sum(ax.patches[0].get_data().values) == pytest.approx(100)
    assert (axes[0].get_xlim(), axes[1].get_xlim()) == ((-3, 3), (-17, 3))


@pytest.mark.parametrize("chi, drawn", [(0.5, True), (2.0, False)])
def test_theory_has_a_line_for_the_distance_in_order_only(chi, drawn):
    axes = Figure().subplots(2)
    starts.plane(axes, ([1, 2], [0, 0.1]), (3, 0.2), chi, 5.0, np.zeros((50, 3)), np.zeros((51, 3)))
    down, up = axes[1].lines[-2:]
    assert down.get_ydata()[0] == pytest.approx(50 * np.log10(chi) / 2)
    assert np.isfinite(up.get_ydata()).all() == drawn and len(axes[1].lines) == 8
    assert axes[0].lines[-1].get_xdata() == [3] and axes[1].get_title().endswith("5.0 layers")


def test_bounds_start_where_the_curves_do():
    axes = Figure().subplots(1, 2)
    starts.bounds(axes, np.array([2.0, 2.1]), np.log(10.0) * np.array([-3.0, 1.0]), 0.5)
    assert [line.get_ydata().tolist() for line in axes[0].lines] == [[2.0, 2.1], [2.0, 2.5]]
    assert axes[1].lines[0].get_ydata() == pytest.approx([-3, 1]) and axes[1].lines[1].get_ydata() == pytest.approx(1)
