"""The array operations that every pullback uses.

Axes are ``(*sweep, batch, *features)`` and matrices act from the right, ``h @ W``, in the code as in the prose.
"""

import numpy as np


def T(W):
    """Transpose of the last two axes: ``(*sweep, n, m)`` to ``(*sweep, m, n)``."""
    return W.swapaxes(-1, -2)


def row(b):
    """A vector per sweep member, ready to be added to a batch: ``(*sweep, n)`` to ``(*sweep, 1, n)``."""
    return b[..., None, :]


def outer(h, d):
    """``Σ_batch hᵀ d``, the gradient of a matrix: ``(*sweep, batch, n), (*sweep, batch, m)`` to ``(*sweep, n, m)``."""
    return T(h) @ d


def total(d):
    """``Σ_batch d``, the gradient of a bias: ``(*sweep, batch, n)`` to ``(*sweep, n)``."""
    return d.sum(axis=-2)


def log_norm(g, axes):
    """Natural logarithm of the Euclidean norm over the last ``axes`` axes, without overflow or underflow.

    Parameters
    ----------
    g : ndarray of shape (..., *features)
    axes : int
        How many.

    Returns
    -------
    ndarray of shape (...)
        A norm that is exactly zero gives ``-inf``.

    Examples
    --------
    >>> log_norm(np.array([3e-200, 4e-200]), 1).round(4)      # ln 5e-200
    np.float64(-458.9076)
    """
    over = tuple(range(-axes, 0))
    size = np.abs(g).max(axis=over, keepdims=True, initial=0.0)
    unit = g / np.where(size > 0, size, 1)
    with np.errstate(divide="ignore"):
        return np.log(size).reshape(size.shape[:-axes]) + 0.5 * np.log((unit * unit).sum(axis=over))
