"""Activations φ with slopes that stay correct far into saturation.

``1 - tanh(a)**2`` is exactly 0 from ``|a|`` of about 19, so saturation would read as a gradient of exactly zero.
Written as ``1 / cosh(a)**2`` the same slope is right to the last digits down to 1e-308.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..expect import expect_number, given


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

    Examples
    --------
    >>> tanh(np.array([0.5])).round(4), tanh.slope(np.array([0.5])).round(4)
    (array([0.4621]), array([0.7864]))
    >>> sigmoid.max_slope
    0.25
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
    return np.where(a.real < 0, -a, a) if np.iscomplexobj(a) else np.abs(a)     # |a|, or its analytic twin


@np.errstate(over="ignore")                     # past the range e^-a is inf, and 1 / inf is right
def _sigmoid(a):
    return 1 / (1 + np.exp(-a))                 # to the last digit where it is small, too


@np.errstate(over="ignore")
def _sigmoid_slope(a):
    return (0.5 / np.cosh(a / 2)) ** 2          # σ(a) σ(-a)


@np.errstate(over="ignore")
def _tanh_slope(a):
    return (1 / np.cosh(a)) ** 2    # 1 - tanh² has no digits left at |a| = 19


def _softplus(a):
    return np.where(a.real < 0, 0, a) + np.log1p(np.exp(-_magnitude(a)))    # max(a, 0) + ln(1 + e^-|a|)


def _rectified(name, right, left, left_slope, max_slope):
    """``right · a`` where ``a > 0`` and ``left(a)`` elsewhere; at the kink the slope is the left one, as in PyTorch."""
    return Activation(name, lambda a: np.where(a.real > 0, right * a, left(a)),
                      lambda a: np.where(a.real > 0, right, left_slope(a)).astype(a.dtype), max_slope)


def leaky_relu(alpha=0.01):
    """The :class:`Activation` ``max(a, alpha a)``: no unit is dead, its slope is ``alpha`` where ``a ≤ 0``.

    >>> leaky_relu(0.2).slope(np.array([-3.0, 3.0]))
    array([0.2, 1. ])

    Parameters
    ----------
    alpha : float
        Slope on the left, from 0 (ReLU) to 1 (identity).

    Raises
    ------
    ValueError, TypeError
        ``alpha`` is no number from 0 to 1.

    Notes
    -----
    Source: Maas et al. 2013; Giselsson, "Examples of activation functions".
    """
    alpha = expect_number("alpha", alpha)
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha: expected a number from 0 to 1, got {alpha}")
    return _rectified("leaky_relu" if alpha == 0.01 else f"leaky_relu({alpha})", 1,
                      lambda a: alpha * a, lambda a: alpha, 1.0)


# Klambauer et al. 2017: the fixed point that keeps mean 0 and variance 1 of a wide layer with Gaussian inputs
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

identity = Activation("identity", lambda a: a, np.ones_like)
sigmoid = Activation("sigmoid", _sigmoid, _sigmoid_slope, max_slope=0.25)
tanh = Activation("tanh", np.tanh, _tanh_slope)
relu = Activation("relu", lambda a: np.maximum(a, 0), lambda a: (a > 0).astype(a.dtype))
elu = _rectified("elu", 1, lambda a: np.expm1(-_magnitude(a)), lambda a: np.exp(-_magnitude(a)), 1.0)
selu = _rectified("selu", SELU_SCALE, lambda a: SELU_SCALE * SELU_ALPHA * np.expm1(-_magnitude(a)),
                  lambda a: SELU_SCALE * SELU_ALPHA * np.exp(-_magnitude(a)), SELU_SCALE * SELU_ALPHA)
softplus = Activation("softplus", _softplus, _sigmoid)      # its slope is the sigmoid

NAMED = {phi.name: phi for phi in (identity, sigmoid, tanh, relu, leaky_relu(), elu, selu, softplus)}


def activation(phi, name="phi"):
    """The :class:`Activation` called ``phi``; an ``Activation`` is returned as it is.

    Raises
    ------
    ValueError
        If no activation has that name.
    TypeError
        If ``phi`` is neither a name nor an ``Activation``.

    Examples
    --------
    >>> activation("relu") is relu
    True
    """
    if isinstance(phi, Activation):
        return phi
    if not isinstance(phi, str):
        raise TypeError(f"{name}: expected the name of an activation, got {given(phi)}")
    if phi not in NAMED:
        raise ValueError(f"{name}: expected one of {', '.join(NAMED)}, got {phi!r}")
    return NAMED[phi]
