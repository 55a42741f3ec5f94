"""The exercises of the chapter on the grid."""

import math

import numpy as np

from gradtrace import RNN, backward, forward, stack
from gradtrace.notebook.exercises import Choice, Function, Number


def table(number):
    """A function that fills a table from what is below and to the right."""

    def filled(depth, steps):
        counts = np.zeros((depth, steps), dtype=int)
        for l in range(depth):
            for t in range(steps):
                counts[l, t] = number(depth - 1 - l, steps - 1 - t)
        return counts

    return filled


def one_more(down, back):
    return math.comb(down + back + 1, back)


def powers(down, back):
    return 2 ** (down + back)


def binomial(down, back):
    return math.comb(down + back, back)


ways = table(binomial)


def from_the_star(depth, steps):
    return ways(depth, steps)[::-1, ::-1]


def highest_first(depth, steps):
    return ways(depth, steps)[::-1]


def of_stack(residual):
    """By the package: ∂L/∂x of a stack of tanh layers."""

    def gradient(W, U, x, g):
        n = x.shape[1]
        depth = len(W) - 1
        layers = [
            {"W": W[l], "U": U[l], "b": np.zeros(n)}
            for l in range(1, depth + 1)
        ]
        skips = [residual] * depth
        steps = stack(RNN(n, n), layers, x[:, None], residual=skips)
        _, vjps = forward(steps, np.zeros((1, n)))
        return np.concatenate(backward(vjps, g[None]).h[0][1:])

    return gradient


def walk(slope=True, skip=True, turn=True, held=True):
    """The loops back, with a slip."""

    def gradient(W, U, x, g):
        depth, (steps, n) = len(W) - 1, x.shape
        h = np.zeros((depth + 1, steps + 1, n))
        r = np.zeros_like(h)
        r[0, 1:] = x
        for l in range(1, depth + 1):
            for t in range(1, steps + 1):
                h[l, t] = np.tanh(h[l, t - 1] @ W[l] + r[l - 1, t] @ U[l])
                r[l, t] = r[l - 1, t] + h[l, t]
        to_h = np.zeros_like(h)
        to_r = np.zeros_like(h)
        to_r[depth, steps] = g
        for l in range(depth, 0, -1):
            for t in range(steps, 0, -1):
                if held:
                    to_h[l, t] += to_r[l, t]
                if skip:
                    to_r[l - 1, t] += to_r[l, t]
                d = to_h[l, t] * (1 - h[l, t] ** 2) if slope else to_h[l, t]
                to_h[l, t - 1] += d @ (W[l].T if turn else W[l])
                to_r[l - 1, t] += d @ (U[l].T if turn else U[l])
        return to_r[0, 1:]

    return gradient


rng = np.random.default_rng(0)


def example(depth, steps, n):
    """Weights with an unused entry 0, inputs, and what the loss puts."""
    return (
        rng.standard_normal((depth + 1, n, n)),
        rng.standard_normal((depth + 1, n, n)),
        rng.standard_normal((steps, n)),
        rng.standard_normal(n),
    )


EXERCISES = {
    1: Function(
        ways,
        cases={
            "five layers, eight steps": (5, 8),
            "three and three": (3, 3),
            "one layer": (1, 6),
        },
        hints=[
            (
                from_the_star,
                "that starts at the star; [0, 0] is layer 1, step 1.",
            ),
            (highest_first, "layer 1 is the first row, not the last."),
            (
                table(one_more),
                "that has a link too many: the last one is free, too, as "
                "inputs and starts are left out.",
            ),
            (
                table(powers),
                "that counts all ways of so many links, wherever they end.",
            ),
        ],
    ),
    2: Number(
        3.0,
        hints=[(1 / 3, "that is layers for each step back.")],
        unit="steps",
    ),
    3: Function(
        of_stack(residual=True),
        cases={
            "three layers, four steps": example(3, 4, 2),
            "one layer": example(1, 3, 3),
            "one step": example(4, 1, 2),
        },
        hints=[
            (
                of_stack(residual=False),
                "that is the plain stack's: r hands its gradient down as "
                "well.",
            ),
            (
                walk(skip=False),
                "r_(l, t) holds r_(l-1, t): its gradient goes down unchanged, "
                "too.",
            ),
            (walk(slope=False), "the slope of tanh is missing."),
            (walk(turn=False), "on the way back matrices are transposed."),
            (walk(held=False), "r_(l, t) holds h_(l, t): hand it on there."),
        ],
        why="Two neighbours for every state, and a skip downwards.",
    ),
    4: Choice(
        ["depth", "time", "both", "neither"],
        "neither",
        hints={
            "depth": "look at the bottom of the last column.",
            "time": "look at the left end of the top row.",
            "both": "look at the bottom of the last column.",
        },
        why="A bias on the update gate opens time, residual connections "
        "depth.",
    ),
}
