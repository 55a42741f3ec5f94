"""Jacobians of a chain of steps, and what their product does to lengths.

Three different things tell what ``J_1 J_2 … J_t`` does to lengths: the SVD of the multiplied-out
product, which ends at machine precision; the QR growth of a frame of directions along it; and its
true singular values, past the range and the digits of floating-point numbers.

Row convention: ``dh_t = dh_{t-1} J_t``, so that ``∂h_t/∂h_0 = J_1 J_2 … J_t``, and gradients go
back by ``g_{t-1} = g_t J_tᵀ``.
"""

import math

import numpy as np

from ..expect import expect_array, expect_size, given
from ..steps.arrays import T
from .path import Pullbacks

# How log_singular_values keeps its rows, in exponents of two.
NONE = -(2**40)  # the exponent of a row of zeros
ALIKE = 2**-8  # a row whose own part is less is like those before it
RANGE = 800  # of one window
GUARD = 60  # a window begins so far above the values it is for
DISORDER = 1  # tolerated between rows; what is let through adds up over time


def expect_square(name, value, lead=()):
    """Raise unless ``value`` is an array of finite floats of shape ``(*lead, *sweep, n, n)``."""
    expect_array(name, value, (None, None))
    if value.ndim < 2 + len(lead) or value.shape[-1] != value.shape[-2]:
        axes = ", ".join([*lead, "*sweep", "n", "n"])
        raise ValueError(f"{name}: expected the shape ({axes}), got {value.shape}")


def jacobians(vjps):
    """``J_t = ∂h_t/∂h_{t-1}`` of every step: entry ``[i, j]`` is ``∂h_t[j] / ∂h_{t-1}[i]``.

    For a batch of one ``N = n``. A larger batch counts as one state of ``N = batch × features``
    numbers, since steps such as batch norm couple its samples; where none does, ``J_t`` is
    block-diagonal.

    Parameters
    ----------
    vjps : Pullbacks
        From :func:`~gradtrace.forward`. All states have the same shape.

    Returns
    -------
    ndarray of shape (T, *sweep, N, N)

    Raises
    ------
    TypeError
        ``vjps`` is something else.
    ValueError
        A step changes the size of the state.
    FloatingPointError
        A slope overflows.

    Notes
    -----
    Every pullback is fed the ``N`` rows of the identity at once, on a leading axis.

    Source: Grosse and Ba (2019), "the Jacobians multiply".

    Examples
    --------
    >>> p = {"W": np.array([[1.0, 2.0], [0.0, 1.0]]), "U": np.ones((1, 2)), "b": np.zeros(2)}
    >>> h, vjps = forward(unroll(RNN(1, 2, "identity"), p, np.zeros((3, 1, 1))), np.ones((1, 2)))
    >>> jacobians(vjps)[0]                          # of h W it is W itself
    array([[1., 2.],
           [0., 1.]])
    """
    if not isinstance(vjps, Pullbacks):
        raise TypeError(
            f"vjps: expected the pullbacks of a path, as forward returns them, got {given(vjps)}"
        )
    end, sweep = vjps.end, vjps.end.shape[: vjps.sweep]
    state = end.shape[vjps.sweep :]
    N = math.prod(state)
    for t, h in enumerate(vjps.h):
        own = h.shape[h.ndim - len(state) :]
        if own != state:
            raise ValueError(
                f"vjps: expected steps that keep the shape {state} of the last state,"
                f" got {own} before step {t + 1}"
            )
    g = np.eye(N, dtype=end.dtype).reshape(N, *(1,) * len(sweep), *state)
    g = np.broadcast_to(g, (N, *sweep, *state))
    J = np.empty((len(vjps), *sweep, N, N), end.dtype)
    for t, vjp in enumerate(vjps.lazy):
        with np.errstate(all="ignore"):
            dh = vjp(g).h
        J[t] = np.moveaxis(dh.reshape(N, *sweep, N), 0, -1)
    if not np.isfinite(J).all():
        raise FloatingPointError(f"vjps: expected finite Jacobians, got an overflow of {J.dtype}")
    return J


def spectral_radius(W):
    """The largest modulus of an eigenvalue, ``max |λ(W)|``: the rate of ``‖Wᵗ‖`` for large ``t``.

    Parameters
    ----------
    W : ndarray of shape (*sweep, n, n)

    Returns
    -------
    ndarray of shape (*sweep)

    Raises
    ------
    ValueError, TypeError
        ``W`` is no array of finite floats, not square or empty.
    FloatingPointError
        The radius overflows.

    Notes
    -----
    Source: LMU Munich (2022), "Long-term dependencies".

    Examples
    --------
    >>> spectral_radius(np.array([[0.5, 9.0], [0.0, 0.25]]))
    np.float64(0.5)
    """
    expect_square("W", W)
    if not W.shape[-1]:
        raise ValueError(f"W: expected at least one row, got shape {W.shape}")
    with np.errstate(all="ignore"):
        radius = np.abs(np.linalg.eigvals(W)).max(axis=-1)
    if not np.isfinite(radius).all():
        raise FloatingPointError(f"W: expected a radius within {W.dtype}, got an overflow")
    return radius


@np.errstate(all="ignore")
def log_qr_growth(J, every=1):
    """``Σ ln |r_kk|`` over the QR factorisations along ``J_1 J_2 … J_t``, for growing ``t``.

    A frame of ``n`` orthogonal directions is carried along and made orthogonal again; these are the
    logarithms of how much each of them has grown. Divided by ``t`` they tend to the Lyapunov
    exponents, where these exist (on their order see :func:`~gradtrace.lyapunov`). They are not the
    singular values of the product: those are :func:`~gradtrace.log_singular_values`.

    Parameters
    ----------
    J : ndarray of shape (T, *sweep, n, n)
        From :func:`jacobians`.
    every : int
        Multiply so many Jacobians before the frame is made orthogonal again: faster, and good to as
        many digits as such a product keeps.

    Returns
    -------
    ndarray of shape (⌈T / every⌉, *sweep, n)
        In the order of the frame. A direction that is lost gives ``-inf``.

    Raises
    ------
    ValueError, TypeError
        ``J`` is no array of finite floats or not square, or ``every`` no whole number from 1.
    FloatingPointError
        The product of ``every`` Jacobians overflows.

    Notes
    -----
    Source: Benettin et al. (1980).

    Examples
    --------
    >>> J = np.array([[[2.0, 9.0], [0.0, 0.5]]] * 3)
    >>> log_qr_growth(J).round(2)
    array([[ 2.22, -2.22],
           [ 3.13, -3.13],
           [ 3.87, -3.87]])
    """
    expect_square("J", J, ("T",))
    every = expect_size("every", every)
    B, growth = np.broadcast_to(np.eye(J.shape[-1]), J.shape[1:]), []
    for start in range(0, len(J), every):
        for J_t in J[start : start + every]:
            B = T(J_t).astype(float) @ B
        if not np.isfinite(B).all():
            raise FloatingPointError(
                f"every: expected few enough for a finite product, got {every}, which overflows"
            )
        B, R = np.linalg.qr(B)
        if not np.isfinite(R).all():
            raise FloatingPointError(
                f"J: expected columns whose length is within {B.dtype}, got an overflow"
            )
        growth.append(np.log(np.abs(np.diagonal(R, axis1=-2, axis2=-1))))
    return np.cumsum(np.reshape(growth, (len(growth), *J.shape[1:-1])), axis=0).astype(J.dtype)


def lyapunov(J, every=1):
    """Lyapunov exponents of a product of Jacobians, ``log_qr_growth(J)[-1] / T``.

    They are the logarithms of the growth per step.

    Parameters
    ----------
    J, every
        As for :func:`log_qr_growth`, with at least one Jacobian.

    Returns
    -------
    ndarray of shape (*sweep, n)
        In the order of the frame, which starts as the identity. Once ``T`` is large, the largest
        is first from almost every frame. The identity may be an exception: diagonal or lower
        triangular Jacobians leave it as it is, and the exponents keep the order of the diagonal.
        Sort them where that may happen.

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        As for :func:`log_qr_growth`.

    Notes
    -----
    Source: Benettin et al. (1980).

    Examples
    --------
    >>> J = np.random.default_rng(0).standard_normal((3000, 4, 4))
    >>> lyapunov(J, every=5).round(2)               # in theory 0.56, 0.36, 0.06 and -0.64
    array([ 0.54,  0.36,  0.09, -0.62])
    """
    expect_square("J", J, ("T",))
    if not len(J):
        raise ValueError(f"J: expected at least one Jacobian, got shape {J.shape}")
    return log_qr_growth(J, every)[-1] / np.asarray(len(J), J.dtype)


@np.errstate(all="ignore")
def log_singular_values(J):
    """``ln σ_k(J_1 J_2 … J_t)`` for every ``k`` and ``t``, past the range and digits of floats.

    Parameters
    ----------
    J : ndarray of shape (T, *sweep, n, n)
        From :func:`~gradtrace.jacobians`.

    Returns
    -------
    ndarray of shape (T, *sweep, n)
        In descending order, right to 1e-12 or to a few ``cond(J_t) ε``, whichever is more. Rows or
        columns of zeros give ``-inf``; a Jacobian that is singular otherwise gives rounding errors
        in place of it, and one with a condition above 1e15 may.

    Raises
    ------
    ValueError, TypeError
        ``J`` is no array of finite floats or not square.

    Notes
    -----
    The product is kept as ``(Q 2^d U)ᵀ``: ``Q`` orthogonal, ``d`` exponents that fall, ``U`` rows
    of about unit size. Reflections that start from the largest row and column do not mix small rows
    with large ones, so each ``σ`` keeps its digits, in LAPACK's SVD of ``2^d U`` too. Where ``2^d``
    leaves the float range, the SVD is taken in windows, each of which begins a factor ``2^60``
    above the values it is for.

    The SVD of the multiplied-out product instead,
    ``np.linalg.svd(list(accumulate(J, np.matmul)))``, is right only for what lies within sixteen
    digits of the largest.

    Source: after Barlow and Demmel (1990) for graded matrices, and Cox and Higham (1998) for the
    row order in QR.

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
        if (s[t] < top).any():  # diag(2^s) is a step of its own, here in two halves
            low = (s[t] - top).clip(-5000)
            for half in (low // 2, low - low // 2):
                Q, d, U = _times(np.ldexp(Q, half[..., None] + 500), d, U)
            top = top - 1000
        Q, d, U = _times(T(A[t]) @ Q, d, U)
        Q, d, U = _graded(Q, d, U)
        d += top
        ds[t], Us[t] = d, U
    log = _log_svd(ds.reshape(-1, ds.shape[-1]), Us.reshape(-1, *Us.shape[-2:]))
    return log.reshape(ds.shape).astype(J.dtype)


def _split(J):
    """``A`` and ``s`` with ``J = diag(2^s) A``; rows of very different sizes become about 2^500."""
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
    size = e.max(axis=-2)
    if _disordered(size).any():
        order = np.argsort(-size, axis=-1, kind="stable")
        B, e = (np.take_along_axis(a, order[..., None, :], axis=-1) for a in (B, e))
        d = np.take_along_axis(d, order, axis=-1)
        U = np.take_along_axis(U, order[..., None], axis=-2)
    order = np.argsort(-e.max(axis=-1), axis=-1, kind="stable")[..., None]
    q, R = np.linalg.qr(np.take_along_axis(B, order, axis=-2))
    Q = np.empty_like(q)
    np.put_along_axis(Q, order, q, axis=-2)
    top = np.where(R != 0, np.frexp(R)[1] + d[..., None, :], NONE).max(axis=-1)
    U = np.ldexp(R, np.clip(d[..., None, :] - top[..., None], -5000, 5000)) @ U
    size, power = np.frexp(np.abs(U).max(axis=-1))
    d = np.where((size > 0) & (top > NONE // 2), top + power, NONE)
    return Q, d, np.ldexp(U, -power[..., None])


def _graded(Q, d, U):
    """``Q 2^d U`` times an orthogonal matrix from the right, with rows that differ.

    Such a matrix changes no singular value. Rows of ``U`` that have become alike hide small
    singular values in what cancels between them. As ``L Z`` with a lower triangle ``L`` and an
    orthogonal ``Z``, which goes, ``2^d L`` is factorised anew, and they stand in ``d``.
    """
    order = np.argsort(-d, axis=-1, kind="stable")
    d = np.take_along_axis(d, order, axis=-1)
    Q = np.take_along_axis(Q, order[..., None, :], axis=-1)
    L = T(np.linalg.qr(T(np.take_along_axis(U, order[..., None], axis=-2)), mode="r"))
    size = np.abs(np.diagonal(L, axis1=-2, axis2=-1)) / np.abs(L).max(axis=-1)
    if not (size < ALIKE).any():
        return Q, d, L
    # the exponent of the largest entry in each column of 2^d L
    exponents = np.where(L != 0, np.frexp(L)[1] + d[..., :, None], NONE).max(axis=-2)
    B = np.ldexp(L, np.clip(d[..., :, None] - exponents[..., None, :], -5000, 5000))
    again, d, U = _times(B, exponents, np.broadcast_to(np.eye(L.shape[-1]), L.shape))
    return Q @ again, d, U


def _log_svd(d, U):
    """``ln σ(2^d U)`` of ``(m, n)`` exponents and ``(m, n, n)`` rows."""
    place, log = np.arange(d.shape[1]), np.full(d.shape, -np.inf)
    wide = np.where(d > NONE // 2, d, d[:, :1]).min(axis=1) < d[:, 0] - RANGE
    some = wide | _disordered(d) | (U * (place[:, None] > place)).any(axis=(1, 2))
    order = np.argsort(-d[some], axis=-1, kind="stable")
    d[some] = np.take_along_axis(d[some], order, axis=-1)
    LT = np.linalg.qr(T(np.take_along_axis(U[some], order[..., None], axis=-2)), mode="r")
    U[some] = T(LT)  # U = L Z, of which the orthogonal Z can go
    alive = d > NONE // 2
    first, todo = np.zeros(len(d), int), np.flatnonzero(alive.any(axis=1))
    while todo.size:
        e = d[todo]
        start = (e > e[np.arange(len(e)), first[todo]][:, None] + GUARD).sum(axis=1)
        e = e - e[np.arange(len(e)), start][:, None]
        inside = place >= start[:, None]
        G = U[todo] * np.exp2(np.where(inside, e, -5000.0))[..., None] * inside[:, None]
        s = np.log(np.linalg.svd(G, compute_uv=False)) + (d[todo, start] * math.log(2))[:, None]
        last = (alive[todo] & (e >= -RANGE)).sum(axis=1)
        mine = (place >= first[todo, None]) & (place < last[:, None])
        found = np.take_along_axis(s, np.maximum(place - start[:, None], 0), axis=1)
        log[todo] = np.where(mine, found, log[todo])
        first[todo] = last
        todo = todo[last < alive[todo].sum(axis=1)]
    return log
