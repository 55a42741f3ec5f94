"""Pictures of memories: every station and every singular value is drawn, and nothing that is exactly zero."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import gates


def test_a_carry_shows_its_stations_in_order_inside_fixed_limits():
    for stations, out in ([("×", "W")], None), ([("×", "f"), ("+", "i ∘ g")], "h'"):
        ax = Figure().subplots()
        gates.carry(ax, "cell", "h", "h'", stations, out)
        places = {text.get_text(): text.get_position()[0] for text in ax.texts}
        assert (ax.get_xlim(), ax.get_ylim()) == ((0, 12), (0, 3))
        assert all(places[symbol] == places[source] for symbol, source in stations)
        shown = [places[symbol] for symbol, _ in stations]
        assert shown == sorted(shown) and all(0 < place < 12 for place in places.values())


def test_a_fan_holds_every_singular_value_at_its_delay():
    log_s = np.random.default_rng(0).standard_normal((5, 3))
    ax = Figure().subplots()
    gates.fan(ax, log_s, np.zeros(6), "all", delay=4)
    values, norm, mark = ax.lines
    x, y = (np.reshape(data, (3, 7)) for data in values.get_data())
    assert np.array_equal(x[0, :-1], np.arange(6)) and np.isnan(x[:, -1]).all() and np.isnan(y[:, -1]).all()
    assert (y[:, 0] == 0).all() and np.allclose(y[:, 1:-1].T, log_s / np.log(10))
    assert (norm.get_ydata() == 0).all() and set(mark.get_xdata()) == {4}


def test_what_is_exactly_zero_is_not_drawn():
    ax = Figure().subplots()
    gates.fan(ax, np.array([[0.0, -np.inf]]), np.array([0.0, -np.inf]), "one zero")
    assert np.isnan(ax.lines[0].get_ydata()[4]) and np.isnan(ax.lines[1].get_ydata()[1])
    assert len(ax.lines) == 2


def test_the_chosen_spectrum_is_drawn_last_and_over_the_same_share():
    ax, spectra = Figure().subplots(), {"a": np.log([10.0, 1.0]), "b": np.log([1.0, 0.1, 0.01])}
    gates.ranked(ax, spectra, "a", "two")
    others, mine = (line.get_xydata() for line in ax.lines)
    assert np.allclose(mine, [[0, 1], [100, 0]])
    assert np.allclose(others[[0, 1, 3, 4, 5]], [[0, 1], [100, 0], [0, 0], [50, -1], [100, -2]])
    assert np.isnan(others[[2, 6]]).all()


def test_a_band_reaches_from_the_lowest_curve_to_the_highest():
    log = np.random.default_rng(0).standard_normal((6, 5))
    ax = Figure().subplots()
    gates.band(ax, log, np.zeros(6), "all")
    edges = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(edges.max(), log.max() / np.log(10)) and np.isclose(edges.min(), log.min() / np.log(10))
    assert np.allclose(ax.lines[0].get_ydata(), np.median(log, axis=1) / np.log(10))


def test_a_cell_is_drawn_with_fixed_limits_and_named_axes():
    for c in (np.zeros(4), np.arange(4.0)):
        axes = Figure().subplots(1, 2)
        gates.cell(axes, c, np.ones(3), np.array([0, -np.inf, -np.inf, -np.inf]), "erase")
        assert np.array_equal(axes[0].lines[1].get_ydata(), c) and len(axes[0].lines[0].get_xdata()) == 3
        assert np.isnan(axes[1].lines[0].get_ydata()[1:]).all()
        assert axes[0].get_ylim() == (-1.2, 3.9) and all(ax.get_xlabel() and ax.get_ylabel() for ax in axes)


def test_an_array_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"log_s: expected shape \(T, N\), came shape \(3,\)"):
        gates.fan(Figure().subplots(), np.zeros(3), np.zeros(4), "flat")


def test_the_examples_run():
    result = doctest.testmod(gates)
    assert result.attempted and not result.failed
