"""The exercises of the chapter on chains of slopes."""

import numpy as np

from gradtrace import Dense, forward, trace, unroll
from gradtrace.notebook.exercises import Function, Number


def settled_state(w):
    """Where the tanh chain h' = tanh(w h) settles."""
    h = 0.5
    for _ in range(1000):
        h = np.tanh(w * h)
    return h


h_star = settled_state(2.0)


def slope_of_chain(w, h_1, T):
    """By the package: dh_T/dh_1 of the chain h_t = tanh(w h_{t-1})."""
    if T == 1:
        return 1.0  # no step at all
    layer = Dense(1, 1, "tanh")
    p = {"W": np.array([[float(w)]]), "b": np.zeros(1)}
    _, vjps = forward(unroll(layer, p, T - 1), np.array([[float(h_1)]]))
    size = np.exp(trace(vjps, np.ones((1, 1))).log_h[0])
    return size if w > 0 or T % 2 == 1 else -size


def slope_with(factor, steps):
    """A chain walked with another factor, or with other steps."""

    def slope(w, h_1, T):
        h, product = h_1, 1.0
        for _ in range(steps(T)):
            new = np.tanh(w * h)
            product = product * factor(w, h, new)
            h = new
        return product

    return slope


def all_but_one(T):
    return T - 1


without_w = slope_with(lambda w, h, new: 1 - new**2, all_but_one)
without_slope = slope_with(lambda w, h, new: w, all_but_one)
at_the_state = slope_with(lambda w, h, new: (1 - h**2) * w, all_but_one)
at_the_value = slope_with(
    lambda w, h, new: (1 - np.tanh(new) ** 2) * w, all_but_one
)
one_too_many = slope_with(lambda w, h, new: (1 - new**2) * w, lambda T: T)


EXERCISES = {
    1: Number(
        1e6 ** (1 / 49),
        hints=[
            (1e6 ** (1 / 50), "that is the 50th root; there are 49 steps."),
            (1e6 / 49, "steps multiply, they do not add: take a root."),
        ],
        why="Six decades are shared out among 49 steps.",
    ),
    2: Number(
        2 * (1 - h_star**2),
        rtol=0.01,
        hints=[
            (1 - h_star**2, "that is φ'(a) alone; the weight is missing."),
            (2.0, "that is at h = 0; the state does not stay there."),
        ],
    ),
    3: Number(
        3 ** (1 / 100) - 1,
        rtol=0.01,
        hints=[
            (3 ** (1 / 100), "that is the whole factor, 1 + Z."),
            (0.02, "1 + TZ is only the start of the sum."),
        ],
    ),
    4: Function(
        slope_of_chain,
        cases={
            "two states": (0.5, 0.3, 2),
            "four states": (1.5, 0.2, 4),
            "a negative weight": (-1.2, 0.4, 5),
            "a single state": (2.0, 0.1, 1),
        },
        hints=[
            (without_w, "the factor w of each step is missing."),
            (without_slope, "the slope of tanh is missing from each step."),
            (at_the_state, "tanh'(a) is 1 - h'², with the new state."),
            (at_the_value, "the new state is tanh(a) already: square it."),
            (one_too_many, "between h_1 and h_T lie T - 1 steps."),
        ],
        why="That is backpropagation, for a chain of single units.",
    ),
}
