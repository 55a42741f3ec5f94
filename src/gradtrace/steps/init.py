"""Where weights start: each initialiser is a function ``(rng, shape) -> array``, and ``draw`` fills a step with them.

For a matrix of shape ``(n, m)`` used as ``h @ W``, the fan-in is ``n`` and the fan-out ``m``.
"""

import numpy as np

from .arrays import expect_array, expect_rng


def gaussian(rng, shape, sd=1.0):
    """Entries from N(0, sd²)."""
    return sd * rng.standard_normal(shape)


def lecun(rng, shape):
    """Entries from N(0, 1/n), which keeps the variance of the state through a linear layer. Source: LeCun 1998."""
    return gaussian(rng, shape, shape[0] ** -0.5)


def xavier(rng, shape):
    """Entries from N(0, 2/(n + m)), a compromise between the forward and the backward pass. Source: Glorot 2010."""
    return gaussian(rng, shape, (2 / sum(shape)) ** 0.5)


def he(rng, shape):
    """Entries from N(0, 2/n), made for ReLU, which passes half of the variance. Source: He 2015."""
    return gaussian(rng, shape, (2 / shape[0]) ** 0.5)


def orthogonal(rng, shape):
    """Orthonormal rows or columns, uniform over all such matrices. Source: Saxe 2014."""
    n, m = shape
    Q, R = np.linalg.qr(rng.standard_normal((max(n, m), min(n, m))))
    Q = Q * np.sign(np.diagonal(R))             # without the signs, LAPACK's convention would bias the draw
    return Q if n >= m else Q.T


def spectral(rng, shape):
    """Gaussian, divided by its largest singular value, so that ``‖W‖₂ = 1``."""
    W = rng.standard_normal(shape)
    return W / np.linalg.norm(W, 2)


def identity(rng, shape):
    """Ones on the diagonal, as an IRNN starts. Source: Le 2015."""
    return np.eye(*shape)


def zeros(rng, shape):
    """All zero."""
    return np.zeros(shape)


def draw(step, rng, weights=xavier, *, gain=1.0, dtype=np.float64, **by_name):
    """Parameters for ``step``: matrices from ``weights`` times ``gain``, vectors zero.

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
            value = np.zeros(shape)
        else:
            value = gain[(...,) + (None,) * len(shape)] * weights(rng, shape)
        p[name] = expect_array(name, np.asarray(value, dtype=dtype), shape)
    return p
