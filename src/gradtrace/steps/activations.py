"""Activations φ with slopes that stay correct far into saturation.

``1 - tanh(a)**2`` is exactly 0 from ``|a|`` of about 19, so saturation would read as a gradient of
exactly zero. Written as ``1 / cosh(a)**2`` the same slope is right to the last digits down to
1e-308.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np

from ..expect import expect_callable, expect_number, given


@dataclass(frozen=True)
class Activation:
    """An elementwise function ``φ`` and its derivative ``φ'``, both of the pre-activation ``a``.

    Copies and pickles of the activations here are the same object again. One of your own pickles if
    its functions are defined in a module.

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
    value: Callable = field(repr=False)
    slope: Callable = field(repr=False)
    max_slope: float = field(default=1.0, repr=False)

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise TypeError(f"name: expected a string, got {given(self.name)}")
        expect_callable("value", self.value)
        expect_callable("slope", self.slope)
        expect_number("max_slope", self.max_slope, least=0)

    def __call__(self, a):
        return self.value(a)

    def __str__(self):
        return self.name

    def __copy__(self):
        return self  # nothing in it can change

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        """Pickle by name what :func:`activation` knows by that name."""
        if self == _named(self.name):
            return activation, (self.name,)
        for name, function in (("value", self.value), ("slope", self.slope)):
            if "<" in getattr(function, "__qualname__", ""):
                raise TypeError(
                    f"{name} of the activation {self.name}: expected a function that a module"
                    f" defines, so that it can be pickled, got {function.__qualname__}"
                )
        return Activation, (self.name, self.value, self.slope, self.max_slope)


def _magnitude(a):
    """``|a|``; of complex numbers its analytic twin."""
    return np.where(a.real < 0, -a, a) if np.iscomplexobj(a) else np.abs(a)


def _identity(a):
    return a


@np.errstate(over="ignore", under="ignore")  # past the range e^-a is inf, and 1 / inf is right
def _sigmoid(a):
    return 1 / (1 + np.exp(-a))  # to the last digit where it is small, too


@np.errstate(over="ignore", under="ignore")
def _sigmoid_slope(a):
    return (0.5 / np.cosh(a / 2)) ** 2  # σ(a) σ(-a)


@np.errstate(under="ignore")
def _tanh(a):
    return np.tanh(a)


@np.errstate(over="ignore", under="ignore")
def _tanh_slope(a):
    return (1 / np.cosh(a)) ** 2  # 1 - tanh² has no digits left at |a| = 19


@np.errstate(under="ignore")
def _softplus(a):
    # max(a, 0) + ln(1 + e^-|a|)
    return np.where(a.real < 0, 0, a) + np.log1p(np.exp(-_magnitude(a)))


# At a kink the slope is the left one, as in PyTorch.


def _relu(a):
    return np.maximum(a, 0)


def _relu_slope(a):
    return (a > 0).astype(a.dtype)


@np.errstate(under="ignore")
def _leaky_relu(a, alpha):
    return np.where(a.real > 0, a, alpha * a)


def _leaky_relu_slope(a, alpha):
    return np.where(a.real > 0, 1, alpha).astype(a.dtype)


@np.errstate(under="ignore")
def _elu(a):
    return np.where(a.real > 0, a, np.expm1(-_magnitude(a)))


@np.errstate(under="ignore")
def _elu_slope(a):
    return np.where(a.real > 0, 1, np.exp(-_magnitude(a))).astype(a.dtype)


# Klambauer et al. (2017): they keep mean 0 and variance 1 of a wide layer with Gaussian inputs.
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@np.errstate(under="ignore")
def _selu(a):
    left = SELU_SCALE * SELU_ALPHA * np.expm1(-_magnitude(a))
    return np.where(a.real > 0, SELU_SCALE * a, left)


@np.errstate(under="ignore")
def _selu_slope(a):
    left = SELU_SCALE * SELU_ALPHA * np.exp(-_magnitude(a))
    return np.where(a.real > 0, SELU_SCALE, left).astype(a.dtype)


@cache
def _leaky(alpha):
    name = "leaky_relu" if alpha == 0.01 else f"leaky_relu({alpha})"
    value = partial(_leaky_relu, alpha=alpha)
    return Activation(name, value, slope=partial(_leaky_relu_slope, alpha=alpha))


def leaky_relu(alpha=0.01):
    """The :class:`Activation` ``max(a, alpha a)``, with the slope ``alpha`` where ``a ≤ 0``.

    No unit is dead.

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
    Source: Maas et al. (2013); Giselsson (n.d.), "Examples of activation functions".
    """
    if not 0 <= expect_number("alpha", alpha) <= 1:
        raise ValueError(f"alpha: expected a number from 0 to 1, got {alpha}")
    return _leaky(float(alpha))


identity = Activation("identity", _identity, np.ones_like)
sigmoid = Activation("sigmoid", _sigmoid, _sigmoid_slope, max_slope=0.25)
tanh = Activation("tanh", _tanh, _tanh_slope)
relu = Activation("relu", _relu, _relu_slope)
elu = Activation("elu", _elu, _elu_slope)
selu = Activation("selu", _selu, _selu_slope, max_slope=SELU_SCALE * SELU_ALPHA)
softplus = Activation("softplus", _softplus, _sigmoid)  # its slope is the sigmoid

NAMED = {
    phi.name: phi for phi in (identity, sigmoid, tanh, relu, leaky_relu(), elu, selu, softplus)
}


def _named(name):
    """The activation of that name, such as ``"leaky_relu(0.2)"``; ``None`` if there is none."""
    slope = re.fullmatch(r"leaky_relu\((\d.*)\)", name)
    try:
        return leaky_relu(float(slope[1])) if slope else NAMED.get(name)
    except ValueError:  # what stands between the parentheses is no slope
        return None


def activation(phi, name="phi"):
    """The :class:`Activation` called ``phi``, such as ``"relu"`` or ``"leaky_relu(0.2)"``.

    An ``Activation`` is returned as it is.

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
    found = _named(phi)
    if found is None:
        raise ValueError(f"{name}: expected one of {', '.join(NAMED)}, got {given(phi)}")
    return found
