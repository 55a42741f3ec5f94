"""Pictures of update rules: what was given is drawn, in limits that do not depend on it, and titles say it."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import rules

SIDE = np.linspace(-2, 2, 5)
MAP = (SIDE, SIDE, SIDE**2 + SIDE[:, None] ** 2)
two = lambda: Figure().subplots(2)


@pytest.mark.parametrize("far", [0.0, 1e6, -1e300])
def test_a_way_is_drawn_on_its_map_and_keeps_the_limits(far):
    axes, run = two(), np.array([[-2.0, 1.0, 5.0], [0.0, 0.0, 1e-12], [far, 1.0, 1e9]])
    rules.descent(axes, MAP, run, "way")
    x, y = axes[0].lines[0].get_data()
    np.testing.assert_allclose(x[:2], [-1, 0])
    np.testing.assert_allclose(y, [0.5, 0, 0.5])
    assert np.abs(x).max() <= 3 and axes[0].get_xlim() == (-1, 1) and axes[1].get_ylim() == (-6, 3)
    assert axes[1].lines[0].get_ydata()[1:].tolist() == [-6, 3]
    assert axes[0].get_title() == ("way: off the map" if far else "way: not down in time")


def test_dark_bands_are_high_and_of_equal_area():
    axes, side = two(), np.linspace(-1, 1, 48)
    rules.descent(axes, (side, side, np.exp(9 * side) + 0 * side[:, None]), np.ones((2, 3)), "")
    bands = axes[0].images[0].get_array()
    assert (np.diff(bands, axis=1) >= 0).all() and np.unique(bands, return_counts=True)[1].tolist() == 12 * [192]


def test_a_loss_counts_as_down_where_it_stays_down():
    assert rules.thousandth(np.array([2.0, 1e-3, 1e-3])) == 1
    assert rules.thousandth(np.array([2.0, 1e-3, 1.0])) == rules.thousandth(np.ones(4)) == np.inf


def test_first_steps_are_in_units_of_the_rate():
    axes, short = two(), np.array([[0.0, 0.0, 9.0], [0.3, 0.5, 9.0], [-0.2, 0.9, 9.0]])
    rules.first_steps(axes, MAP, (short, 10 * short), 0.5)
    assert [line.get_ydata() for line in axes[1].lines] == [pytest.approx([0, 0], abs=1e-6), pytest.approx([1, 1])]
    assert axes[0].get_title() == "first step 1 η, without correction 10 η"


def test_shares_are_relative_to_the_largest_and_the_older_half_is_named():
    parts = np.array([1e-3, 1e-2, 1e-1, 10.0])[:, None, None] * np.ones((4, 2, 3))
    for shared, said, update in ((False, "50 %", [0, 0, 0, 0]), (True, "$10^{-3.0}$", [-4, -3, -2, 0])):
        ax = Figure().subplots()
        rules.shares(ax, parts, shared, np.sign, 20, "net")
        assert [line.get_ydata() for line in ax.lines] == [pytest.approx([-4, -3, -2, 0]), pytest.approx(update)]
        assert ax.get_title() == f"net: older half has {said} of the update" and ax.get_xlim() == (0.5, 20.5)


def test_under_the_root_a_number_acts_like_its_own_root_outside():
    size, ends = np.logspace(-12, 0, 5), []
    for eps, inside in ((1e-8, True), (1e-4, False)):
        axes = two()
        rules.places(axes, eps, inside, size[:, None], np.ones((4, 2)), 160)
        ends.append(axes[0].lines[1].get_ydata())
        assert axes[0].get_title().startswith(f"ε = {eps:g}") and axes[1].get_xlim() == (0, 160)
    np.testing.assert_allclose(*ends, atol=0.16)            # at g = √ε: 1/√2 against 1/2; closer elsewhere


@pytest.mark.parametrize("score, marker, said", [(60.0, "*", "60 updates"), (np.nan, "x", "not there")])
def test_a_race_marks_its_rate_by_whether_it_arrived(score, marker, said):
    axes, loss = two(), np.array([[1.0, 2.0], [0.5, 1e9]])
    rules.race(axes, loss, 0.6, (8, 0.1), score, [3, 8, 20], [0.01, 0.1, 1.0], "deep net", "Adam")
    ring, mark = axes[1].lines[-2:]
    assert (ring.get_gid(), mark.get_gid(), mark.get_marker()) == ("drag", "register", marker)
    assert (ring.get_xdata(), ring.get_ydata()) == (8, pytest.approx([-1])) and mark.get_xdata() == 8
    assert axes[0].get_title() == f"deep net, Adam, 8 steps, η = 0.1: {said}" and axes[0].get_ylim() == (0, 2)
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), [1, 0.5, np.nan, 2, 3, np.nan])


def test_a_map_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"picture: expected a loss of shape \(5, 5\), came \(2, 2\)"):
        rules.descent(two(), (SIDE, SIDE, np.eye(2)), np.ones((3, 3)), "")


def test_the_examples_run():
    result = doctest.testmod(rules)
    assert result.attempted and not result.failed
