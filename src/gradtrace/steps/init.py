"""Where weights start: each initialiser is a function ``(rng, shape) -> array``, for :func:`~gradtrace.init_params`.

LeCun, Xavier and He choose a variance from the numbers ``n`` and ``m`` of :func:`fans`. Each comes normal and uniform,
with the same variance: U(-r, r) has variance r²/3, so a variance of 1/n takes r = √(3/n). Two slips to avoid: √(1/n)
is the standard deviation of LeCun's normal form, not its variance; and r = √(1/n) would leave a third of it.

Source: Lee, "Weight Initialization".
"""

import math

import numpy as np

from ..expect import expect_array, expect_rng
from .arrays import T

__all__ = ["fans", "gaussian", "he", "he_uniform", "identity", "lecun", "lecun_uniform", "ones", "orthogonal",
           "spectral", "spectral_norm", "uniform", "xavier", "xavier_uniform", "zeros"]     # the initialisers

FACTORS = {"gamma", "g"}                        # vectors that multiply; the others are added, and start at zero


def fans(shape):
    """Fan-in ``n`` and fan-out ``m``: how many numbers one output sums over, and how many outputs one input reaches.

    Parameters
    ----------
    shape : tuple of int
        ``(n, m)`` for a matrix used as ``h @ W``; ``(c_out, c_in, kh, kw)`` for the kernels of a convolution, where
        ``n = c_in kh kw`` and ``m = c_out kh kw``. A vector ``(n,)`` counts as a matrix with one column.

    Raises
    ------
    ValueError
        ``shape`` has another number of axes.

    Examples
    --------
    >>> init.fans((64, 3, 5, 5))
    (75, 1600)
    """
    match tuple(shape):
        case (n,):
            return n, 1
        case (n, m):
            return n, m
        case (c_out, c_in, kh, kw):
            return c_in * kh * kw, c_out * kh * kw
    raise ValueError(f"shape: expected (n, m) or (c_out, c_in, kh, kw), got {tuple(shape)}")


def gaussian(rng, shape, sd=1.0):
    """Entries from N(0, sd²).

    Examples
    --------
    >>> init.gaussian(np.random.default_rng(0), (300, 300), sd=2.0).std().round(2)
    np.float64(2.0)
    """
    return sd * rng.standard_normal(shape)


def uniform(rng, shape, r=1.0):
    """Entries from U(-r, r), of variance r²/3.

    Examples
    --------
    >>> abs(init.uniform(np.random.default_rng(0), (300, 300), r=0.5)).max().round(3)
    np.float64(0.5)
    """
    return rng.uniform(-r, r, shape)


def lecun(rng, shape):
    """Entries from N(0, 1/n), which keeps the variance of the state through a linear layer. Source: LeCun 1998.

    Examples
    --------
    >>> init.lecun(np.random.default_rng(0), (400, 100)).std().round(3)          # √(1/400)
    np.float64(0.05)
    """
    n, _ = fans(shape)
    return gaussian(rng, shape, n ** -0.5)


def lecun_uniform(rng, shape):
    """Entries from U(-r, r) with r = √(3/n): the variance 1/n of :func:`lecun`. Source: LeCun 1998.

    Examples
    --------
    >>> init.lecun_uniform(np.random.default_rng(0), (400, 100)).std().round(3)
    np.float64(0.05)
    """
    n, _ = fans(shape)
    return uniform(rng, shape, (3 / n) ** 0.5)


def xavier(rng, shape):
    """Entries from N(0, 2/(n + m)), a compromise between the forward and the backward pass. Source: Glorot 2010.

    Examples
    --------
    >>> init.xavier(np.random.default_rng(0), (500, 300)).std().round(3)         # √(2/800)
    np.float64(0.05)
    """
    return gaussian(rng, shape, (2 / sum(fans(shape))) ** 0.5)


def xavier_uniform(rng, shape):
    """Entries from U(-r, r) with r = √(6/(n + m)): the variance of :func:`xavier`. Source: Glorot 2010, eq. 16.

    Examples
    --------
    >>> init.xavier_uniform(np.random.default_rng(0), (500, 300)).std().round(3)
    np.float64(0.05)
    """
    return uniform(rng, shape, (6 / sum(fans(shape))) ** 0.5)


def he(rng, shape):
    """Entries from N(0, 2/n), made for ReLU, which passes half of the variance. Source: He 2015.

    Examples
    --------
    >>> init.he(np.random.default_rng(0), (200, 300)).std().round(3)             # √(2/200)
    np.float64(0.1)
    """
    n, _ = fans(shape)
    return gaussian(rng, shape, (2 / n) ** 0.5)


def he_uniform(rng, shape):
    """Entries from U(-r, r) with r = √(6/n): the variance 2/n of :func:`he`. Source: He 2015.

    Examples
    --------
    >>> init.he_uniform(np.random.default_rng(0), (200, 300)).std().round(3)
    np.float64(0.1)
    """
    n, _ = fans(shape)
    return uniform(rng, shape, (6 / n) ** 0.5)


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


def identity(rng, shape):
    """Ones on the diagonal, as an IRNN starts. Source: Le 2015.

    Examples
    --------
    >>> init.identity(np.random.default_rng(0), (2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    return np.eye(*shape)


def zeros(rng, shape):
    """All zero.

    Examples
    --------
    >>> init.zeros(np.random.default_rng(0), (1, 2))
    array([[0., 0.]])
    """
    return np.zeros(shape)


def ones(rng, shape):
    """All one, as the factors of a normalisation start.

    Examples
    --------
    >>> init.ones(np.random.default_rng(0), (2,))
    array([1., 1.])
    """
    return np.ones(shape)


def init_params(step, rng, weights=xavier, *, gain=1.0, dtype=np.float64, **by_name):
    """Parameters for ``step``: matrices from ``weights`` times ``gain``, biases zero, factors (``gamma``, ``g``) one.

    Parameters
    ----------
    step : Step
    rng : numpy.random.Generator
    weights : callable
        ``(rng, shape) -> array`` for every parameter of two axes or more.
    gain : float or ndarray of shape (*sweep,)
        Factor on those matrices. An array puts its axes in front: 41 gains give matrices ``(41, n, m)`` that
        share one draw, ready to be swept in a single pass.
    dtype : numpy dtype
    **by_name : callable
        Another initialiser for the parameter of that name; ``gain`` does not apply to it.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    TypeError, ValueError
        ``rng`` is not a Generator, ``gain`` is not finite, or ``by_name`` names no parameter of ``step``.

    Notes
    -----
    Source: Lee, "Weight Initialization".

    Examples
    --------
    >>> p = init_params(Dense(3, 4), np.random.default_rng(0), init.he, gain=np.array([0.5, 1.0]))
    >>> p["W"].shape, p["b"].shape
    ((2, 3, 4), (4,))
    """
    expect_rng("rng", rng)
    gain = expect_array("gain", np.asarray(gain, dtype=float) if np.ndim(gain) == 0 and not isinstance(gain, str)
                        else gain)
    shapes = step.shapes()
    for name in by_name.keys() - shapes.keys():
        raise ValueError(f"{name}: expected one of {sorted(shapes)}, the parameters of {step}")
    p = {}
    for name, shape in shapes.items():
        if name in by_name:
            value = by_name[name](rng, shape)
        elif len(shape) == 1:
            value = (ones if name.rsplit(".")[-1] in FACTORS else zeros)(rng, shape)
        else:
            value = gain[(...,) + (None,) * len(shape)] * weights(rng, shape)
        p[name] = expect_array(name, np.asarray(value, dtype=dtype), shape)
    return p


def _unit(M):
    norm = np.linalg.norm(M, axis=(-2, -1), keepdims=True)
    return M / np.where(norm > 0, norm, 1)
