"""The four array operations that every pullback uses, and the checks that name a bad argument.

Axes are ``(*sweep, batch, *features)`` and matrices act from the right, ``h @ W``, in the code as in the prose.
"""

import math
import numbers

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

    A norm that is exactly zero gives ``-inf``.
    """
    over = tuple(range(-axes, 0))
    size = np.abs(g).max(axis=over, keepdims=True, initial=0.0)
    unit = g / np.where(size > 0, size, 1)
    with np.errstate(divide="ignore"):
        return np.log(size).reshape(size.shape[:-axes]) + 0.5 * np.log((unit * unit).sum(axis=over))


def expect_array(name, value, trailing=()):
    """Return ``value`` if it is an array of finite floats that ends in the axes ``trailing``; else say what is wrong.

    Parameters
    ----------
    name : str or callable
        What to call the argument in the error, or a function that says it, called only if there is one.
    value : object
        What came.
    trailing : tuple of int or None
        Required sizes of the last axes; ``None`` stands for any size.

    Raises
    ------
    TypeError
        If ``value`` is not a numpy array of floats.
    ValueError
        If its last axes differ from ``trailing`` or it holds NaN or infinity.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
        array = isinstance(value, np.ndarray)
        came = f"an array of {value.dtype}" if array else f"{type(value).__name__} {value!r:.40}"
        raise TypeError(f"{_said(name)}: expected a numpy array of float64 or float32, came {came}")
    got = value.shape[max(0, value.ndim - len(trailing)):]
    if got != trailing and (len(got) != len(trailing)
                            or any(w is not None and g != w for g, w in zip(got, trailing, strict=True))):
        wanted = ", ".join("…" if w is None else str(w) for w in trailing)
        raise ValueError(f"{_said(name)}: expected last axes ({wanted}), came shape {value.shape}")
    if not np.isfinite(value).all():
        bad = np.argwhere(~np.isfinite(value))
        raise ValueError(f"{_said(name)}: expected finite numbers, came {value[tuple(bad[0])]}"
                         f" at {tuple(map(int, bad[0]))} and {len(bad) - 1} more")
    return value


def _said(name):
    return name if isinstance(name, str) else name()


def expect_size(name, value, least=1):
    """Return ``value`` as an ``int`` if it is a whole number of at least ``least``; else raise, naming it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected a whole number, came {type(value).__name__} {value!r:.40}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, came {value}")
    return int(value)


def expect_number(name, value):
    """Return ``value`` as a ``float`` if it is a finite real number; else raise, naming it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, came {type(value).__name__} {value!r:.40}")
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, came {value}")
    return float(value)


def expect_rng(name, value):
    """Return ``value`` if it is a ``numpy.random.Generator``; else raise, naming it."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{name}: expected numpy.random.default_rng(seed), came {type(value).__name__} {value!r:.40}")
    return value
