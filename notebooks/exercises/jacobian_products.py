"""The exercises of the chapter on products of Jacobians."""

import numpy as np

from gradtrace import (
    RNN,
    forward,
    init,
    init_params,
    jacobians,
    lyapunov,
    unroll,
)
from gradtrace.notebook.exercises import Function, Number


def tanh_net(T):
    """Jacobians of a tanh RNN with 4 units, ``(T, 4, 4)``."""
    cell = RNN(1, 4)
    rng = np.random.default_rng(0)
    p = init_params(cell, rng, init.orthogonal, gain=1.5)
    _, vjps = forward(
        unroll(cell, p, rng.standard_normal((T, 1, 1))), np.zeros((1, 4))
    )
    return jacobians(vjps)


def by_frame(J, turned, fresh=True, divide=True):
    """The method, with a step that may be wrong."""
    Q, growth = np.eye(J.shape[-1]), np.zeros(J.shape[-1])
    for J_t in J:
        new, R = np.linalg.qr(turned(J_t) @ Q)
        Q = new if fresh else Q
        growth += np.log(np.abs(np.diag(R)))
    return growth / len(J) if divide else growth


def not_transposed(J):
    return by_frame(J, lambda J_t: J_t)


def never_turned(J):
    return by_frame(J, lambda J_t: J_t.T, fresh=False)


def not_divided(J):
    return by_frame(J, lambda J_t: J_t.T, divide=False)


def of_each_matrix(J):
    return np.log(np.linalg.svd(J, compute_uv=False)).mean(axis=0)


def of_the_product(J):
    product = np.eye(J.shape[-1])
    for J_t in J:
        product = product @ J_t
    return np.log(np.linalg.svd(product, compute_uv=False)) / len(J)


def without_size(J):
    Q, growth = np.eye(J.shape[-1]), np.zeros(J.shape[-1])
    with np.errstate(invalid="ignore"):
        for J_t in J:
            Q, R = np.linalg.qr(J_t.T @ Q)
            growth += np.log(np.diag(R))
    return growth / len(J)


EXERCISES = {
    1: Number(
        4.0,
        hints=[
            (2.0, "1/0.5: the eigenvalues do not come into the condition."),
            (
                0.25,
                "that is the largest slope of the sigmoid; take one over it.",
            ),
            (1.0, "that is for tanh; the sigmoid's largest slope is ¼."),
        ],
        why="Above 4 nothing is promised either way.",
    ),
    2: Number(
        6,
        unit="steps",
        hints=[
            (7, "compare 6 · 0.85⁵ with 7 · 0.85⁶."),
            (
                0,
                "at t = 0 the norm is 1, and W itself does more.",
            ),
            (
                1,
                "it grows for a few steps more.",
            ),
        ],
    ),
    3: Number(
        2,
        hints=[
            (1, "look at QR again: what is |det| of an orthogonal matrix?"),
            (
                3,
                "print log[-1].sum() for each, and slogdet's sum.",
            ),
        ],
        why="In the multiplied-out product, small ones are rounding.",
    ),
    4: Function(
        lyapunov,
        cases={
            "one matrix": (np.array([[[2.0, 1.0], [0.5, 3.0]]]),),
            "three matrices": (
                np.random.default_rng(1).standard_normal((3, 2, 2)),
            ),
            "a tanh RNN over 300 steps": (tanh_net(300),),
        },
        hints=[
            (
                not_transposed,
                "a row goes on as dh J, so a column as Jᵀ dhᵀ: transpose J.",
            ),
            (never_turned, "the Q of each step is the next step's frame."),
            (
                not_divided,
                "that is the growth over all steps: divide by their number.",
            ),
            (
                of_each_matrix,
                "those are the singular values of single matrices, averaged.",
            ),
            (
                of_the_product,
                "that multiplies out; carry a frame along instead.",
            ),
            (
                without_size,
                "the diagonal of R may be negative: take its size first.",
            ),
        ],
        why="The largest is the pace of most gradients in the long run.",
    ),
}
