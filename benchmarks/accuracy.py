"""``ln σ`` of products of Jacobians with many digits, by integers and mpmath: the judge of ``jacobians.py``."""

import math

import numpy as np

from gradtrace.tracing.jacobians import log_singular_values

GOAL = 1e-12                                                    # the largest error relative to |ln σ|, or to 1
DIGITS = 700                                                    # hold the Gram matrix of a spread of 10^320


def error(J, fractions=(0.25, 0.5, 0.75, 1)):
    """The largest error over all ``n`` values of some of the products, and which these are."""
    import mpmath

    ts = sorted({max(1, round(f * len(J))) for f in fractions})
    ours, worst = log_singular_values(J), 0.0
    for t, P in products(J, ts):
        theirs = exact(mpmath, P)
        worst = max(worst, float((np.abs(ours[t - 1] - theirs) / np.maximum(1, np.abs(theirs))).max()))
    return worst, ts


def products(J, ts):
    """``t`` and ``J_1 … J_t`` as integers times a power of two, rounded only where ``DIGITS`` are exceeded."""
    P, exponent, bits = np.array(np.eye(J.shape[-1], dtype=int), dtype=object), 0, int(DIGITS * 3.33)
    for t, J_t in enumerate(J, 1):
        mantissa, e = np.frexp(J_t)
        low = int(e[J_t != 0].min()) - 53
        P = P.dot(np.array([[int(m * 2**53) << int(k) - 53 - low if m else 0 for m, k in zip(*rows, strict=True)]
                            for rows in zip(mantissa, e, strict=True)], dtype=object))
        exponent += low
        drop = max(0, max(abs(v).bit_length() for v in P.flat) - bits)
        P, exponent = P >> drop, exponent + drop
        if t in ts:
            yield t, (P, exponent)


def exact(mp, product):
    """``ln σ``, in descending order, by the eigenvalues of ``P Pᵀ``."""
    P, exponent = product
    with mp.workdps(DIGITS):
        gram = mp.matrix([[mp.mpf(v) for v in row] for row in P.dot(P.T)])
        logs = [mp.log(abs(s)) / 2 + exponent * mp.log(2) for s in mp.eigsy(gram, eigvals_only=True)]
    assert 2 * (max(logs) - min(logs)) < (DIGITS - 30) * math.log(10)           # else the digits were too few
    return np.sort([float(log) for log in logs])[::-1]
