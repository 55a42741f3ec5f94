"""The exercises of the chapter on backpropagation."""

from itertools import pairwise

import numpy as np

from gradtrace import Dense, backward, deep, forward, identity, sigmoid, tanh
from gradtrace.notebook.exercises import Choice, Function, Number

rng = np.random.default_rng(4)


def normal(*shape):
    return rng.standard_normal(shape)


# 2: one layer


def backward_dense(g, h, W, a, phi):
    """By the package: ∂L/∂h, ∂L/∂W and ∂L/∂b of h' = φ(h W + b)."""
    layer = Dense(*W.shape, phi)
    b = (a - h @ W)[0]
    _, vjp = layer({"W": W, "b": b}, h)
    grads = vjp(g)
    return grads.h, grads.p["W"], grads.p["b"]


def one_layer(samples, n_in, n_out, phi):
    """Arguments for backward_dense."""
    h = normal(samples, n_in)
    W = normal(n_in, n_out)
    a = h @ W + normal(n_out)
    return normal(samples, n_out), h, W, a, phi


def dense_with(d, bias):
    """A pullback of one layer with another d or another ∂L/∂b."""

    def pullback(g, h, W, a, phi):
        wrong_d = d(g, h, a, phi)
        return wrong_d @ W.T, h.T @ wrong_d, bias(wrong_d)

    return pullback


def right_d(g, h, a, phi):
    return g * phi.slope(a)


def summed(d):
    return d.sum(axis=0)


def averaged(g, h, W, a, phi):
    grad_h, grad_W, grad_b = backward_dense(g, h, W, a, phi)
    return grad_h, grad_W / len(g), grad_b / len(g)


# 3: a net


def backward_net(g, params, phis, h, a):
    """By the package: ∂L/∂x, and ∂L/∂W and ∂L/∂b of every layer."""
    layers = []
    for p, phi in zip(params, phis, strict=True):
        layers.append(Dense(*p["W"].shape, phi))
    _, vjps = forward(deep(layers, params), h[0])
    grads = backward(vjps, g)
    grad_W = [dp["W"] for dp in grads.p]
    grad_b = [dp["b"] for dp in grads.p]
    return grads.h[0], grad_W, grad_b


def net(samples, widths):
    """Arguments for backward_net; the last layer is linear."""
    params = []
    for n_in, n_out in pairwise(widths):
        params.append({"W": normal(n_in, n_out), "b": normal(n_out)})
    phis = [tanh] * (len(params) - 1) + [identity]
    h = [normal(samples, widths[0])]
    a = []
    for p, phi in zip(params, phis, strict=True):
        a.append(h[-1] @ p["W"] + p["b"])
        h.append(phi(a[-1]))
    return normal(samples, widths[-1]), params, phis, h, a


def newest_first(g, params, phis, h, a):
    grad_x, grad_W, grad_b = backward_net(g, params, phis, h, a)
    return grad_x, grad_W[::-1], grad_b[::-1]


def from_below(g, params, phis, h, a):
    grad_W = []
    grad_b = []
    for l in range(len(params)):
        W = params[l]["W"]
        g, of_W, of_b = backward_dense(g, h[l], W, a[l], phis[l])
        grad_W.append(of_W)
        grad_b.append(of_b)
    return g, grad_W, grad_b


def walk_down(g, params, phis, h, a, *, pass_on=True, state=0):
    """Down the net; wrongly with ``pass_on`` false or ``state`` one."""
    grad_W = [None] * len(params)
    grad_b = [None] * len(params)
    for l in reversed(range(len(params))):
        d = g * phis[l].slope(a[l])
        grad_W[l] = h[l + state].T @ d
        grad_b[l] = d.sum(axis=0)
        down = d @ params[l]["W"].T
        if pass_on:
            g = down
    return down, grad_W, grad_b


def same_g(*arguments):
    return walk_down(*arguments, pass_on=False)


def next_state(*arguments):
    return walk_down(*arguments, state=1)


def unsloped(g, params, phis, h, a):
    linear = [identity] * len(phis)
    return walk_down(g, params, linear, h, a)


# 5: a product on the tape


def pull_mul(g, v, w):
    """∂L/∂v and ∂L/∂w of v * w, share by share."""
    grad_v = np.zeros(v.shape)
    grad_w = np.zeros(w.shape)
    wide_v, wide_w = np.broadcast_arrays(v, w)
    places_v, places_w = np.broadcast_arrays(places(v), places(w))
    np.add.at(grad_v.reshape(-1), places_v, g * wide_w)
    np.add.at(grad_w.reshape(-1), places_w, g * wide_v)
    return grad_v, grad_w


def places(v):
    """The number of each entry."""
    return np.arange(v.size).reshape(v.shape)


def sum_to(g, shape):
    """g, summed over the axes that broadcasting has stretched."""
    extra = g.ndim - len(shape)
    g = g.sum(axis=tuple(range(extra)))
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def exchanged(g, v, w):
    return sum_to(g * v, v.shape), sum_to(g * w, w.shape)


def unsummed(g, v, w):
    return g * w, g * v


def summed_first(g, v, w):
    grad_v = sum_to(sum_to(g, v.shape) * w, v.shape)
    grad_w = sum_to(sum_to(g, w.shape) * v, w.shape)
    return grad_v, grad_w


EXERCISES = {
    1: Number(
        36.0,
        hints=[
            (12.0, "that is ∂L/∂a₁; one factor of the chain is missing."),
            (48.0, "the loss's slope in u is u - y, not u."),
            (9.0, "on the way from u to h₁ you pass w₂."),
            (24.0, "the slope of a₁ in w₁ is x; w₁ is its slope in x."),
            (0.0, "a₁ is above zero, where a ReLU has slope 1."),
            (4.5, "that is the loss itself."),
        ],
        why="(u - y) w₂ φ'(a₁) x = 3 · 4 · 1 · 3.",
    ),
    2: Function(
        backward_dense,
        {
            "one sample": one_layer(1, 3, 2, tanh),
            "a batch of four": one_layer(4, 3, 2, tanh),
            "another activation": one_layer(4, 2, 3, sigmoid),
            "a square W": one_layer(3, 3, 3, tanh),
        },
        returns=("∂L/∂h", "∂L/∂W", "∂L/∂b"),
        hints=[
            (
                dense_with(lambda g, h, a, phi: g, summed),
                "d is not g: on the way from h' to a you pass φ'(a).",
            ),
            (
                dense_with(lambda g, h, a, phi: g * phi.slope(phi(a)), summed),
                "the slope is taken at h'; φ' belongs at the pre-activation"
                " a.",
            ),
            (
                dense_with(lambda g, h, a, phi: g * phi(a), summed),
                "φ(a) is the value; d needs the slope, phi.slope(a).",
            ),
            (
                dense_with(right_d, lambda d: d),
                "all samples share b: ∂L/∂b is the sum of d over the samples,"
                " of shape (n_out,).",
            ),
            (
                dense_with(right_d, lambda d: d.sum(axis=0, keepdims=True)),
                "∂L/∂b has one axis too many; b has the shape (n_out,).",
            ),
            (
                dense_with(right_d, lambda d: d.mean(axis=0)),
                "∂L/∂b is averaged; the samples' shares add. A mean is the"
                " loss's business, and it is in g already.",
            ),
            (
                averaged,
                "∂L/∂W and ∂L/∂b are averaged; the samples' shares add. A"
                " mean is the loss's business, and it is in g already.",
            ),
            (
                dense_with(right_d, np.sum),
                "∂L/∂b is summed over the units, too; each has a bias of its"
                " own: sum over axis 0 alone.",
            ),
        ],
        why="`phi.slope(a)`, one product with Wᵀ, one with hᵀ, and a sum.",
    ),
    3: Function(
        backward_net,
        {
            "three layers of equal width": net(1, [3, 3, 3, 3]),
            "a batch": net(4, [3, 3, 3, 3]),
            "layers of different widths": net(4, [2, 5, 3, 1]),
            "a single layer": net(2, [3, 2]),
        },
        returns=("∂L/∂x", "∂L/∂W", "∂L/∂b"),
        hints=[
            (
                newest_first,
                "the lists begin with the last layer: it was reached first."
                " Put each gradient at the place of its layer.",
            ),
            (
                from_below,
                "g comes from the loss: the last layer is the first one on the"
                " way down.",
            ),
            (
                same_g,
                "every layer got the g of the loss. What a layer returns as"
                " ∂L/∂h is the g of the layer below it.",
            ),
            (
                next_state,
                "W of layer l meets the state that went into it: h[l - 1] in"
                " the formulas, `h[l]` beside `params[l]` in the lists.",
            ),
            (unsloped, "the slopes φ'(a) are missing."),
        ],
        why="One loop, and one layer's pullback in it.",
    ),
    4: Choice(
        ["x", "a₁", "h₁", "b₁"],
        "b₁",
        hints={
            "x": "∂L/∂W₁ = xᵀ d₁ reads it.",
            "a₁": "d₁ = g₁ ⊙ φ'(a₁) reads it.",
            "h₁": "∂L/∂W₂ = h₁ᵀ d₂ reads it.",
        },
        why="A bias is added, and the slope of a sum is 1 whatever b is.",
    ),
    5: Function(
        pull_mul,
        {
            "equal shapes": (normal(4, 3), normal(4, 3), normal(4, 3)),
            "a row times a batch": (normal(4, 3), normal(4, 3), normal(3)),
            "a column times a row": (normal(4, 3), normal(4, 1), normal(3)),
            "a number times a batch": (normal(4, 3), normal(), normal(4, 3)),
        },
        returns=("∂L/∂v", "∂L/∂w"),
        hints=[
            (exchanged, "exchanged: the slope of v w in v is w."),
            (
                unsummed,
                "where broadcasting has repeated an entry, its copies' slopes"
                " add up: sum_to brings a gradient to the shape of its value.",
            ),
            (
                summed_first,
                "multiply first, then sum: each copy met another factor.",
            ),
        ],
        why="Multiply by the other factor, then sum over the copies.",
    ),
    6: Number(
        3.0,
        hints=[
            (6.0, "that is with the sum: both uses of h count."),
            (9.0, "that is the value of y."),
            (0.0, "the last share written stays."),
        ],
        why="Both uses bring 3; the second overwrites the first, and 2h = 6"
        " is lost.",
    ),
}
