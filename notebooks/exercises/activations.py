"""The exercises of the chapter on activations."""

import warnings

import numpy as np

from gradtrace import sigmoid
from gradtrace.notebook.exercises import Function, Number
from gradtrace.steps.activations import selu

z = np.linspace(-10, 10, 200_001)
density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
mean_square = np.sum(selu.slope(z) ** 2 * density) * 1e-4
mean_slope = np.sum(selu.slope(z) * density) * 1e-4


def sigmoid_and_slope(a):
    return sigmoid(a), sigmoid.slope(a)


def by_formula(a):
    with np.errstate(over="ignore", invalid="ignore"):
        value = 1 / (1 + np.exp(-a))
    return value, value * (1 - value)


def slope_of_the_value(a):
    value = sigmoid(a)
    return value, sigmoid.slope(value)


def without_a_minus(a):
    return sigmoid(-a), sigmoid.slope(a)


def complains(yours):
    """Whether 1000 raises a warning, as an overflow does."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yours(np.array([-1000.0, 1000.0]))
    if caught:
        return f"at a = ±1000 numpy warns: {caught[0].message}."
    return None


def dead_units(x, W, b):
    return (x @ W + b).max(axis=0) <= 0


def silent_somewhere(x, W, b):
    return (x @ W + b <= 0).any(axis=0)


def dead_samples(x, W, b):
    return (x @ W + b <= 0).all(axis=1)


def without_bias(x, W, b):
    return (x @ W <= 0).all(axis=0)


def alive(x, W, b):
    return ~dead_units(x, W, b)


def strictly(x, W, b):
    return (x @ W + b < 0).all(axis=0)


rng = np.random.default_rng(1)
SOME = rng.standard_normal((4, 3))

EXERCISES = {
    1: Number(
        -1,
        hints=[
            (1, "the other sign: b has to outweigh x w."),
            (0, "then x = (1, 0) still switches it on."),
            (-3, "the second weight can only push down."),
            (2, "b > 0 switches it on at x = 0."),
        ],
        why="The largest x w is 1, at x = (1, 0).",
    ),
    2: Number(
        mean_square**0.5,
        hints=[
            (1, "forward it is 1, backward it is not."),
            (mean_square, "take the root."),
            (mean_slope, "that is the mean of the slopes: square them first."),
            (1.0507, "that is the slope on the right alone."),
        ],
    ),
    3: Function(
        sigmoid_and_slope,
        cases={
            "moderate numbers": (np.linspace(-6, 6, 7),),
            "a matrix": (SOME,),
            "large numbers": (np.array([-40.0, 40.0]),),
            "huge numbers": (np.array([-1000.0, 1000.0]),),
        },
        returns=("σ", "σ'"),
        hints=[
            (
                by_formula,
                "right in the middle. Far out, 1 - σ(a) has no digits left.",
            ),
            (slope_of_the_value, "the slope belongs to a, not to σ(a)."),
            (without_a_minus, "σ rises: a minus is missing or one too many."),
        ],
        also=[complains],
    ),
    4: Function(
        dead_units,
        cases={
            "the known value": (
                np.eye(2),
                np.array([[1.0, -1.0]] * 2),
                np.zeros(2),
            ),
            "twelve units": (
                np.abs(rng.standard_normal((5, 4))),
                rng.standard_normal((4, 12)),
                np.linspace(-2, 1, 12),
            ),
            "units that stay at zero": (
                np.zeros((3, 2)),
                np.ones((2, 2)),
                np.array([0.0, -1.0]),
            ),
        },
        hints=[
            (silent_somewhere, "one silent sample does not make it dead."),
            (dead_samples, "that is one answer for each sample."),
            (without_bias, "the bias counts, too."),
            (alive, "that says which ones are alive."),
            (strictly, "at a = 0 the unit is silent as well."),
        ],
    ),
}
