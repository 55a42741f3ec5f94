"""The exercises of the chapter on backpropagation."""

from itertools import pairwise

import numpy as np

from gradtrace import (
    Dense,
    backward,
    deep,
    forward,
    identity,
    sigmoid,
    softplus,
    tanh,
)
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


def right_d(g, h, W, a, phi):
    return g * phi.slope(a)


def summed(d):
    return d.sum(axis=0)


def dense_with(d=right_d, W_from=right_d, h_from=right_d, bias=summed):
    """The way down of one layer with another d, everywhere or in some."""
    if d is not right_d:
        W_from = h_from = d

    def pullback(g, h, W, a, phi):
        arguments = g, h, W, a, phi
        grad_W = h.T @ W_from(*arguments)
        return h_from(*arguments) @ W.T, grad_W, bias(W_from(*arguments))

    return pullback


def g_itself(g, h, W, a, phi):
    return g


def at_the_state(g, h, W, a, phi):
    return g * phi.slope(phi(a))


def without_bias(g, h, W, a, phi):
    return g * phi.slope(h @ W)


def of_the_value(g, h, W, a, phi):
    return g * phi(a)


def always_tanh(g, h, W, a, phi):
    return g * tanh.slope(a)


def one_minus_square(g, h, W, a, phi):
    return g * (1 - a**2)


def tanh_by_its_value(g, h, W, a, phi):
    return g * (1 - phi(a) ** 2)


def slope_alone(g, h, W, a, phi):
    return phi.slope(a)


def only_b_from_g(g, h, W, a, phi):
    grad_h, grad_W, _ = backward_dense(g, h, W, a, phi)
    return grad_h, grad_W, g.sum(axis=0)


def only_W_from_g(g, h, W, a, phi):
    grad_h, _, grad_b = backward_dense(g, h, W, a, phi)
    return grad_h, h.T @ g, grad_b


def averaged(*arguments):
    grad_h, grad_W, grad_b = backward_dense(*arguments)
    samples = len(grad_h)
    return grad_h, grad_W / samples, grad_b / samples


def untransposed(g, h, W, a, phi):
    d = g * phi.slope(a)
    return d @ W, h.T @ d, d.sum(axis=0)


def untransposed_both(g, h, W, a, phi):
    d = g * phi.slope(a)
    return d @ W, h @ d, d.sum(axis=0)


def as_for_columns(g, h, W, a, phi):
    d = g * phi.slope(a)
    return W.T @ d, h.T @ d, d.sum(axis=0)


def as_for_columns_throughout(g, h, W, a, phi):
    d = g * phi.slope(a)
    return W.T @ d, d @ h.T, d.sum(axis=0)


def h_untransposed(g, h, W, a, phi):
    d = g * phi.slope(a)
    return d @ W.T, h @ d, d.sum(axis=0)


def matrix_product(g, h, W, a, phi):
    return g @ phi.slope(a)


def W_turned(g, h, W, a, phi):
    d = g * phi.slope(a)
    return d @ W.T, d.T @ h, d.sum(axis=0)


def flattened(g, h, W, a, phi):
    d = g * phi.slope(a)
    return d @ W.T, np.outer(h, d), d.sum(axis=0)


def products_by_entry(g, h, W, a, phi):
    d = g * phi.slope(a)
    return d * W.T, h.T * d, d.sum(axis=0)


def in_order(*order):
    """The three gradients, returned in another order."""

    def pullback(*arguments):
        grads = backward_dense(*arguments)
        return tuple(grads[k] for k in order)

    return pullback


COLUMNS = (
    "that is the formula for samples in columns. Here they are rows: d stands"
    " on the left of Wᵀ, and on the right of hᵀ."
)
WRONG_ORDER = (
    "all three are there; return them in the order ∂L/∂h, ∂L/∂W, ∂L/∂b."
)


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


def net(samples, widths, phis=None):
    """Arguments for backward_net; by default tanh, the last layer linear."""
    params = []
    for n_in, n_out in pairwise(widths):
        params.append({"W": normal(n_in, n_out), "b": normal(n_out)})
    phis = phis or [tanh] * (len(params) - 1) + [identity]
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


def turned_in_place(g, params, phis, h, a):
    grad_x, grad_W, grad_b = newest_first(g, params, phis, h, a)
    return grad_x, grad_W.reverse(), grad_b.reverse()


def past_the_weights(g, params, phis, h, a):
    grad_W = []
    grad_b = []
    for l in reversed(range(len(params))):
        g = g * phis[l].slope(a[l])
        grad_W.insert(0, h[l].T @ g)
        grad_b.insert(0, g.sum(axis=0))
    return g, grad_W, grad_b


def through_the_weights_below(g, params, phis, h, a):
    grad_W = []
    grad_b = []
    for l in reversed(range(len(params))):
        d = g * phis[l].slope(a[l])
        grad_W.insert(0, h[l].T @ d)
        grad_b.insert(0, d.sum(axis=0))
        g = d @ params[l - 1]["W"].T
    return g, grad_W, grad_b


def linear_at_the_end(g, params, phis, h, a):
    return backward_net(g, params, [*phis[:-1], identity], h, a)


def W_alone(g, params, phis, h, a):
    return backward_net(g, params, phis, h, a)[1]


def walk_down(d, state=0, pass_on=True, last=0):
    """Down a net with another d, the state at another place, the g of the loss
    in all layers, or only down to layer ``last``."""

    def way(g, params, phis, h, a):
        grad_W = []
        grad_b = []
        down = g
        for l in reversed(range(last, len(params))):
            d_l = d(g, h[l + 1], a[l], phis[l])
            grad_W.insert(0, h[l + state].T @ d_l)
            grad_b.insert(0, d_l.sum(axis=0))
            down = d_l @ params[l]["W"].T
            if pass_on:
                g = down
        return down, grad_W, grad_b

    return way


def right_down(g, new_h, a, phi):
    return g * phi.slope(a)


def down_at_the_state(g, new_h, a, phi):
    return g * phi.slope(new_h)


def down_without_slope(g, new_h, a, phi):
    return g


same_g = walk_down(right_down, pass_on=False)


def g_of_the_loss(g, params, phis, h, a):
    _, grad_W, grad_b = same_g(g, params, phis, h, a)
    return g, grad_W, grad_b


def down_by_tanh(g, new_h, a, phi):
    return g * tanh.slope(a)


def first_g(g, params, phis, h, a):
    _, grad_W, grad_b = backward_net(g, params, phis, h, a)
    return g, grad_W, grad_b


def counted_from_one(g, params, phis, h, a):
    grad_W = []
    grad_b = []
    for l in range(len(params), 0, -1):
        W = params[l]["W"]
        g, of_W, of_b = backward_dense(g, h[l], W, a[l], phis[l])
        grad_W.insert(0, of_W)
        grad_b.insert(0, of_b)
    return g, grad_W, grad_b


def a_below(g, params, phis, h, a):
    one_too_low = [a[-1], *a[:-1]]  # a[l - 1] for a[l]
    return walk_down(right_down)(g, params, phis, h, one_too_low)


def g_once_more(g, params, phis, h, a):
    return backward_net(h[-1] - 1.0, params, phis, h, a)


def down_to_index_one(g, params, phis, h, a):
    grad_W = [None] * len(params)
    grad_b = [None] * len(params)
    for l in range(len(params) - 1, 0, -1):
        W = params[l]["W"]
        g, grad_W[l], grad_b[l] = backward_dense(g, h[l], W, a[l], phis[l])
    return g, grad_W, grad_b


def g_past_the_slope(g, params, phis, h, a):
    grad_W = []
    grad_b = []
    for l in reversed(range(len(params))):
        d = g * phis[l].slope(a[l])
        grad_W.insert(0, h[l].T @ d)
        grad_b.insert(0, d.sum(axis=0))
        g = g @ params[l]["W"].T
    return g, grad_W, grad_b


def layer_by_layer(as_one, with_x=True):
    """One list for all layers: of dicts, or of pairs."""

    def way(g, params, phis, h, a):
        grad_x, grad_W, grad_b = backward_net(g, params, phis, h, a)
        layers = [as_one(*both) for both in zip(grad_W, grad_b, strict=True)]
        return (grad_x, layers) if with_x else layers

    return way


def a_dict(W, b):
    return {"W": W, "b": b}


def a_pair(W, b):
    return W, b


TWO_LISTS = (
    "∂L/∂x is asked for, and two lists beside it: one of all ∂L/∂W, one of"
    " all ∂L/∂b. Here each layer has a dict or a pair of its own."
)
UP_TO_INDEX_ONE = (
    "layer 1 is left out. It has index 0 in the lists, and `range(n, 0, -1)`"
    " ends at 1."
)


def without_x(g, params, phis, h, a):
    _, grad_W, grad_b = backward_net(g, params, phis, h, a)
    return grad_W, grad_b


def x_last(g, params, phis, h, a):
    of_x, of_W, of_b = backward_net(g, params, phis, h, a)
    return of_W, of_b, of_x


EXERCISES = {
    1: Number(
        7.0 * 4 * -6 * 5,
        hints=[
            (
                7.0 * 4 * 6 * 5,
                "the sign is the other one. Either φ': the slope of a² is 2a,"
                " and a₁ is below zero. Or the loss: its slope is u - y, not"
                " y - u.",
            ),
            (
                7.0 * 4 * -3 * 5,
                "half of it. The slope of a² is 2a, not a; the slope of"
                " ½ (u - y)² is u - y, without a ½.",
            ),
            (
                14.0 * 4 * -6 * 5,
                "twice too much: the slope of ½ (u - y)² is u - y.",
            ),
            (
                7.0 * 4 * 5,
                "φ'(a₁), the slope of h₁ in a₁, is left out.",
            ),
            (
                7.0 * 4 * 9 * 5,
                "φ(a₁) = a₁² is the value; on the way down you pass the slope,"
                " 2 a₁.",
            ),
            (
                7.0 * 4 * 18 * 5,
                "the slope of a² is taken at h₁; φ' belongs at a₁.",
            ),
            (7.0 * 4 * 2 * 5, "the slope of a² is 2a, not 2."),
            (
                7.0 * 4 * (1 - 81) * 5,
                "1 - h₁² is the slope of tanh; here φ(a) = a².",
            ),
            (
                7.0 * 4 * (1 - 9) * 5,
                "1 - a² is no slope of a², and that of tanh is not asked for:"
                " here φ(a) = a².",
            ),
            (
                7.0 * 4 * -6 * -2,
                "the slope of a₁ in w₁ is x; w₁ is its slope in x.",
            ),
            (
                7.0 * 4 * -6 * 5 * -2,
                "w₁ is no factor of its own slope.",
            ),
            (7.0 * -6 * 5, "on the way from u to h₁ you pass w₂."),
            (
                7.0 * 9 * -6 * 5,
                "on the way from u to h₁ you pass w₂; h₁ is the slope of u in"
                " w₂.",
            ),
            (
                24.5 * 4 * -6 * 5,
                "that begins with L itself; begin with its slope, u - y.",
            ),
            (36.0 * 4 * -6 * 5, "the loss's slope in u is u - y, not u."),
            (
                7.0 * 7 * 4 * -6 * 5,
                "(u - y) is squared in the loss; in its slope it stands once.",
            ),
            (
                4.0 * -6 * 5,
                "that is the slope of u in w₁; begin at the loss, with u - y.",
            ),
            (7.0, "that is ∂L/∂u; go on down to w₁."),
            (7.0 * 4, "that is ∂L/∂h₁; go on down to w₁."),
            (
                7.0 * 4 * -6,
                "that is ∂L/∂a₁; one factor of the chain is missing.",
            ),
            (7.0 * 9, "that is ∂L/∂w₂; w₁ is further down."),
            (
                371.0 * 4 * -20 * 5,
                "the bias is left out: a₁ = 5 · (-2) + 7.",
            ),
            (
                1127.0 * 4 * -34 * 5,
                "the bias is above zero: a₁ = 5 · (-2) + 7.",
            ),
            (
                -65.0 * 4 * -6 * 5,
                "a square is not below zero: h₁ = (-3)² = 9.",
            ),
            (
                (4 * np.tanh(-3) - 29) * 4 * (1 - np.tanh(-3) ** 2) * 5,
                "that is with tanh; here φ(a) = a².",
            ),
            (0.0, "that is with a ReLU; here φ(a) = a²."),
            (24.5, "that is the loss itself."),
            (36.0, "that is u, on the way up; go on to the loss, and down."),
        ],
        why="(u - y) w₂ φ'(a₁) x = 7 · 4 · (-6) · 5.",
    ),
    2: Function(
        backward_dense,
        {
            "one sample": one_layer(1, 3, 2, tanh),
            "a batch of four": one_layer(4, 3, 2, tanh),
            "another activation": one_layer(4, 2, 3, sigmoid),
            "a square W": one_layer(3, 3, 3, tanh),
            "one more activation": one_layer(3, 2, 2, softplus),
        },
        returns=("∂L/∂h", "∂L/∂W", "∂L/∂b"),
        hints=[
            (
                dense_with(g_itself),
                "d is not g: on the way from h' to a you pass φ'(a).",
            ),
            (
                dense_with(at_the_state),
                "the slope is taken at h'; φ' belongs at the pre-activation"
                " a.",
            ),
            (
                dense_with(without_bias),
                "the slope is taken at h @ W; the pre-activation a has the"
                " bias in it, and you have it.",
            ),
            (
                dense_with(one_minus_square),
                "the slope of tanh is 1 - tanh²(a), not 1 - a². And phi may be"
                " another activation: phi.slope(a).",
            ),
            (
                dense_with(tanh_by_its_value),
                "1 - φ(a)² is the slope of tanh alone; phi.slope(a) is that of"
                " any activation.",
            ),
            (
                dense_with(slope_alone),
                "φ'(a) is there, and g is not: d is the product of both.",
            ),
            (
                only_b_from_g,
                "∂L/∂h and ∂L/∂W are right; b enters at a, too, so that its"
                " gradient is made of d.",
            ),
            (
                only_W_from_g,
                "∂L/∂h and ∂L/∂b are right; W enters at a, too, so that its"
                " gradient is made of d.",
            ),
            (
                dense_with(of_the_value),
                "φ(a) is the value; d needs the slope, phi.slope(a).",
            ),
            (
                dense_with(always_tanh),
                "that is the slope of tanh; take the one of phi.",
            ),
            (
                dense_with(W_from=g_itself),
                "∂L/∂h is right; for W and b, too, g has to pass φ'(a).",
            ),
            (
                dense_with(h_from=g_itself),
                "∂L/∂W and ∂L/∂b are right; for h, too, g has to pass φ'(a).",
            ),
            (
                untransposed,
                "the sum in ∂L/∂h runs over the units, the second index of W:"
                " transpose it.",
            ),
            (
                untransposed_both,
                "an index that is summed over has to be the last of the left"
                " and the first of the right factor: transpose W in ∂L/∂h, and"
                " h in ∂L/∂W.",
            ),
            (as_for_columns, COLUMNS),
            (as_for_columns_throughout, COLUMNS),
            (
                h_untransposed,
                "∂L/∂W sums over the samples, and they are the rows of h:"
                " transpose h.",
            ),
            (
                W_turned,
                "∂L/∂W is transposed: it has the shape of W, so h stands on"
                " the left, hᵀd.",
            ),
            (
                dense_with(matrix_product),
                "g and phi.slope(a) have the same shape and are multiplied"
                " entry by entry: `*`, not `@`.",
            ),
            (
                flattened,
                "`np.outer` knows no batch: it lays all numbers in a row."
                " `h.T @ d` adds the outer products of the samples.",
            ),
            (
                products_by_entry,
                "`*` multiplies entry by entry; a product of matrices is `@`.",
            ),
            (in_order(1, 2, 0), WRONG_ORDER),
            (in_order(1, 0, 2), WRONG_ORDER),
            (in_order(0, 2, 1), WRONG_ORDER),
            (in_order(2, 1, 0), WRONG_ORDER),
            (
                dense_with(bias=lambda d: d),
                "all samples share b: ∂L/∂b is the sum of d over the samples,"
                " of shape (n_out,).",
            ),
            (
                dense_with(bias=lambda d: d.sum(axis=0, keepdims=True)),
                "∂L/∂b has one axis too many; b has the shape (n_out,).",
            ),
            (
                dense_with(bias=lambda d: d.mean(axis=0)),
                "∂L/∂b is averaged; the samples' shares add. A mean is the"
                " loss's business, and it is in g already.",
            ),
            (
                averaged,
                "∂L/∂W and ∂L/∂b are averaged; the samples' shares add. A"
                " mean is the loss's business, and it is in g already.",
            ),
            (
                dense_with(bias=lambda d: d.sum(axis=1)),
                "∂L/∂b is summed over the units; sum over the samples, axis"
                " 0.",
            ),
            (
                dense_with(bias=lambda d: d[0]),
                "∂L/∂b is that of the first sample alone; sum over all of"
                " them.",
            ),
            (
                dense_with(bias=np.sum),
                "∂L/∂b is summed over the units, too; each has a bias of its"
                " own: sum over axis 0 alone.",
            ),
        ],
        why="`phi.slope(a)`, one product with Wᵀ, one with hᵀ, and a sum."
        " No loop is needed.",
    ),
    3: Function(
        backward_net,
        {
            "three layers of three units": net(1, [3, 3, 3, 3]),
            "a batch": net(4, [3, 3, 3, 3]),
            "layers of different sizes": net(4, [2, 5, 3, 1]),
            "a single layer": net(2, [3, 2]),
            "other activations": net(2, [3, 2, 2], [sigmoid, softplus]),
        },
        returns=("∂L/∂x", "∂L/∂W", "∂L/∂b"),
        hints=[
            (
                x_last,
                "all three are there; return them in the order ∂L/∂x, ∂L/∂W,"
                " ∂L/∂b.",
            ),
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
                g_of_the_loss,
                "every layer got the g of the loss, and it was returned for x,"
                " too. What a layer returns as ∂L/∂h goes on as g.",
            ),
            (
                walk_down(right_down, state=1),
                "W of a layer meets the state that went into it, not the one"
                " that came out: `h[l]` stands beside `params[l]`.",
            ),
            (
                walk_down(right_down, state=-1),
                "the states are one layer too low: `h[0]` is x, which goes"
                " into the layer of `params[0]`.",
            ),
            (a_below, "`a[l]`, not `a[l - 1]`, stands beside `params[l]`."),
            (
                g_once_more,
                "`g`, the slopes of the loss in the output, is given: take it"
                " as it is. Which loss it comes from is not the net's"
                " business.",
            ),
            (
                walk_down(right_down, last=1),
                UP_TO_INDEX_ONE,
            ),
            (down_to_index_one, UP_TO_INDEX_ONE),
            (
                g_past_the_slope,
                "what goes on to the layer below is d @ W.T, not g @ W.T.",
            ),
            (layer_by_layer(a_dict), TWO_LISTS),
            (layer_by_layer(a_pair), TWO_LISTS),
            (layer_by_layer(a_dict, with_x=False), TWO_LISTS),
            (layer_by_layer(a_pair, with_x=False), TWO_LISTS),
            (
                walk_down(down_at_the_state),
                "the slopes are taken at the states; φ' belongs at a.",
            ),
            (walk_down(down_without_slope), "the slopes φ'(a) are missing."),
            (
                walk_down(down_by_tanh),
                "every layer got the slope of tanh; each has an activation of"
                " its own, in `phis`. The last one is linear.",
            ),
            (
                first_g,
                "the lists are right. What is returned as ∂L/∂x is the g of"
                " the loss; ∂L/∂x is what the first layer hands down.",
            ),
            (
                counted_from_one,
                "IndexError: a list is asked for an entry that it has not."
                " `params`, `phis` and `a` are counted from 0, and the last"
                " layer is at `len(params) - 1`.",
            ),
            (
                turned_in_place,
                "`.reverse()` turns the list round where it stands, and"
                " returns None: call it in a line of its own.",
            ),
            (
                past_the_weights,
                "g passes φ'(a), but not the weights: to the layer below goes"
                " d @ W.T.",
            ),
            (
                through_the_weights_below,
                "g passes the weights of the layer below. A layer hands its d"
                " down through its own W.",
            ),
            (
                linear_at_the_end,
                "right where the last layer is linear; it has an activation in"
                " `phis`, too, and g has to pass its slope.",
            ),
            (
                W_alone,
                "the gradients of all W are right; ∂L/∂x comes before them,"
                " and those of b after them.",
            ),
            (
                without_x,
                "the gradients of all W and b are right; return ∂L/∂x before"
                " them.",
            ),
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
}
