"""Matrices drawn as a whole, by their singular values, and the largest of these."""

import math

import numpy as np

from ..expect import expect_array
from .arrays import T


def orthogonal(rng, shape):
    """Orthonormal rows or columns, uniform over all such matrices. Source: Saxe 2014.

    Kernels ``(c_out, c_in, kh, kw)`` are drawn as a matrix with a row for each output channel.

    Examples
    --------
    >>> W = init.orthogonal(np.random.default_rng(0), (3, 3))
    >>> np.allclose(W @ W.T, np.eye(3))
    True
    """
    n, m = shape[0], math.prod(shape[1:])
    Q, R = np.linalg.qr(rng.standard_normal((max(n, m), min(n, m))))
    Q = Q * np.sign(np.diagonal(R))             # without the signs, LAPACK's convention would bias the draw
    return (Q if n >= m else Q.T).reshape(shape)


def spectral(rng, shape):
    """Gaussian, divided by its largest singular value, so that ``‖W‖₂ = 1``: no layer lengthens a vector.

    Kernels ``(c_out, c_in, kh, kw)`` are scaled as a matrix with a row for each output channel.

    Source: Giselsson, "Avoiding exploding gradient – Gradient clipping".

    Examples
    --------
    >>> init.spectral_norm(init.spectral(np.random.default_rng(0), (5, 3))).round(12)
    np.float64(1.0)
    """
    W = rng.standard_normal(shape)
    return W / spectral_norm(W.reshape(shape[0], -1))


def spectral_norm(W):
    """``‖W‖₂``, the largest singular value, by power iteration.

    One step of power iteration multiplies a vector by ``M = WᵀW``. Squaring ``M`` doubles the number of steps done at
    once, so that fifty squarings find the value to the last digits even where the two largest all but agree.

    Parameters
    ----------
    W : ndarray of shape (*sweep, n, m)

    Returns
    -------
    ndarray of shape (*sweep)

    Raises
    ------
    ValueError, TypeError
        ``W`` is no array of finite floats or has fewer than two axes.

    Notes
    -----
    Source: Miyato et al. 2018, algorithm 1, there one step at a time.

    Examples
    --------
    >>> init.spectral_norm(np.array([[3.0, 0.0], [0.0, -4.0]])).round(12)
    np.float64(4.0)
    """
    W = expect_array("W", W, (None, None))
    size = np.abs(W).max(axis=(-2, -1), keepdims=True, initial=0.0)
    A = np.asarray(W if W.shape[-2] >= W.shape[-1] else T(W), float) / np.where(size > 0, size, 1)
    M, change = _unit(T(A) @ A), np.inf
    for _ in range(60):
        old, M = M, _unit(M @ M)                            # M  = (AᵀA)^(2^k), scaled
        change = np.abs(M - old).max(initial=0.0)
        if change < 1e-14:
            break
    best = np.linalg.norm(M, axis=-2).argmax(axis=-1)[..., None, None]
    v = np.take_along_axis(M, best, axis=-1)                # any column that is not zero lies along the top direction
    return (size * np.linalg.norm(A @ _unit(v), axis=-2, keepdims=True))[..., 0, 0].astype(W.dtype)


def _unit(M):
    norm = np.linalg.norm(M, axis=(-2, -1), keepdims=True)
    return M / np.where(norm > 0, norm, 1)
