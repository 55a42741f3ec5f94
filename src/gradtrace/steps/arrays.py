"""What every pullback is written with: array operations, products that wait, :class:`Grads`.

Axes are ``(*sweep, batch, *features)`` and matrices act from the right, ``h @ W``, in the code as
in the prose.
"""

from typing import NamedTuple

import numpy as np

from ..expect import expect_array, expect_size


class Grads(NamedTuple):
    """What a pullback returns: the gradients of the state, the input and each parameter.

    ``x`` is ``None`` for a step that takes no input.

    Examples
    --------
    >>> h, vjp = Dense(2, 1)({"W": np.ones((2, 1)), "b": np.zeros(1)}, np.zeros((1, 2)))
    >>> vjp(np.ones((1, 1)))._fields
    ('h', 'x', 'p')
    """

    h: np.ndarray
    x: np.ndarray | None
    p: dict[str, np.ndarray]


def T(W):
    """Transpose of the last two axes: ``(*sweep, n, m)`` to ``(*sweep, m, n)``."""
    return W.mT


def row(b):
    """A vector per sweep member, to be added to a batch: ``(*sweep, n)`` to ``(*sweep, 1, n)``."""
    return b[..., None, :]


def outer(h, d):
    """``Σ_batch hᵀ d``, the gradient of a matrix.

    ``(*sweep, batch, n)`` and ``(*sweep, batch, m)`` to ``(*sweep, n, m)``.
    """
    return Product(h, d)


def total(d):
    """``Σ_batch d``, the gradient of a bias: ``(*sweep, batch, n)`` to ``(*sweep, n)``."""
    return Product(None, d)


def through(d, W):
    """``d Wᵀ``, backwards through a matrix.

    ``(*sweep, batch, m)`` and ``(*sweep, n, m)`` to ``(*sweep, batch, n)``.
    """
    return Product(T(d), T(W))


class Product:
    """``aᵀ b``, multiplied when it is asked for: as an array, a sum over time, or a log norm.

    A pass over many steps makes many of these and needs few of them. Their sum over time is one
    product, since ``Σ_t a_tᵀ b_t = [a_1; …; a_T]ᵀ [b_1; …; b_T]``. Without ``a``, ``b`` is summed
    over the batch.
    """

    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b

    @property
    def shape(self):
        if self.a is None:
            return (*self.b.shape[:-2], self.b.shape[-1])
        lead = np.broadcast_shapes(self.a.shape[:-2], self.b.shape[:-2])
        return (*lead, self.a.shape[-1], self.b.shape[-1])

    def __array__(self, dtype=None, copy=None):
        value = self.b.sum(axis=-2) if self.a is None else T(self.a) @ self.b
        return value if dtype is None else value.astype(dtype, copy=False)

    def log_norm(self):
        """``ln ‖aᵀ b‖``, one for each sweep member, past the range of floats; no digit is lost.

        Every sample's factors are divided by powers of two first; what these amount to comes back
        at the end.
        """
        b, power = _normalised(self.b)
        a = np.ones((*b.shape[:-1], 1), b.dtype)
        if self.a is not None:
            a, more = _normalised(self.a)
            power = power + more
        top = power.max(axis=-1, initial=NOTHING)
        weight = times_power(np.ones((), b.dtype), np.maximum(power - top[..., None], -2000))
        return log_norm_of(T(a * weight[..., None]) @ b, 2) + top * np.log(2)


NOTHING = -(10**6)  # the power of two of a sample of zeros


def _normalised(a):
    """``a 2^-power`` and ``power``, with the largest entry of each sample between ½ and 1."""
    size = np.abs(a).max(axis=-1, initial=0.0)
    power = np.where(size > 0, np.frexp(size)[1], NOTHING)
    return times_power(a, -np.where(size > 0, power, 0)[..., None]), power


def times_power(a, power):
    """``a 2^power``, exact; of complex numbers, too."""
    if not np.iscomplexobj(a):
        return np.ldexp(a, power)
    parts = np.stack([a.real, a.imag], axis=-1)
    return np.ldexp(parts, power[..., None]).view(a.dtype)[..., 0]


def sum_of_products(shares):
    """``Σ_t`` of what the steps contribute to one gradient, products as one product.

    Parameters
    ----------
    shares : list of Product or ndarray
    """
    if not all([isinstance(share, Product) for share in shares]):
        return sum(np.asarray(share) for share in shares)
    b = _concatenated([share.b for share in shares])
    if shares[0].a is None:
        return b.sum(axis=-2)
    return T(_concatenated([share.a for share in shares])) @ b


def _concatenated(arrays):
    """Arrays of all times as one long batch, ``(*sweep, T batch, n)``."""
    leads = {a.shape[:-2] for a in arrays}
    if len(leads) > 1:
        lead = np.broadcast_shapes(*leads)
        arrays = [np.broadcast_to(a, (*lead, *a.shape[-2:])) for a in arrays]
    return np.concatenate(arrays, axis=-2)


def log_norm(g, axes):
    """Natural logarithm of the Euclidean norm over the last ``axes`` axes.

    The squares in it neither overflow nor underflow.

    Parameters
    ----------
    g : ndarray of shape (..., *features)
    axes : int
        How many.

    Returns
    -------
    ndarray of shape (...)
        A norm that is exactly zero gives ``-inf``.

    Raises
    ------
    ValueError, TypeError
        ``g`` is no array of finite floats or has fewer axes.

    Examples
    --------
    >>> log_norm(np.array([3e-200, 4e-200]), 1).round(4)      # ln 5e-200
    np.float64(-458.9076)
    """
    expect_array("g", g, (None,) * expect_size("axes", axes, least=0))
    return log_norm_of(g, axes)


@np.errstate(all="ignore")
def log_norm_of(g, axes):
    """The same, of what may hold infinities."""
    over = tuple(range(-axes, 0))
    size = np.abs(g).max(axis=over, keepdims=True, initial=0.0)
    unit = g / np.where(size > 0, size, 1)
    squares = (np.abs(unit) ** 2).sum(axis=over)
    return np.log(size).reshape(g.shape[: g.ndim - axes]) + 0.5 * np.log(squares)
