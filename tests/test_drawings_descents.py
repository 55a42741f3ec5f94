"""Pictures of noisy descent: what was given is drawn, in limits that do not depend on it."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import descents

INK = {"colours": ("grey", "blue", "orange", "red")}
two = lambda: Figure().subplots(2)


def test_contours_lie_where_the_function_has_its_levels():
    x, y = np.linspace(-1, 1, 21), np.linspace(-1, 1, 31)
    u, v = descents.contours(x, y, x[:, None] + 0 * y)
    assert np.isnan(u).sum() == 10 and np.nanmax(abs(u)) <= 1 and np.nanmax(abs(v)) <= 1
    np.testing.assert_allclose(np.unique(u[np.isfinite(u)].round(9))[[0, -1]], [-0.997, -0.6])


@pytest.mark.parametrize("w, where", [(0, "on the ridge"), (0.5, "in the right valley"), (-0.5, "in the left valley")])
def test_a_path_says_where_it_ends_and_keeps_its_limits(w, where):
    axes, way = two(), np.array([[0.9, 50.0, w], [0.5, -1.0, -1.0], [0.5, 9.0, 0.1]])
    descents.path(axes, np.zeros((2, 1)), (0.5, -1.0, 0.1), way, "batch 8", **INK)
    start = next(line for line in axes[0].lines if line.get_gid() == "drag")
    assert axes[0].get_title() == f"batch 8: ends {where}" and start.get_xydata().tolist() == [[0.9, 0.5]]
    assert axes[1].lines[0].get_ydata() == pytest.approx([0.4, 8.9, 1e-7])          # at the bottom: the least drawn
    assert (axes[0].get_xlim(), axes[1].get_ylim()) == ((-1.1, 1.1), (1e-6, 2))


def test_noise_of_zero_leaves_a_gap_and_all_cosines_are_counted():
    axes, sizes = two(), np.array([1, 4, 16])
    cosines = [np.array([-0.1, 0.2]), np.array([0.5, 0.6]), np.ones(2)]
    descents.noise(axes, sizes, np.array([8.0, 2.0, 1e-30]), [8.0, 2.0, 0.0], 2, cosines, "now", **INK)
    assert np.array_equal(np.isnan(axes[0].lines[1].get_ydata()), [False, False, True])
    assert axes[1].collections[0].get_paths()[0].vertices[:, 1].max() == 100
    assert axes[1].get_title() == "cosine 1.00 on average"


@pytest.mark.parametrize("unit, most", [("updates", 3), ("samples", 12)])
def test_a_price_is_counted_in_updates_and_in_samples(unit, most):
    axes, x = two(), np.array([1, 2, 3])
    curves = {1: (x, np.array([2.0, 1.0, 0.1])), 4: (x, np.array([2.0, 1.0, 0.5]))}
    descents.price(axes, curves, 4, 0.2, unit, (0.5, 0.25), **INK)
    assert max(axes[0].lines[-1].get_xdata()) == most and axes[0].get_title() == "batch 4, rate 0.25"
    assert axes[1].get_title() == "to the goal: not reached"
    descents.price(axes, curves, 1, 0.2, unit, (0.5, 0.25), **INK)
    assert axes[1].get_title() == "to the goal: 3 updates, 3 samples"


def test_a_family_is_drawn_at_the_edge_where_it_leaves():
    ax, rates = Figure().subplots(), np.array([0.25, 0.5, 1.0])
    curves = np.array([[0.3, 0.2, 1e30], [0.4, 0.3, 0.2]])
    descents.family(ax, rates, curves, 0, (0.3, 0.5), ("rate", "loss"), (0.1, 5), "a", later=curves[1], **INK)
    assert [max(line.get_ydata()) for line in ax.lines[:4]] == [5, 0.4, 5, 0.4]
    assert [line.get_xdata()[0] for line in ax.lines[4:]] == [0.3, 0.5]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.25", "0.5", "1"]


def test_arrays_that_do_not_fit_are_named():
    x, three = np.zeros(3), np.ones(3)
    with pytest.raises(ValueError, match=r"z: expected shape \(3, 3\) of x and y, came \(3, 2\)"):
        descents.contours(x, x, np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"way: expected weight, bias and loss, shape \(3, updates\), came \(2, 3\)"):
        descents.path(two(), np.zeros((2, 1)), three, np.zeros((2, 3)), "a", **INK)
    with pytest.raises(ValueError, match=r"measured, law: expected shape \(2, 3\)"):
        descents.noise(two(), three, x[:2], x[:2], 0, [x] * 3, "a", **INK)
    with pytest.raises(ValueError, match=r"k, rates: expected one of \[1\]"):
        descents.price(two(), {1: (three, three)}, 2, 0.2, "samples", [0.5], **INK)
    with pytest.raises(ValueError, match="curves: expected shape"):
        descents.family(Figure().subplots(), three, np.zeros((1, 2)), 0, (), "ab", (0, 1), "a", **INK)


def test_the_examples_run():
    result = doctest.testmod(descents)
    assert result.attempted and not result.failed
