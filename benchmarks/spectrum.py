"""All log singular values of every product ``J_1 … J_t``: their time, and their error.

The judge multiplies the same Jacobians as integers, without rounding, and leaves the eigenvalues of
``P Pᵀ`` to mpmath.
"""

import math

import numpy as np

from gradtrace import RNN, forward, init, jacobians, log_singular_values, unroll

from . import measure

SIZE = 200, 64  # T, n
GOAL_MS, GOAL_ERROR = 100, 1e-12
DIGITS = 700  # hold the Gram matrix of a spread of 10^320


def pullbacks(T, n):
    """Of a tanh RNN at gain 1, one sample."""
    rng = np.random.default_rng(0)
    p = {"W": init.lecun(rng, (n, n)), "U": 0.5 * np.eye(n), "b": np.zeros(n)}
    path = unroll(RNN(n, n), p, rng.standard_normal((T, 1, n)))
    return forward(path, np.zeros((1, n)))[1]


def error(J):
    """The largest error of any of the values after half and after all steps, of |ln σ| or of 1."""
    ours = log_singular_values(J)
    errors = []
    for t, product in products(J, [len(J) // 2, len(J)]):
        theirs = exact(*product)
        errors.append(np.abs(ours[t - 1] - theirs) / np.maximum(1, np.abs(theirs)))
    return float(np.max(errors))


def products(J, ts):
    """``t`` and ``J_1 … J_t`` for these ``t``, as integers and the power of two to take them times.

    Only what lies beyond ``DIGITS`` is rounded away.
    """
    P = np.array(np.eye(J.shape[-1], dtype=int), dtype=object)
    exponent = 0
    for t, J_t in enumerate(J, 1):
        integers, power = as_integers(J_t)
        P = P.dot(integers)
        longest = max(abs(value).bit_length() for value in P.flat)
        surplus = max(0, longest - int(DIGITS * math.log2(10)))
        P = P >> surplus
        exponent += power + surplus
        if t in ts:
            yield t, (P, exponent)


def as_integers(J):
    """Integers and one power of two that make up ``J`` exactly."""
    mantissas, powers = np.frexp(J)
    least = int(powers[J != 0].min())
    integers = np.zeros(J.shape, dtype=object)
    for place in np.argwhere(J):
        i, j = place
        integers[i, j] = int(mantissas[i, j] * 2**53) << int(powers[i, j]) - least
    return integers, least - 53


def exact(P, exponent):
    """``ln σ`` of ``P 2^exponent``, in descending order."""
    import mpmath

    with mpmath.workdps(DIGITS):
        gram = mpmath.matrix(P.dot(P.T).tolist())
        squares = mpmath.eigsy(gram, eigvals_only=True)
        logs = [mpmath.log(abs(square)) / 2 + exponent * mpmath.log(2) for square in squares]
    spread = 2 * (max(logs) - min(logs))
    assert spread < (DIGITS - 30) * math.log(10), "expected more DIGITS for so wide a spread"
    return np.sort([float(log) for log in logs])[::-1]


def section(tiny=False):
    T, n = (8, 4) if tiny else SIZE
    vjps = pullbacks(T, n)
    J = jacobians(vjps)

    def make_jacobians():
        return {"J": jacobians(vjps)}

    def make_values():
        return {"log s": log_singular_values(J)}

    times = measure.compare({"values": make_values, "jacobians": make_jacobians}, tiny)
    case = f"RNN {T}, {n}"
    return {
        "title": "All singular values",
        "lead": "Steps, width: the logarithms of all singular values of the product of Jacobians, "
        "after every step. The error is relative, or absolute where |ln σ| is below 1, "
        f"against {DIGITS} digits, after half of the steps and after all.",
        "rows": [
            measure.row(
                case,
                "all values after every step",
                times["values"] * 1e3,
                "ms",
                None if tiny else GOAL_MS,
            ),
            measure.row(case, "the Jacobians before that", times["jacobians"] * 1e3, "ms"),
            measure.row(case, "largest error", error(J), "", GOAL_ERROR),
        ],
    }
