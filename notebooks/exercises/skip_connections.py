"""The exercises of the chapter on skip connections."""

import numpy as np

from gradtrace import Dense, Residual, Seq, tanh
from gradtrace.notebook.exercises import Function, Number

bias = np.log(2 ** (1 / 50) - 1)

rng = np.random.default_rng(7)


def residual_backward(g, h, W1, b1, W2):
    """By the package: ∂L/∂h, ∂L/∂W1, ∂L/∂b1 and ∂L/∂W2 of a block."""
    n, m = W1.shape
    block = Residual(Seq(Dense(n, m, "tanh"), Dense(m, n, "identity")))
    p = {"0.W": W1, "0.b": b1, "1.W": W2, "1.b": np.zeros(n)}
    _, vjp = block(p, h)
    grads = vjp(g)
    return grads.h, grads.p["0.W"], grads.p["0.b"], grads.p["1.W"]


def inner(g, h, W1, b1, W2):
    """a, and ∂L/∂a."""
    a = h @ W1 + b1
    return a, (g @ W2.T) * tanh.slope(a)


def with_grad_h(grad_h):
    """The right gradients but for ∂L/∂h."""

    def backward(g, h, W1, b1, W2):
        _, d = inner(g, h, W1, b1, W2)
        _, *rest = residual_backward(g, h, W1, b1, W2)
        return grad_h(g, d, W1), *rest

    return backward


def with_slope(slope):
    """Everything from another slope of tanh."""

    def backward(g, h, W1, b1, W2):
        a = h @ W1 + b1
        d = (g @ W2.T) * slope(a)
        return g + d @ W1.T, h.T @ d, d.sum(axis=0), np.tanh(a).T @ g

    return backward


without_identity = with_grad_h(lambda g, d, W1: d @ W1.T)
twice_around = with_grad_h(lambda g, d, W1: 2 * g + d @ W1.T)
subtracted = with_grad_h(lambda g, d, W1: g - d @ W1.T)
only_around = with_grad_h(lambda g, d, W1: g)
without_slope = with_slope(np.ones_like)
slope_of_the_value = with_slope(lambda a: tanh.slope(np.tanh(a)))
the_value = with_slope(np.tanh)


def untransposed(g, h, W1, b1, W2):
    a = h @ W1 + b1
    d = (g @ W2) * tanh.slope(a)
    return g + d @ W1, h.T @ d, d.sum(axis=0), np.tanh(a).T @ g


def before_tanh(g, h, W1, b1, W2):
    a, _ = inner(g, h, W1, b1, W2)
    *rest, _ = residual_backward(g, h, W1, b1, W2)
    return *rest, a.T @ g


def slope_without_bias(g, h, W1, b1, W2):
    d = (g @ W2.T) * tanh.slope(h @ W1)
    return g + d @ W1.T, h.T @ d, d.sum(axis=0), np.tanh(h @ W1).T @ g


def block(samples, n, m):
    """Arguments: g, h, W1, b1 and W2."""
    g, h = rng.standard_normal((2, samples, n))
    W1 = rng.standard_normal((n, m))
    b1 = rng.standard_normal(m)
    return g, h, W1, b1, rng.standard_normal((m, n))


EXERCISES = {
    1: Number(
        2.0**20,
        hints=[
            (21, "a block adds what it finds, more and more."),
            (2.0**10, "that is the standard deviation."),
        ],
        why="Each block doubles it.",
    ),
    2: Number(
        bias,
        hints=[
            (-bias, "the sign: this gate keeps next to nothing."),
            (0, "that leaves a half in every layer."),
            (np.log(0.01 / 0.99), "0.99^50 is 0.605."),
            (bias / np.log(10), "the gate uses e."),
        ],
    ),
    3: Function(
        residual_backward,
        cases={
            "one sample": block(1, 3, 3),
            "a batch of three": block(3, 3, 3),
            "a wider inside": block(4, 2, 5),
        },
        returns=("∂L/∂h", "∂L/∂W1", "∂L/∂b1", "∂L/∂W2"),
        hints=[
            (without_identity, "the way around F is missing: add g."),
            (only_around, "that is the way around F; add the way through it."),
            (twice_around, "g goes around F once, not twice."),
            (subtracted, "what comes through F is added."),
            (without_slope, "the slope of tanh is missing."),
            (
                slope_of_the_value,
                "the slope belongs to a, before tanh: 1 - tanh²(a).",
            ),
            (the_value, "that is tanh itself; its slope is 1 - tanh²(a)."),
            (untransposed, "backwards the matrices are transposed."),
            (before_tanh, "W2 multiplies tanh(a), not a."),
            (slope_without_bias, "the bias b1 is part of a."),
        ],
        why="The first g is what the addition gives.",
    ),
}
