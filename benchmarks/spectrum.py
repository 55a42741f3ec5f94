"""All log singular values of every product ``J_1 … J_t`` of a tanh RNN, and what each part of the way there costs.

Each contestant is a function of a :class:`Problem` that prepares once and returns the call to be timed. Only ``exact``
is right for all of them: the growth of a QR frame is another quantity, and the plain product ends at 16 digits.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from gradtrace import RNN, forward, unroll
from gradtrace.tracing.jacobians import jacobians, log_qr_growth, log_singular_values
from gradtrace.tracing.path import Path

GOAL = 0.1                                                    # seconds for `exact` at (T, n) = (200, 64)


@dataclass(frozen=True)
class Problem:
    """A random tanh RNN of width ``n`` over ``T`` steps, one sample."""

    T: int = 200
    n: int = 64

    @cached_property
    def path(self):
        rng = np.random.default_rng(0)
        p = {"W": rng.standard_normal((self.n, self.n)) / self.n**0.5, "U": 0.5 * np.eye(self.n), "b": np.zeros(self.n)}
        return unroll(RNN(self.n, self.n), p, rng.standard_normal((self.T, 1, self.n)))

    @cached_property
    def vjps(self):
        return forward(self.path, np.zeros((1, self.n)))[1]

    @cached_property
    def J(self):
        return jacobians(self.vjps)


def exact(problem):
    return lambda J=problem.J: log_singular_values(J)


def growth(problem):
    return lambda J=problem.J: log_qr_growth(J)


def growth_every_5(problem):
    return lambda J=problem.J: log_qr_growth(J, every=5)


def product(problem):
    """The SVD of the multiplied-out products."""
    def call(J=problem.J):
        with np.errstate(divide="ignore"):
            return np.log(np.linalg.svd(list(accumulate(J, np.matmul)), compute_uv=False))
    return call


def bulk_jacobians(problem):
    return lambda vjps=problem.vjps: jacobians(vjps)


def readable_jacobians(problem):
    """By the pullbacks of the readable step, with the gradients of the parameters that nobody asked for."""
    vjps = forward(Path(tuple(problem.path)), np.zeros((1, problem.n)))[1]
    return lambda: jacobians(vjps)


CONTESTANTS = {
    "exact": exact,
    "QR growth": growth,
    "QR growth, every 5": growth_every_5,
    "SVD of the products": product,
    "Jacobians in bulk": bulk_jacobians,
    "Jacobians by pullbacks": readable_jacobians,
}
