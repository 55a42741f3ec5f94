"""The price of memory: every plan has its mark, every line its number."""

import doctest

import numpy as np
from matplotlib.figure import Figure

from gradtrace.drawings import costs

COLOURS = ["black", "red", "blue", "grey"]


def test_examples_run():
    result = doctest.testmod(costs)
    assert result.attempted > 5 and not result.failed


def test_each_line_ends_at_its_number():
    ax = Figure().subplots()
    costs.rooms(ax, np.array([10, 1000]), {1: [11, 1001], 3: [5, 22]}, colours=COLOURS)
    assert [text.get_text() for text in ax.texts] == ["1T", "3T"]
    assert [line.get_ydata()[-1] for line in ax.lines] == [text.get_position()[1] for text in ax.texts]


def test_prices_marks_every_plan():
    ax, curves = Figure().subplots(), np.array([[3, 10, 101], [4, 2, 1], [4, 3, 2]])
    costs.prices(ax, 10, curves, [(20, 190), (101, 100), (10, 200)], colours=COLOURS)
    assert [tuple(a) for a in ax.lines[-2].get_xydata().round(3)] == [(1.301, 1.9), (2.004, 1.0)]
    assert tuple(ax.lines[-1].get_xydata()[0]) == (1, 2)
