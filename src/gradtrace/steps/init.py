"""Where weights start: each initialiser is a function ``(rng, shape) -> array``.

:func:`~gradtrace.init_params` calls them. LeCun, Xavier and He choose a variance from the numbers
``n`` and ``m`` of :func:`fans`. Each comes normal and uniform, with the same variance: U(-r, r) has
variance r²/3, so a variance of 1/n takes r = √(3/n). Two slips to avoid: √(1/n) is the standard
deviation of LeCun's normal form, not its variance; and r = √(1/n) would leave a third of it.

Source: Lee (n.d.), "Weight Initialization".
"""

import math

import numpy as np

from ..expect import (
    expect_array,
    expect_callable,
    expect_dtype,
    expect_number,
    expect_rng,
    expect_sizes,
    expect_swept,
)
from .contract import expect_step

__all__ = [
    "fans",
    "gaussian",
    "he",
    "he_uniform",
    "identity",
    "lecun",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "spectral",
    "spectral_norm",
    "uniform",
    "xavier",
    "xavier_uniform",
    "zeros",
]

LARGEST = 1e300  # of a spread: what is drawn stays within float64
FACTORS = {"gamma", "length"}  # vectors that multiply; the others are added, and start at zero


def fans(shape):
    """Fan-in ``n``, how many numbers an output sums over; fan-out ``m``, how many an input reaches.

    Parameters
    ----------
    shape : tuple of int
        ``(n, m)`` for a matrix used as ``h @ W``; ``(c_out, c_in, kh, kw)`` for the kernels of a
        convolution, where ``n = c_in kh kw`` and ``m = c_out kh kw``. A vector ``(n,)`` counts as a
        matrix with one column.

    Raises
    ------
    ValueError
        ``shape`` has another number of axes.

    Examples
    --------
    >>> init.fans((64, 3, 5, 5))
    (75, 1600)
    """
    match expect_sizes("shape", shape):
        case (n,):
            return n, 1
        case (n, m):
            return n, m
        case (c_out, c_in, kh, kw):
            return c_in * kh * kw, c_out * kh * kw
    raise ValueError(f"shape: expected (n,), (n, m) or (c_out, c_in, kh, kw), got {tuple(shape)}")


def gaussian(rng, shape, sd=1.0):
    """Entries from N(0, sd²).

    Examples
    --------
    >>> init.gaussian(np.random.default_rng(0), (300, 300), sd=2.0).std().round(2)
    np.float64(2.0)
    """
    sd = expect_number("sd", sd, least=0, most=LARGEST)
    return sd * expect_rng("rng", rng).standard_normal(expect_sizes("shape", shape))


def uniform(rng, shape, r=1.0):
    """Entries from U(-r, r), of variance r²/3.

    Examples
    --------
    >>> abs(init.uniform(np.random.default_rng(0), (300, 300), r=0.5)).max().round(3)
    np.float64(0.5)
    """
    r = expect_number("r", r, least=0, most=LARGEST)
    return expect_rng("rng", rng).uniform(-r, r, expect_sizes("shape", shape))


def lecun(rng, shape):
    """Entries from N(0, 1/n), which keeps the variance of the state through a linear layer.

    Source: LeCun et al. (1998a).

    Examples
    --------
    >>> init.lecun(np.random.default_rng(0), (400, 100)).std().round(3)          # √(1/400)
    np.float64(0.05)
    """
    n, _ = fans(shape)
    return gaussian(rng, shape, n**-0.5)


def lecun_uniform(rng, shape):
    """Entries from U(-r, r) with r = √(3/n): the variance 1/n of :func:`lecun`.

    Source: LeCun et al. (1998a).

    Examples
    --------
    >>> init.lecun_uniform(np.random.default_rng(0), (400, 100)).std().round(3)
    np.float64(0.05)
    """
    n, _ = fans(shape)
    return uniform(rng, shape, (3 / n) ** 0.5)


def xavier(rng, shape):
    """Entries from N(0, 2/(n + m)), a compromise between the forward and the backward pass.

    Source: Glorot and Bengio (2010).

    Examples
    --------
    >>> init.xavier(np.random.default_rng(0), (500, 300)).std().round(3)         # √(2/800)
    np.float64(0.05)
    """
    return gaussian(rng, shape, (2 / sum(fans(shape))) ** 0.5)


def xavier_uniform(rng, shape):
    """Entries from U(-r, r) with r = √(6/(n + m)): the variance of :func:`xavier`.

    Source: Glorot and Bengio (2010), eq. 16.

    Examples
    --------
    >>> init.xavier_uniform(np.random.default_rng(0), (500, 300)).std().round(3)
    np.float64(0.05)
    """
    return uniform(rng, shape, (6 / sum(fans(shape))) ** 0.5)


def he(rng, shape):
    """Entries from N(0, 2/n), made for ReLU, which passes half of the variance.

    Source: He et al. (2015).

    Examples
    --------
    >>> init.he(np.random.default_rng(0), (200, 300)).std().round(3)             # √(2/200)
    np.float64(0.1)
    """
    n, _ = fans(shape)
    return gaussian(rng, shape, (2 / n) ** 0.5)


def he_uniform(rng, shape):
    """Entries from U(-r, r) with r = √(6/n): the variance 2/n of :func:`he`.

    Source: He et al. (2015).

    Examples
    --------
    >>> init.he_uniform(np.random.default_rng(0), (200, 300)).std().round(3)
    np.float64(0.1)
    """
    n, _ = fans(shape)
    return uniform(rng, shape, (6 / n) ** 0.5)


def orthogonal(rng, shape):
    """Orthonormal rows or columns, uniform over all such matrices. Source: Saxe et al. (2014).

    Kernels ``(c_out, c_in, kh, kw)`` are drawn as a matrix with a row for each output channel.

    Examples
    --------
    >>> W = init.orthogonal(np.random.default_rng(0), (3, 3))
    >>> np.allclose(W @ W.T, np.eye(3))
    True
    """
    n, *rest = expect_sizes("shape", shape)
    m = math.prod(rest)
    Q, R = np.linalg.qr(expect_rng("rng", rng).standard_normal((max(n, m), min(n, m))))
    Q = Q * np.sign(np.diagonal(R))  # without the signs, LAPACK's convention would bias the draw
    return (Q if n >= m else Q.T).reshape(shape)


def spectral(rng, shape):
    """Gaussian, divided by its largest singular value: ``‖W‖₂ = 1``, no vector is lengthened.

    Kernels ``(c_out, c_in, kh, kw)`` are scaled as a matrix with a row for each output channel.

    Source: Giselsson (n.d.), "Avoiding exploding gradient – Gradient clipping".

    Examples
    --------
    >>> init.spectral_norm(init.spectral(np.random.default_rng(0), (5, 3))).round(12)
    np.float64(1.0)
    """
    W = expect_rng("rng", rng).standard_normal(expect_sizes("shape", shape))
    return W / spectral_norm(W.reshape(shape[0], -1))


def spectral_norm(W):
    """``‖W‖₂``, the largest singular value.

    Parameters
    ----------
    W : ndarray of shape (*sweep, n, m)

    Returns
    -------
    ndarray of shape (*sweep)

    Raises
    ------
    ValueError, TypeError
        ``W`` is no array of finite floats, is empty or has fewer than two axes.

    Examples
    --------
    >>> spectral_norm(np.array([[3.0, 0.0], [0.0, -4.0]])).round(12)
    np.float64(4.0)
    """
    W = expect_array("W", W, (None, None))
    if not W.size:
        raise ValueError(f"W: expected at least one entry, got shape {W.shape}")
    with np.errstate(all="ignore"):
        norm = np.linalg.norm(W.astype(float), 2, axis=(-2, -1)).astype(W.dtype)
    if not np.isfinite(norm).all():
        raise FloatingPointError(f"W: expected a norm within {W.dtype}, got an overflow")
    return norm


def identity(rng, shape):
    """Ones on the diagonal, as an IRNN starts. Source: Le et al. (2015).

    Examples
    --------
    >>> init.identity(np.random.default_rng(0), (2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    expect_rng("rng", rng)
    return np.eye(*expect_sizes("shape", shape, axes=2))


def zeros(rng, shape):
    """All zero.

    Examples
    --------
    >>> init.zeros(np.random.default_rng(0), (1, 2))
    array([[0., 0.]])
    """
    expect_rng("rng", rng)
    return np.zeros(expect_sizes("shape", shape))


def ones(rng, shape):
    """All one, as the factors of a normalisation start.

    Examples
    --------
    >>> init.ones(np.random.default_rng(0), (2,))
    array([1., 1.])
    """
    expect_rng("rng", rng)
    return np.ones(expect_sizes("shape", shape))


def init_params(step, rng, weights=xavier, *, gain=1.0, dtype=np.float64, **by_name):
    """Parameters for ``step``: matrices from ``weights`` times ``gain``, biases zero, factors one.

    The factors are ``gamma`` and ``g``.

    Parameters
    ----------
    step : Step
    rng : numpy.random.Generator
    weights : callable
        ``(rng, shape) -> array`` for every parameter of two axes or more.
    gain : float or ndarray of shape (*sweep,)
        Factor on those matrices. An array puts its axes in front: 41 gains give matrices
        ``(41, n, m)`` that share one draw, ready to be swept in a single pass.
    dtype : numpy dtype
    **by_name : callable
        Another initialiser for the parameter of that name; ``gain`` does not apply to it.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong kind, not finite, or names no parameter of ``step``.

    Notes
    -----
    Source: Lee (n.d.), "Weight Initialization".

    Examples
    --------
    >>> p = init_params(Dense(3, 4), np.random.default_rng(0), init.he, gain=np.array([0.5, 1.0]))
    >>> p["W"].shape, p["b"].shape
    ((2, 3, 4), (4,))
    """
    shapes = expect_step("step", step).shapes()
    expect_rng("rng", rng)
    expect_callable("weights", weights)
    gain = expect_swept("gain", gain)
    expect_dtype("dtype", dtype)
    for name, start in by_name.items():
        if name not in shapes:
            raise ValueError(
                f"{name}: expected one of {sorted(shapes)}, the parameters of {step}, got {name!r}"
            )
        expect_callable(name, start)
    p = {}
    for name, shape in shapes.items():
        if name in by_name:
            value = by_name[name](rng, shape)
        elif len(shape) == 1:
            constant = ones if name.rsplit(".")[-1] in FACTORS else zeros
            value = constant(rng, shape)
        else:
            value = gain[(...,) + (None,) * len(shape)] * weights(rng, shape)
        p[name] = expect_array(name, np.asarray(value, dtype=dtype), shape)
    return p
