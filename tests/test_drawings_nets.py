"""The drawings of notebook 04: they show the numbers they are given, and their examples run."""

import doctest

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from gradtrace import Dense, backward, deep, draw, forward
from gradtrace.drawings import nets


@pytest.mark.parametrize("name", ["ladder", "vee", "points"])
def test_examples_run(name):
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    for case in finder.find(getattr(nets, name), name, globs=vars(nets).copy()):
        runner.run(case)
    assert runner.summarize().attempted and not runner.summarize().failed


def test_a_ladder_shows_every_number_once_and_zeros_in_grey():
    rng, layers = np.random.default_rng(0), [Dense(2, 3), Dense(3, 2, "identity")]
    net = deep(layers, [draw(layer, rng) for layer in layers])
    h, vjps = forward(net, np.array([[0.0, 1.0]]))
    grads, ax = backward(vjps, h[2]), Figure().subplots()
    nets.ladder(ax, net, h, np.ones((1, 2)), grads)
    assert len(ax.texts) == 2 * (2 + 6 + 3 + 3 + 3 + 6 + 2 + 2) + 3 + 2         # with slopes and targets
    shown = [text.get_text() for text in ax.texts]
    assert all(f"{number + 0.0:.2f}" in shown for number in np.ravel(grads.p[1]["W"]))
    grey = [tuple(face) == to_rgba(nets.GREY, 0.45) for face in ax.collections[0].get_facecolor()]
    assert sum(grey) == 1 + 3 + 3 + 2           # x_1, its row of ∂L/∂W_1, and the biases drawn as zeros


def test_a_v_marks_the_width_that_is_asked_for():
    s, ax = 10.0 ** np.arange(-5, 0), Figure().subplots()
    nets.vee(ax, s, s, 1e-3, order=1, rounding=1e-16)
    assert np.allclose(ax.lines[-1].get_xydata(), [[-3, -3]])
    assert np.allclose(ax.lines[0].get_ydata(), ax.lines[2].get_ydata())
