"""Activations φ with slopes that stay correct far into saturation.

``1 - tanh(a)**2`` is exactly 0 from ``|a|`` of about 19, so saturation would read as a gradient of exactly zero.
Written with ``e = exp(-2|a|)`` the same slope is right to the last digits down to 1e-308.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Activation:
    """An elementwise function ``φ`` and its derivative ``φ'``, both of the pre-activation ``a``.

    Attributes
    ----------
    name : str
    value, slope : callable
        ``a`` of any shape to an array of that shape.
    max_slope : float
        The supremum of ``|φ'|``, which is also the Lipschitz constant.
    """

    name: str
    value: Callable = field(repr=False, compare=False)
    slope: Callable = field(repr=False, compare=False)
    max_slope: float = field(default=1.0, repr=False, compare=False)

    def __call__(self, a):
        return self.value(a)

    def __str__(self):
        return self.name


def _magnitude(a):
    return np.where(a.real < 0, -a, a)          # |a|, and its analytic twin when a complex step passes through


def _sigmoid(a):
    e = np.exp(-_magnitude(a))
    return np.where(a.real < 0, e, 1) / (1 + e)


def _sigmoid_slope(a):
    e = np.exp(-_magnitude(a))                  # σ' = e^-|a| / (1 + e^-|a|)²
    return e / (1 + e) ** 2


def _tanh_slope(a):
    e = np.exp(-2 * _magnitude(a))              # tanh' = 4 e^-2|a| / (1 + e^-2|a|)²
    return 4 * e / (1 + e) ** 2


identity = Activation("identity", lambda a: a, np.ones_like)
sigmoid = Activation("sigmoid", _sigmoid, _sigmoid_slope, max_slope=0.25)
tanh = Activation("tanh", np.tanh, _tanh_slope)
relu = Activation("relu", lambda a: np.maximum(a, 0), lambda a: (a > 0).astype(a.dtype))

ACTIVATIONS = {phi.name: phi for phi in (identity, sigmoid, tanh, relu)}


def activation(phi, name="phi"):
    """The :class:`Activation` called ``phi``; an ``Activation`` is returned as it is.

    Raises
    ------
    ValueError
        If no activation has that name.
    TypeError
        If ``phi`` is neither a name nor an ``Activation``.
    """
    if isinstance(phi, Activation):
        return phi
    if not isinstance(phi, str):
        raise TypeError(f"{name}: expected the name of an activation, came {type(phi).__name__} {phi!r:.40}")
    if phi not in ACTIVATIONS:
        raise ValueError(f"{name}: expected one of {', '.join(ACTIVATIONS)}, came {phi!r}")
    return ACTIVATIONS[phi]
