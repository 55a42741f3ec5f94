"""Gaussian averages of an activation, and the fixed points they lead to: what :mod:`gradtrace.worlds.theory` stands on.

The averages are closed forms for erf and ReLU, and quadrature to the last digits for tanh. Here ``ww, bb`` are ``σ_w²``
and ``σ_b²``, and ``k`` is a :class:`Kernel`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..expect import floats

ROUNDING = 1e-14          # of a slope that is exactly 1


class Kernel(NamedTuple):
    """Averages over ``u`` from N(0, q): of ``φ²``, its derivative by ``q``, of ``φ'²``; and those of two ``u``.

    ``pair(q)`` is a function of the correlation ``c`` that returns ``E[φ(u₁) φ(u₂)] / q`` and ``E[φ'(u₁) φ'(u₂)]``.
    """

    name: str
    mean: Callable
    growth: Callable
    slope: Callable
    pair: Callable


def _nodes(q, reach=9, step=0.1):
    """``z``, ``u = √q z`` and weights, of shape ``(*q, nodes)``, for averages over ``z`` from N(0, 1).

    The trapezoid rule, exact to rounding for smooth functions that fall off on both sides. With ``z`` a hyperbolic
    sine the nodes are dense around 0, where tanh turns, however large ``q`` is; Gauss–Hermite nodes are not.
    """
    wide = np.maximum(np.sqrt(q), 1)[..., None]
    end = np.arcsinh(reach * wide)                      # beyond |z| = 9 is 1e-18
    n = int(np.ceil(end.max(initial=1) / step))
    s = end * np.linspace(-1, 1, 2 * n + 1)
    z = np.sinh(s) / wide
    return z, np.sqrt(q)[..., None] * z, end / n * np.cosh(s) / wide * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def _tanh_slope(u):
    e = np.exp(-2 * np.abs(u))
    return 4 * e / (1 + e) ** 2


def _tanh_mean(q):
    z, u, weight = _nodes(q)
    return (weight * np.tanh(u) ** 2).sum(-1)


def _tanh_growth(q):
    q = np.maximum(q, 1e-200)
    z, u, weight = _nodes(q)
    return (weight * z * np.tanh(u) * _tanh_slope(u)).sum(-1) / np.sqrt(q)      # ∂/∂q φ(√q z)² = z φ φ' / √q


def _tanh_slope_mean(q):
    z, u, weight = _nodes(q)
    return (weight * _tanh_slope(u) ** 2).sum(-1)


def _tanh_pair(q, terms=50):
    """Mehler's formula, ``E[φ(u₁) φ(u₂)] = Σ a_k² c^k`` with ``a_k = E[φ(√q z) He_k(z)] / √k!``; tanh is odd.

    What the series leaves out goes to its next power, so that the averages are exact at ``c = 1``. Their relative error
    is below 1e-12 up to ``q = 1``, below 1e-7 up to ``q = 4``, and for any ``q`` below 1e-4 as long as ``c ≤ 0.9``.
    """
    z, u, weight = _nodes(q, reach=12, step=0.04)        # He_k wave faster and reach farther
    odd, even, squares = z, np.ones_like(z), []
    for k in range(1, 2 * terms, 2):
        squares.append((weight * np.tanh(u) * odd).sum(-1) ** 2 / q)
        even = (z * odd - np.sqrt(k) * even) / np.sqrt(k + 1)               # He_k / √k!, from the two before it
        odd = (z * even - np.sqrt(k + 1) * odd) / np.sqrt(k + 2)
    squares.append(_tanh_mean(q) / q - sum(squares))
    k, squares, steepest = np.arange(1, 2 * terms + 2, 2), np.stack(squares, -1), _tanh_slope_mean(q)

    def pair(c):
        powers = squares * c[..., None] ** (k - 1)
        return c * powers.sum(-1), np.where(c < 1, (k * powers).sum(-1), steepest)
    return pair


def _erf_pair(q):
    def pair(c):
        size, off = 2 * q / (1 + 2 * q), (1 + 2 * q * (1 - c)) / (1 + 2 * q)        # off = 1 - c size
        return 2 / np.pi * np.arcsin(c * size) / q, 4 / np.pi / (1 + 2 * q) / np.sqrt(off * (2 - off))
    return pair


def _relu_pair(q):
    def pair(c):
        angle = np.pi - np.arccos(c)
        return (np.sqrt(1 - c * c) + c * angle) / (2 * np.pi), angle / (2 * np.pi)
    return pair


_ALL = {
    "tanh": Kernel("tanh", _tanh_mean, _tanh_growth, _tanh_slope_mean, _tanh_pair),
    "erf": Kernel("erf",
                  lambda q: 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q)),
                  lambda q: 4 / np.pi / (1 + 2 * q) / np.sqrt(1 + 4 * q),
                  lambda q: 4 / np.pi / np.sqrt(1 + 4 * q),
                  _erf_pair),
    "relu": Kernel("relu", lambda q: q / 2, lambda q: np.full_like(q, 0.5), lambda q: np.full_like(q, 0.5),
                   _relu_pair),
}


def kernel(phi):
    """The averages of an activation by its name."""
    if not isinstance(phi, str) or phi not in _ALL:
        raise ValueError(f"phi: expected one of {sorted(_ALL)}, came {phi!r:.40}")
    return _ALL[phi]


def squares(sigma_w, sigma_b, **more):
    """The dtype, and in float64 ``more``, ``σ_w²`` and ``σ_b²``, broadcast; none may be negative."""
    named = {**more, "sigma_w": sigma_w, "sigma_b": sigma_b}
    values = floats(**named)
    wide = [value.astype(np.float64) for value in values]
    for name, value in zip(named, wide, strict=True):
        if (value < 0).any():
            raise ValueError(f"{name}: expected no negative numbers, came {value.min()}")
        if name.startswith("sigma") and (value > 1e150).any():
            raise ValueError(f"{name}: expected at most 1e150, its square has to stay finite, came {value.max()}")
    *first, w, b = np.broadcast_arrays(*wide)
    return values[0].dtype, (*first, w * w, b * b)


def fixed_q(ww, bb, k):
    """``q*``."""
    if k.name == "relu":
        rest = np.where(np.abs(1 - ww / 2) < ROUNDING, 0, 1 - ww / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(rest < 0, np.inf, bb / rest)
    q = ww + bb                                         # φ² ≤ 1, so q* is at most this; the map is concave,
    for _ in range(200):                                # so Newton comes down to it from above, never past it
        slope = 1 - ww * k.growth(q)
        less = np.where(slope > 0, q - (q - ww * k.mean(q) - bb) / np.where(slope > 0, slope, 1), q)
        less = np.clip(less, 0, q)
        if (q - less <= 1e-15 * q).all():
            break
        q = less
    return np.where((bb == 0) & (ww * k.slope(np.zeros(())) <= 1 + ROUNDING), 0, q)


def at_fixed_q(ww, bb, k):
    """What :func:`c_step` needs: ``σ_w²``, ``σ_b²/q*``, and ``E[φφ]/q*``, ``E[φ'φ']`` as functions of ``c``."""
    q = fixed_q(ww, bb, k)
    pair = k.pair(np.where((q > 1e-30) & (q < np.inf), q, 1e-30))
    rest = np.maximum(1 - ww * pair(np.ones_like(q))[0], 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return ww, np.where(q > 0, bb / q, np.where(q == 0, rest, 0)), pair


def c_step(c, ww, share, pair):
    """``c'`` and ``∂c'/∂c``."""
    (both, slope), (one, _) = pair(c), pair(np.ones_like(c))
    return (ww * both + share) / (ww * one + share), ww * slope / (ww * one + share)


def fixed_c(pair):
    """``c*``, from what :func:`at_fixed_q` returns."""
    c = np.zeros_like(pair[0])
    chaos = c_step(c + 1, *pair)[1] > 1 + ROUNDING
    for _ in range(200):                                # the map is convex, so Newton comes up to c* from 0
        step, slope = c_step(c, *pair)
        more = np.clip(np.where(chaos & (slope < 1), c + (step - c) / np.where(slope < 1, 1 - slope, 1), c), c, 1)
        if (more - c <= 1e-15).all():
            break
        c = more
    return np.where(chaos, c, 1.0)
