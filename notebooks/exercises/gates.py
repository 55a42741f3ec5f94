"""The exercises of the chapter on gates."""

import numpy as np

from gradtrace import OneGate, sigmoid
from gradtrace.notebook.exercises import Choice, Function, Number

HALF_LIFE = np.log(2) / np.log(1 + np.exp(-1))  # σ(1)^k = ½
BIAS_1000 = -np.log(2 ** (1 / 1000) - 1)


def gated_step(h, W, W_z, g):
    """By the package, whose gate is for the share that is replaced."""
    h_next, vjp = OneGate(len(W))({"W": W, "W2": -W_z}, h)
    grads = vjp(g)
    return h_next, grads.h, grads.p["W"], -grads.p["W2"]


def by_ways(kept=1, candidate=1, gate=1, slope=1, share=1, turned=1):
    """The step with some of the ways back, or some of their factors."""

    def step(h, W, W_z, g):
        a_z = h @ W_z
        z = sigmoid(a_z)
        new = np.tanh(h @ W)
        d_z = g * (h - new) * (sigmoid.slope(a_z) if slope else 1)
        d = g * ((1 - z) if share else 1) * (1 - new**2)
        W_back, W_z_back = (W.T, W_z.T) if turned else (W, W_z)
        through_candidate = candidate * (d @ W_back)
        through_gate = gate * (d_z @ W_z_back)
        dh = kept * g * z + through_candidate + through_gate
        return z * h + (1 - z) * new, dh, h.T @ d, h.T @ d_z

    return step


def exchanged(h, W, W_z, g):
    """z for what is replaced."""
    h_next, vjp = OneGate(len(W))({"W": W, "W2": W_z}, h)
    grads = vjp(g)
    return h_next, grads.h, grads.p["W"], grads.p["W2"]


def case(samples, n):
    rng = np.random.default_rng(n)
    h, g = rng.standard_normal((2, samples, n))
    W, W_z = rng.standard_normal((2, n, n))
    return h, W, W_z, g


EXERCISES = {
    1: Choice(
        ["f", "i", "o"],
        "i",
        hints={
            "f": "f multiplies c̄ at every step.",
            "o": "if o is open, c also acts through h.",
        },
        why="Shut, it keeps the value of the cell state, not its gradient.",
    ),
    2: Number(
        [HALF_LIFE, BIAS_1000],
        rtol=0.01,
        hints=[
            (
                [HALF_LIFE, np.log(1000)],
                "ln k carries 1/e over k steps; a half needs ln(k / ln 2).",
            ),
            (
                [np.log(2), BIAS_1000],
                "first number: what σ(1) leaves per step is 0.731, not 1/e.",
            ),
        ],
    ),
    3: Choice(
        ["both", "z", "r", "neither"],
        "z",
        hints={
            "both": "r ⊙ (h W) and (r ⊙ h) W are different functions.",
            "r": "r ⊙ (h W) and (r ⊙ h) W are different functions.",
            "neither": "σ(-a) = 1 - σ(a).",
        },
        why="Flip the signs of its weights and its bias.",
    ),
    4: Function(
        gated_step,
        cases={
            "one unit": case(1, 1),
            "one sample": case(1, 3),
            "a batch of four": case(4, 3),
        },
        returns=("h'", "∂L/∂h", "∂L/∂W", "∂L/∂W_z"),
        hints=[
            (by_ways(gate=0), "∂L/∂h: the way through the gate is missing."),
            (by_ways(candidate=0), "∂L/∂h: the candidate's way is missing."),
            (by_ways(kept=0), "∂L/∂h: what is kept passes z: g ⊙ z."),
            (by_ways(slope=0), "the gate's slope, σ'(a), is missing."),
            (by_ways(share=0), "the candidate's gradient is short of 1 - z."),
            (by_ways(turned=0), "on the way back W is transposed."),
            (exchanged, "here z is the share of h that is kept."),
        ],
        why="At z = 1 only the first way is open, and it changes nothing.",
    ),
}
