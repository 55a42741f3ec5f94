"""The exercises of the chapter on the tape."""

import numpy as np

from gradtrace.notebook.exercises import Function, Number

rng = np.random.default_rng(4)


def normal(*shape):
    return rng.standard_normal(shape)


# 1: the product


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
    new_axes = g.ndim - len(shape)
    for _ in range(new_axes):
        g = g.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def exchanged(g, v, w):
    return sum_to(g * v, v.shape), sum_to(g * w, w.shape)


def exchanged_unsummed(g, v, w):
    return g * v, g * w


def without_g(g, v, w):
    return w, v


def unsummed(g, v, w):
    return g * w, g * v


def v_unsummed(g, v, w):
    return g * w, sum_to(g * v, w.shape)


def w_unsummed(g, v, w):
    return sum_to(g * w, v.shape), g * v


def over_axis_0(g, v, w):
    return (g * w).sum(axis=0), (g * v).sum(axis=0)


def w_over_axis_0(g, v, w):
    return g * w, (g * v).sum(axis=0)


def w_over_axis_0_v_right(g, v, w):
    return sum_to(g * w, v.shape), (g * v).sum(axis=0)


def over_axis_0_kept(g, v, w):
    grad_v = (g * w).sum(axis=0, keepdims=True)
    grad_w = (g * v).sum(axis=0, keepdims=True)
    return grad_v, grad_w


def over_axis_0_if_shapes_differ(g, v, w):
    grad_v = g * w
    grad_w = g * v
    if v.shape != g.shape:
        grad_v = grad_v.sum(axis=0)
    if w.shape != g.shape:
        grad_w = grad_w.sum(axis=0)
    return grad_v, grad_w


def over_new_axes(g, v, w):
    grad_v = g * w
    grad_w = g * v
    while grad_v.ndim > v.ndim:
        grad_v = grad_v.sum(axis=0)
    while grad_w.ndim > w.ndim:
        grad_w = grad_w.sum(axis=0)
    return grad_v, grad_w


def over_everything(g, v, w):
    return (g * w).sum(), (g * v).sum()


def shapes_exchanged(g, v, w):
    return sum_to(g * w, w.shape), sum_to(g * v, v.shape)


def w_first(g, v, w):
    return sum_to(g * v, w.shape), sum_to(g * w, v.shape)


def as_for_matrices(g, v, w):
    return g @ w.T, v.T @ g


def matrix_products(g, v, w):
    return g @ w, g @ v


def times_both(g, v, w):
    return sum_to(g * v * w, v.shape), sum_to(g * v * w, w.shape)


def slopes_of_a_sum(g, v, w):
    return sum_to(g, v.shape), sum_to(g, w.shape)


def summed_first(g, v, w):
    grad_v = sum_to(sum_to(g, v.shape) * w, v.shape)
    grad_w = sum_to(sum_to(g, w.shape) * v, w.shape)
    return grad_v, grad_w


def summed_once(g, v, w):
    return sum_to(g, v.shape) * w, sum_to(g, w.shape) * v


def without_g_summed(g, v, w):
    return sum_to(w, v.shape), sum_to(v, w.shape)


def to_the_shape_of_g(g, v, w):
    return sum_to(w * g, g.shape), sum_to(v * g, g.shape)


def with_arrays_for_shapes(g, v, w):
    return sum_to(g * w, v), sum_to(g * v, w)


def as_on_the_tape(g, v, w):
    return g * w.value, g * v.value


WITHOUT_G = (
    "w and v are the slopes of this step; they have to be multiplied by g,"
    " from above."
)
SUM_LAST = "multiply first, then sum: each copy met another factor."
THE_SHAPE = (
    "where broadcasting has repeated an entry, its copies' slopes add up: the"
    " gradient of v ends with the shape of v, that of w with the shape of w."
)

AXES = (
    "axis 0 is not always the one. Sum over those axes alone that broadcasting"
    " has stretched, in v and in w: sum_to finds them by the shape."
)
ENTRIES = "the product is taken entry by entry, and so is its pullback: `*`."


EXERCISES = {
    1: Function(
        pull_mul,
        {
            "equal shapes": (normal(4, 3), normal(4, 3), normal(4, 3)),
            "a row times a batch": (normal(4, 3), normal(4, 3), normal(3)),
            "a column times a row": (normal(4, 3), normal(4, 1), normal(3)),
            "a number times a batch": (normal(4, 3), normal(), normal(4, 3)),
            "a table of one row times a batch": (
                normal(4, 3),
                normal(1, 3),
                normal(4, 3),
            ),
        },
        returns=("∂L/∂v", "∂L/∂w"),
        hints=[
            (exchanged, "exchanged: the slope of v w in v is w."),
            (
                exchanged_unsummed,
                "exchanged: the slope of v w in v is w. And where an entry was"
                " repeated, its copies' slopes add up, see sum_to.",
            ),
            (without_g, WITHOUT_G),
            (without_g_summed, WITHOUT_G),
            (unsummed, THE_SHAPE),
            (
                v_unsummed,
                "∂L/∂w is right. v may have been broadcast, too: sum ∂L/∂v to"
                " the shape of v.",
            ),
            (
                w_unsummed,
                "∂L/∂v is right. w may have been broadcast, too: sum ∂L/∂w to"
                " the shape of w.",
            ),
            (over_axis_0, AXES),
            (w_over_axis_0, AXES),
            (w_over_axis_0_v_right, AXES),
            (over_axis_0_kept, AXES),
            (over_axis_0_if_shapes_differ, AXES),
            (
                over_new_axes,
                "the new axes in front are summed over. An axis of length 1"
                " may have been stretched, too; sum_to does both.",
            ),
            (
                over_everything,
                "that sums over all axes. Only copies are added: sum_to, with"
                " the shape of v and of w.",
            ),
            (
                shapes_exchanged,
                "the products are right; ∂L/∂v is summed to the shape of v,"
                " ∂L/∂w to that of w.",
            ),
            (w_first, "both are right; return ∂L/∂v first, then ∂L/∂w."),
            (as_for_matrices, ENTRIES),
            (matrix_products, ENTRIES),
            (
                times_both,
                "g times y: the slope of v w in v is w alone, without v.",
            ),
            (
                slopes_of_a_sum,
                "that is the pullback of v + w. In a product, g is multiplied"
                " by the other factor.",
            ),
            (to_the_shape_of_g, THE_SHAPE),
            (summed_first, SUM_LAST),
            (summed_once, SUM_LAST),
            (
                with_arrays_for_shapes,
                "sum_to takes a shape: `sum_to(…, v.shape)`.",
            ),
            (
                as_on_the_tape,
                "v and w are plain arrays here, not `Var`: write v, not"
                " v.value.",
            ),
        ],
        why="Multiply by the other factor, then sum over the copies.",
    ),
    2: Number(
        3.0,
        hints=[
            (6.0, "that is with the sum: both uses of h count."),
            (9.0, "that is the value of y."),
            (18.0, "that is twice the value of y; the slope of h² is 2h."),
            (2.0, "there are two shares, that is true; what is each worth?"),
            (1.0, "that is g; a share is g times the other factor."),
            (0.0, "the last share written stays."),
        ],
        why="Both uses bring 3; the second overwrites the first, and 2h = 6"
        " is lost.",
    ),
}
