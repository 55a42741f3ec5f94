"""The exercises of the chapter on losses."""

import numpy as np

from gradtrace import cross_entropy
from gradtrace.notebook.exercises import Function, Number


def one_hot(u, y):
    rows = np.zeros_like(u)
    rows[np.arange(len(u)), y] = 1.0
    return rows


def by_package(u, y):
    return cross_entropy(u, one_hot(u, y))


def summed(u, y):
    return cross_entropy(u, one_hot(u, y), reduction="sum")


def mean_loss_sum_gradient(u, y):
    return by_package(u, y)[0], summed(u, y)[1]


def sum_loss_mean_gradient(u, y):
    return summed(u, y)[0], by_package(u, y)[1]


def probabilities(u):
    e = np.exp(u - u.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def without_target(u, y):
    return by_package(u, y)[0], probabilities(u) / len(u)


def exchanged(u, y):
    loss, g = by_package(u, y)
    return loss, -g


def over_samples(u, y):
    e = np.exp(u - u.max(axis=0))
    y_hat = e / e.sum(axis=0)
    right = y_hat[np.arange(len(u)), y]
    with np.errstate(divide="ignore"):
        loss = -np.log(right).mean()
    return loss, (y_hat - one_hot(u, y)) / len(u)


def as_it_stands(u, y):
    with np.errstate(all="ignore"):
        e = np.exp(u)
        y_hat = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(y_hat[np.arange(len(u)), y]).mean()
        return loss, (y_hat - one_hot(u, y)) / len(u)


def log_of_zero(u, y):
    y_hat = probabilities(u)
    with np.errstate(divide="ignore"):
        loss = -np.log(y_hat[np.arange(len(u)), y]).mean()
    return loss, (y_hat - one_hot(u, y)) / len(u)


rng = np.random.default_rng(0)

EXERCISES = {
    1: Number(
        1 / 3,
        rtol=0.01,
        hints=[
            (0, "the error is largest there, but the sigmoid's slope is 0."),
            (0.5, "the slope is largest there; the error grows to the left."),
            (4 / 27, "that is the pull itself."),
            (2 / 3, "that is 1 - ŷ."),
            (1, "no error there."),
        ],
        why="Who is more wrong than that is corrected less.",
    ),
    2: Number(
        np.log(np.finfo(float).max),
        rtol=2e-3,
        hints=[
            (308, "10^308 fits, but the base is e."),
            (88.72, "that is float32."),
            (1e4, "at that one the formula has failed already."),
        ],
        why="With logits measured from the largest, e^u is at most 1.",
    ),
    3: Function(
        by_package,
        cases={
            "one sample": (np.array([[1.0, 0.5, -0.5]]), np.array([2])),
            "four samples": (
                rng.standard_normal((4, 5)),
                np.array([0, 4, 2, 2]),
            ),
            "huge logits": (
                np.array([[1e4, -1e4], [0.0, 1e4]]),
                np.array([1, 0]),
            ),
        },
        returns=("loss", "gradient"),
        hints=[
            (summed, "take the mean over the samples."),
            (
                mean_loss_sum_gradient,
                "the loss is a mean, so its gradient has that factor, too.",
            ),
            (sum_loss_mean_gradient, "the loss should be a mean as well."),
            (without_target, "the gradient is ŷ - y: 1 goes off at y."),
            (exchanged, "the gradient is ŷ - y, not y - ŷ."),
            (over_samples, "softmax runs over the classes, in each row."),
            (as_it_stands, "huge logits: measure them from the largest."),
            (
                log_of_zero,
                "huge logits: the right ŷ is rounded to 0 before the log.",
            ),
        ],
    ),
}
