"""Pictures of single units: what was given is drawn, with named axes and limits that do not depend on it."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import units


def test_a_walk_shows_way_and_goal_in_fixed_limits():
    for path in (np.zeros((2, 2)), np.full((5, 2), 9.0)):
        ax = Figure().subplots()
        units.walk(ax, path, (1, -1), colour="blue", mark="red")
        way, goal = ax.lines
        assert np.array_equal(np.transpose(way.get_data()), path) and tuple(np.ravel(goal.get_data())) == (1, -1)
        assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 1.5), (-1.5, 0.5))
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("first weight", "second weight")


def test_an_envelope_lies_on_the_highest_piece():
    ax, W, b = Figure().subplots(), np.array([[-1.0, 0.0, 2.0]]), np.array([-1.0, 0.0, -2.0])
    units.envelope(ax, W, b, colours=("grey", "blue"))
    *pieces, top = (line.get_ydata() for line in ax.lines)
    assert len(pieces) == 3 and np.array_equal(top, np.max(pieces, axis=0))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["pieces", "the largest"]


def test_arrays_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"path: expected shape \(steps \+ 1, 2\), came shape \(3,\)"):
        units.walk(Figure().subplots(), np.zeros(3), (0, 0), colour="blue", mark="red")
    with pytest.raises(ValueError, match=r"W, b: expected .* came \(1, 2\) and \(3,\)"):
        units.envelope(Figure().subplots(), np.zeros((1, 2)), np.zeros(3), colours=("grey", "blue"))


def test_the_examples_run():
    result = doctest.testmod(units)
    assert result.attempted and not result.failed
