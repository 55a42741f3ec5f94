"""The exercises of the chapter on iterated maps."""

import numpy as np

from gradtrace import RNN, forward, jacobians, maps, unroll
from gradtrace.notebook.exercises import Function, Number

TIP = -(0.5**0.5)  # where 2 (1 - h²) is 1, on the left


def by_jacobians(W, b, h, v, T):
    """By the package's Jacobians of the unrolled net."""
    n = len(b)
    p = {"W": W, "U": np.zeros((1, n)), "b": b}
    path = unroll(RNN(1, n), p, np.zeros((T, 1, 1)))
    _, vjps = forward(path, h.reshape(1, n))
    total = 0.0
    v = v / np.linalg.norm(v)
    for J in jacobians(vjps):
        v = v @ J
        total += np.log(np.linalg.norm(v))
        v = v / np.linalg.norm(v)
    return total / T


def walked(turned, mean=True, shorten=True):
    """A walk with another step for the change, or another end."""

    def exponent(W, b, h, v, T):
        total = 0.0
        v = v / np.linalg.norm(v)
        for _ in range(T):
            new = np.tanh(h @ W + b)
            v = turned(v, W, h, new)
            h = new
            if shorten:
                total += np.log(np.linalg.norm(v))
                v = v / np.linalg.norm(v)
        if not shorten:
            with np.errstate(divide="ignore"):
                total = np.log(np.linalg.norm(v))
        return total / T if mean else total

    return exponent


def on(v, W, h, new):
    return v @ W * (1 - new**2)


EXERCISES = {
    1: Number(
        maps.mandelbrot(0.25 + 1e-6, 10_000).step,
        rtol=0.01,
        unit="steps",
        hints=[
            (31_416, "that is t for Δ = 1e-8."),
            (314, "that is t for Δ = 1e-4."),
            (3_141_593, "take the root of Δ."),
        ],
        why="The number is π.",
    ),
    2: Number(
        np.arctanh(TIP) - 2 * TIP,
        hints=[
            (TIP, "that is the state there, not the bias."),
            (2 * TIP - np.arctanh(TIP), "there the right one disappears."),
            (
                np.arctanh(TIP),
                "that is the whole pre-activation: subtract 2h.",
            ),
        ],
        why="A net whose bias passes it loses its memory at once.",
    ),
    3: Number(
        53,
        rtol=0.05,
        unit="steps",
        hints=[
            (16, "those are decimal digits; a step costs a binary one."),
            (53 * np.log(2), "ln 2 a step is a doubling a step."),
            (53 / np.log(2), "ln 2 a step is a doubling a step."),
        ],
    ),
    4: Function(
        by_jacobians,
        cases={
            "a single step": (
                np.array([[1.2, -0.5], [0.3, 0.8]]),
                np.array([0.1, -0.2]),
                np.array([0.4, -0.7]),
                np.array([1.0, 0.0]),
                1,
            ),
            "three units, 30 steps": (
                np.array(
                    [[0.9, -0.8, 0.1], [0.5, 0.7, -0.6], [0.2, 0.4, 1.1]]
                ),
                np.array([0.3, -0.2, 0.1]),
                np.array([0.4, -0.7, 0.2]),
                np.array([1.0, 2.0, -1.0]),
                30,
            ),
            "2000 steps": (
                1.7 * np.array([[1.0, -0.15], [0.15, 1.0]]),
                np.zeros(2),
                np.array([0.4, -0.7]),
                np.array([1.0, 0.0]),
                2000,
            ),
        },
        hints=[
            (
                walked(lambda v, W, h, new: v @ W.T * (1 - new**2)),
                "a row goes on as v J; W is not transposed.",
            ),
            (
                walked(lambda v, W, h, new: v @ W * (1 - h**2)),
                "the slope of tanh is 1 - h'², with the new state.",
            ),
            (
                walked(lambda v, W, h, new: v @ W),
                "the slopes 1 - h'² are missing: J = W diag(1 - h'²).",
            ),
            (walked(on, mean=False), "divide the sum by the steps."),
            (
                walked(on, shorten=False),
                "over 2000 steps v becomes zero: shorten it after each step.",
            ),
        ],
        why="So much a gradient grows or fades per step, in the long run.",
    ),
}
