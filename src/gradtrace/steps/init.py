"""Where weights start: each initialiser is a function ``(rng, shape) -> array``, for :func:`~gradtrace.draw`.

LeCun, Xavier and He choose a variance from the numbers ``n`` and ``m`` of :func:`fans`. Each comes normal and uniform,
with the same variance: U(-r, r) has variance r²/3, so a variance of 1/n takes r = √(3/n). Two slips to avoid: √(1/n)
is the standard deviation of LeCun's normal form, not its variance; and r = √(1/n) would leave a third of it.

Source: Lee, "Weight Initialization".
"""

import numpy as np

from .whole import orthogonal, spectral, spectral_norm

__all__ = ["fans", "gaussian", "he", "he_uniform", "identity", "lecun", "lecun_uniform", "ones", "orthogonal",
           "spectral", "spectral_norm", "uniform", "xavier", "xavier_uniform", "zeros"]


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
    raise ValueError(f"shape: expected (n, m) or (c_out, c_in, kh, kw), came {tuple(shape)}")


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
