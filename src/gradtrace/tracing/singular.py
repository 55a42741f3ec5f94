"""The true singular values of a product of Jacobians, past the range and the digits of floating-point numbers."""

import math

import numpy as np

from ..steps.arrays import T
from .spectrum import expect_square

NONE = -2**40                                               # the exponent of a row of zeros
RANGE, GUARD, DISORDER = 800, 60, 10                        # exponents of two: of a window, its margin, tolerated


def log_singular_values(J):
    """``ln σ_k(J_1 J_2 … J_t)``, all ``n`` singular values for every ``t``, past the range and the digits of floats.

    Parameters
    ----------
    J : ndarray of shape (T, *sweep, n, n)
        From :func:`~gradtrace.jacobians`.

    Returns
    -------
    ndarray of shape (T, *sweep, n)
        In descending order. Rows or columns of zeros give ``-inf``; a Jacobian that is singular otherwise gives
        rounding errors in place of it.

    Raises
    ------
    ValueError, TypeError
        ``J`` is no array of finite floats or not square.

    Notes
    -----
    The product is kept as ``(Q 2^d U)ᵀ``: ``Q`` orthogonal, ``d`` exponents that fall, ``U`` rows of about unit size.
    Reflections that start from the largest row and column do not mix small rows with large ones, so each ``σ`` keeps
    its digits, in LAPACK's SVD of ``2^d U`` too. Where ``2^d`` leaves the float range, the SVD is taken in windows,
    each of which begins a factor ``2^60`` above the values it is for.

    The SVD of the multiplied-out product instead, ``np.linalg.svd(list(accumulate(J, np.matmul)))``, is right only
    for what lies within sixteen digits of the largest.

    Source: after Barlow–Demmel 1990 (graded matrices) and Cox–Higham 1998 (row order in QR).

    Examples
    --------
    >>> J = np.array([np.diag([1e300, 1e-300])] * 100)
    >>> log_singular_values(J)[-1] / np.log(10)     # the product is diag(1e30000, 1e-30000)
    array([ 30000., -30000.])
    """
    expect_square("J", J, ("T",))
    if not J.size:
        return np.empty(J.shape[:-1], J.dtype)
    A, s = _split(J)
    Q = U = np.broadcast_to(np.eye(J.shape[-1]), A[0].shape)
    d, ds, Us = np.zeros(U.shape[:-1], int), np.empty(A.shape[:-1], int), np.empty_like(A)
    for t in range(len(A)):
        top = s[t].max(axis=-1, keepdims=True)
        if (s[t] < top).any():                              # diag(2^s) is a step of its own, here in two halves
            low = (s[t] - top).clip(-5000)
            for half in (low // 2, low - low // 2):
                Q, d, U = _times(np.ldexp(Q, half[..., None] + 500), d, U)
            top = top - 1000
        Q, d, U = _times(T(A[t]) @ Q, d, U)
        d += top
        ds[t], Us[t] = d, U
    log = _log_svd(ds.reshape(-1, ds.shape[-1]), Us.reshape(-1, *Us.shape[-2:]))
    return log.reshape(ds.shape).astype(J.dtype)


def _split(J):
    """``A`` and ``s`` with ``J = diag(2^s) A``: rows of very different sizes are all brought to about 2^500."""
    size, s = np.frexp(np.abs(J).max(axis=-1).astype(float))
    s = np.where(size > 0, s.astype(int), -5000)
    top = s.max(axis=-1, keepdims=True)
    s = np.where((s < top - DISORDER).any(axis=-1, keepdims=True), s, top) - 500
    return np.ldexp(J.astype(float), -s[..., None]), s


def _disordered(d):
    """Whether an exponent lies well above one before it."""
    return (np.maximum.accumulate(d[..., ::-1], axis=-1)[..., ::-1] > d + DISORDER).any(axis=-1)


def _times(B, d, U):
    """``B 2^d U`` as ``Q 2^d' U'``, by QR from the largest row and column on."""
    e = np.where(B != 0, np.frexp(B)[1] + d[..., None, :], NONE)
    if _disordered(size := e.max(axis=-2)).any():
        order = np.argsort(-size, axis=-1, kind="stable")
        B, e = (np.take_along_axis(a, order[..., None, :], axis=-1) for a in (B, e))
        d, U = np.take_along_axis(d, order, axis=-1), np.take_along_axis(U, order[..., None], axis=-2)
    order = np.argsort(-e.max(axis=-1), axis=-1, kind="stable")[..., None]
    q, R = np.linalg.qr(np.take_along_axis(B, order, axis=-2))
    np.put_along_axis(Q := np.empty_like(q), order, q, axis=-2)
    top = np.where(R != 0, np.frexp(R)[1] + d[..., None, :], NONE).max(axis=-1)
    U = np.ldexp(R, np.clip(d[..., None, :] - top[..., None], -5000, 5000)) @ U
    size, power = np.frexp(np.abs(U).max(axis=-1))
    return Q, np.where((size > 0) & (top > NONE // 2), top + power, NONE), np.ldexp(U, -power[..., None])


def _log_svd(d, U):
    """``ln σ(2^d U)`` of ``(m, n)`` exponents and ``(m, n, n)`` rows."""
    place, log = np.arange(d.shape[1]), np.full(d.shape, -np.inf)
    wide = np.where(d > NONE // 2, d, d[:, :1]).min(axis=1) < d[:, 0] - RANGE
    some = wide | _disordered(d) | (U * (place[:, None] > place)).any(axis=(1, 2))
    order = np.argsort(-d[some], axis=-1, kind="stable")
    d[some] = np.take_along_axis(d[some], order, axis=-1)
    LT = np.linalg.qr(T(np.take_along_axis(U[some], order[..., None], axis=-2)), mode="r")
    U[some] = T(LT)                                         # U = L Z, of which the orthogonal Z can go
    alive = d > NONE // 2
    first, todo = np.zeros(len(d), int), np.flatnonzero(alive.any(axis=1))
    while todo.size:
        e = d[todo]
        start = (e > e[np.arange(len(e)), first[todo]][:, None] + GUARD).sum(axis=1)
        e = e - e[np.arange(len(e)), start][:, None]
        inside = place >= start[:, None]
        G = U[todo] * np.exp2(np.where(inside, e, -5000.0))[..., None] * inside[:, None]
        with np.errstate(divide="ignore"):
            s = np.log(np.linalg.svd(G, compute_uv=False)) + (d[todo, start] * math.log(2))[:, None]
        last = (alive[todo] & (e >= -RANGE)).sum(axis=1)
        mine = (place >= first[todo, None]) & (place < last[:, None])
        log[todo] = np.where(mine, np.take_along_axis(s, np.maximum(place - start[:, None], 0), 1), log[todo])
        first[todo] = last
        todo = todo[last < alive[todo].sum(axis=1)]
    return log
