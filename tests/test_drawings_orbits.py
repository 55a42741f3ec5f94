"""Pictures of iterated maps: they show the numbers they are given, and their examples run."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace import maps
from gradtrace.drawings import orbits

NAMES = "first", "second"


def logistic(r, xs):
    axes, exponents = Figure().subplots(1, 4), np.array([-0.7, 0.7])
    diagram = orbits.density(maps.bifurcation(np.array([2.5, 4.0])), 9, colour="blue")
    orbits.logistic(axes, r, xs, np.zeros(30), 0.1, 0, diagram=diagram, curve=(np.array([2.5, 4.0]), exponents))
    return axes


def test_a_cobweb_touches_the_function_and_the_diagonal_in_turn():
    xs = maps.logistic(3.7, 0.3, 60)
    axes = logistic(3.7, xs)
    x, y = axes[0].lines[2].get_data()
    assert (x[0], y[0]) == (0.3, 0) and np.array_equal(y[1::2], xs[1:]) and np.array_equal(x[2::2], y[2::2])
    assert axes[1].get_title() == "no period"


def test_what_is_no_orbit_is_refused():
    with pytest.raises(ValueError, match=r"xs: expected an orbit of the logistic map with r = 3\.7"):
        logistic(3.7, maps.logistic(3.6, 0.3, 60))


def test_what_never_escapes_is_black_and_has_no_gradient():
    axes = Figure().subplots(1, 2)
    step, log_slope = maps.mandelbrot(np.array([[0, 0.26], [1, 2]]), 100)
    orbits.escape(axes, step, log_slope, 3, 1.0, 0.5 + 0.5j)
    shown = [np.ma.filled(ax.images[0].get_array(), np.nan) for ax in axes]
    assert np.isnan([image[0, 0] for image in shown]).all() and np.array_equal(shown[0][1], step[1] - 3)
    assert np.allclose(shown[1][1], log_slope[1] / np.log(10) - 1)


def test_density_is_opaque_where_orbits_are_and_nowhere_else():
    opaque = orbits.density(maps.bifurcation(np.array([2.8, 3.2])), 10, colour="blue")[..., 3] > 0
    assert [np.flatnonzero(column).tolist() for column in opaque.T] == [[6], [5, 7]]


@pytest.mark.parametrize("show", [lambda ax, a: orbits.field(ax, a, 2.0, "T", ends=(0, 1), names=NAMES),
                                  lambda ax, a: orbits.basins(ax, a, 2.0, "T", names=NAMES)])
def test_a_map_keeps_its_numbers_and_names_its_axes(show):
    ax, image = Figure().subplots(), np.array([[0, 1, 2], [3, -1, 0]])
    show(ax, image)
    assert np.array_equal(ax.images[0].get_array(), image)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xlim(), ax.get_ylim()) == (*NAMES, (-2, 2), (-2, 2))


def test_what_cannot_be_shown_is_named():
    with pytest.raises(ValueError, match=r"image: expected shape \(rows, columns\), came shape \(3,\)"):
        orbits.field(Figure().subplots(), np.zeros(3), 1.0, "", ends=(0, 1), names=NAMES)
    with pytest.raises(ValueError, match="label: expected at most 7 basins, came 9"):
        orbits.basins(Figure().subplots(), np.array([[8]]), 1.0, "", names=NAMES)


def test_the_examples_run():
    result = doctest.testmod(orbits)
    assert result.attempted and not result.failed
