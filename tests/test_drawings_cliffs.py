"""Pictures of cliffs and clipping: what was given is drawn, in limits that do not depend on it."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import cliffs

INK = {"colours": ("grey", "blue", "orange", "red")}
two = lambda: Figure().subplots(1, 2)


def test_a_wall_has_its_formula_as_a_dot_at_the_boundary():
    axes, off = two(), np.linspace(-0.6, 0.6, 5)
    cliffs.wall(axes, off, off**2, 10 * off, 100.0, ("a", "b"), **INK)
    curve, dot = axes[1].lines
    np.testing.assert_allclose(curve.get_ydata()[-1], np.log10(6), atol=1e-6)
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (0, 2) and axes[1].get_ylim() == (-4, 11)


@pytest.mark.parametrize("far", [0.0, 1e6])
def test_a_descent_shows_its_way_and_keeps_its_limits(far):
    axes, w, b, way = two(), np.linspace(4, 5, 3), np.linspace(-3, -1, 4), np.array([[4.5, 4 + far], [-2.0, -2 + far]])
    cliffs.descent(axes, (w, b, np.zeros((3, 4))), way, np.ones((2, 2)), 1.0, ("a", "b"), **INK)
    assert np.array_equal(axes[0].lines[0].get_data(), way[::-1])
    assert (axes[0].get_xlim(), axes[0].get_ylim()) == ((-3, -1), (4, 5))


@pytest.mark.parametrize("g", [(3.0, 0.8), (0.5, 0.2), (2.0, 2.0)])
def test_a_gradient_clipped_by_norm_ends_within_the_circle_and_by_value_within_the_square(g):
    ax = Figure().subplots()
    cliffs.clipped(ax, g, 1.0, **INK)
    norm, value = (np.ravel(ax.lines[k].get_data()) for k in (5, 7))
    assert np.isclose(np.linalg.norm(norm), min(1, np.linalg.norm(g))) and np.isclose(norm[0] * g[1], norm[1] * g[0])
    assert np.array_equal(value, np.minimum(g, 1))


def test_examples_show_the_mean_of_the_first_n():
    axes, x = two(), np.linspace(-1, 1, 5)
    loss = np.outer(np.arange(5.0), [1, 3, 8])
    cliffs.examples(axes, x, np.array([x, x**2]), 1, np.sign(x), x, loss, 2, 0.0, **INK)
    assert np.array_equal(axes[0].lines[1].get_ydata(), x**2)
    assert np.array_equal(axes[1].lines[1].get_ydata(), 2 * np.arange(5.0))


def test_cosines_are_read_off_at_the_mark():
    axes, x = two(), np.array([1.0, 2.0, 5.0])
    cosines = np.array([[0.0, 0.5, 1.0], [0.1, 0.2, 0.3]])
    cliffs.turned(axes, (x, x), cosines, 1, (x, 10 * x), 3.0, (2, 2), "kb", ("net", "unit"), **INK)
    assert axes[0].get_title() == "net: 0.20" and axes[1].get_title() == "unit"
    np.testing.assert_allclose(axes[1].lines[1].get_ydata(), 1 + np.log10(x))


def test_arrays_that_do_not_fit_are_named():
    x = np.zeros(3)
    with pytest.raises(ValueError, match=r"slope: expected shape \(3,\), came \(2,\)"):
        cliffs.wall(two(), x, x, np.zeros(2), 1.0, "ab", **INK)
    with pytest.raises(ValueError, match=r"loss: expected shape \(3, 3\) of w and b, came \(3, 2\)"):
        cliffs.descent(two(), (x, x, np.zeros((3, 2))), np.zeros((2, 2)), np.ones((2, 2)), 1.0, "ab", **INK)
    with pytest.raises(ValueError, match="g: expected two numbers above 0"):
        cliffs.clipped(Figure().subplots(), (1.0, -1.0), 1.0, **INK)
    with pytest.raises(ValueError, match="target: expected shape"):
        cliffs.examples(two(), x, np.zeros((2, 3)), 1, np.zeros(2), x, np.zeros((3, 2)), 2, 0.0, **INK)
    with pytest.raises(ValueError, match="norms: expected shape"):
        cliffs.turned(two(), (x, x), np.zeros((1, 3)), 0, np.ones((2, 2)), 1.0, (0, 0), "ab", "ab", **INK)


def test_the_examples_run():
    result = doctest.testmod(cliffs)
    assert result.attempted and not result.failed
