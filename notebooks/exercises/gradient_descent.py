"""The exercises of the chapter on gradient descent."""

import numpy as np

from gradtrace import half_squared_norm
from gradtrace.notebook.exercises import Function, Number


def one_epoch(w, X, y, lr, size):
    """Mini-batch descent on half the mean squared error, in order."""
    for first in range(0, len(X), size):
        rows = slice(first, first + size)
        u = X[rows] @ w
        _, g = half_squared_norm(u[:, None], y[rows, None])
        w = w - lr * X[rows].T @ g[:, 0]
    return w


def with_slip(weigh=np.mean, drop=False, still=False, up=False):
    """An epoch with a slip."""

    def epoch(w, X, y, lr, size):
        start = w
        last = len(X) - len(X) % size if drop else len(X)
        for first in range(0, last, size):
            x = X[first : first + size]
            seen_from = start if still else w
            miss = x @ seen_from - y[first : first + size]
            g = weigh(x * miss[:, None], axis=0)
            w = w + lr * g if up else w - lr * g
        return w

    return epoch


def by_full_size(w, X, y, lr, size):
    """Divided by the size also where the batch is smaller."""
    for first in range(0, len(X), size):
        x = X[first : first + size]
        w = w - lr * x.T @ (x @ w - y[first : first + size]) / size
    return w


def without_half(w, X, y, lr, size):
    return one_epoch(w, X, y, 2 * lr, size)


def full_batch(w, X, y, lr, size):
    return one_epoch(w, X, y, lr, len(X))


def noise_scale(by_sample):
    """tr Σ / ‖g‖² of gradients by sample."""
    g = by_sample.mean(axis=0)
    return by_sample.var(axis=0).sum() / np.sum(g**2)


def over_length(by_sample):
    g = by_sample.mean(axis=0)
    return by_sample.var(axis=0).sum() / np.linalg.norm(g)


def one_variance(by_sample):
    """The mean of the entries' variances, not their sum."""
    return noise_scale(by_sample) / by_sample.shape[1]


def by_deviations(by_sample):
    g = by_sample.mean(axis=0)
    return by_sample.std(axis=0).sum() / np.sum(g**2)


def upside_down(by_sample):
    return 1 / noise_scale(by_sample)


def squares_alone(by_sample):
    """The mean square without the mean taken off."""
    return noise_scale(by_sample) + 1


rng = np.random.default_rng(0)
three = np.array([[1.0], [2.0], [1.0]]), np.array([1.0, 2.0, 3.0])
many = rng.standard_normal((8, 3)), rng.standard_normal(8)
w = np.array([0.5, -1.0, 0.2])
gradients = np.array([[3.0, 0.0], [1.0, 2.0], [2.0, -1.0]])

EXERCISES = {
    1: Number(
        216,
        hints=[
            (256, "that is with putting back."),
            (128, "that halves the variance."),
            (215, "a batch of 215 is still a little too noisy."),
        ],
        unit="samples",
        rtol=1e-6,
    ),
    2: Number(
        6,
        hints=[
            (7, "35/5, but one λ is there at any B."),
            (30, "divide by λ, too."),
        ],
        rtol=1e-6,
    ),
    3: Number(
        64 / 3,
        rtol=0.01,
        hints=[
            (3, "that is how many samples are left over."),
            ((64 / 3) ** 0.5, "that is the standard deviation."),
        ],
        why="21 batches of 64, and one of 3. Leave it out, or choose a "
        "divisor.",
    ),
    4: Function(
        one_epoch,
        cases={
            "two full batches": (w, *many, 0.1, 4),
            "a last batch of one": (np.zeros(1), *three, 0.1, 2),
            "single samples": (w, *many, 0.05, 1),
            "one batch of all": (w, *many, 0.1, 8),
        },
        hints=[
            (with_slip(weigh=np.sum), "the loss is a mean over the batch."),
            (
                with_slip(drop=True),
                "the smaller batch at the end is left out.",
            ),
            (
                with_slip(still=True),
                "each gradient is taken at the weights of now, not at those "
                "of the start.",
            ),
            (with_slip(up=True), "that climbs: take the gradient off."),
            (
                by_full_size,
                "the last batch has fewer samples; its mean is over those.",
            ),
            (without_half, "with the ½ the gradient has no factor 2."),
            (full_batch, "that is one update with all samples."),
        ],
        why="That is the whole of stochastic gradient descent.",
    ),
    5: Function(
        noise_scale,
        cases={
            "three samples": (gradients,),
            "forty samples": (1 + rng.standard_normal((40, 5)),),
        },
        hints=[
            (over_length, "divide by the square of the length."),
            (one_variance, "tr Σ is the sum of the entries' variances."),
            (by_deviations, "sum variances, not standard deviations."),
            (upside_down, "upside down: noise over signal."),
            (squares_alone, "the mean has to be taken off before squaring."),
        ],
    ),
}
