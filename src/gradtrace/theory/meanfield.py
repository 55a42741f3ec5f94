"""Mean-field theory of wide random nets: how long a signal and its gradient will live.

With weights from N(0, σ_w²/n) and biases from N(0, σ_b²) the pre-activations of a wide layer are
Gaussian. Their variance ``q`` and the correlation ``c`` of two inputs follow maps of one number;
``χ₁``, the slope of the second map at ``c = 1``, is also a layer's factor on the squared gradient
norm. Below 1 is order and vanishing, above 1 chaos.

Source: Poole et al. (2016) for the maps; Schoenholz et al. (2017) for the depth scales.

The averages are closed forms for erf and ReLU, and quadrature to the last digits for tanh. In the
helpers ``ww, bb`` are ``σ_w²`` and ``σ_b²``, and ``k`` is a :class:`Kernel`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..expect import expect_floats, expect_word

__all__ = ["c_map", "c_star", "chi", "critical_sigma_w", "depth_scales", "q_map", "q_star"]
ROUNDING = 1e-14  # of a slope that is exactly 1


class Kernel(NamedTuple):
    """Averages over ``u`` from N(0, q): of ``φ²``, its derivative by ``q``, ``φ'²``; and of two.

    ``pair(q)`` is a function of the correlation ``c`` that returns ``E[φ(u₁) φ(u₂)] / q`` and
    ``E[φ'(u₁) φ'(u₂)]``.
    """

    name: str
    mean: Callable
    growth: Callable
    slope: Callable
    pair: Callable


def _nodes(q, reach=9, step=0.1):
    """``z``, ``u = √q z`` and weights, ``(*q, nodes)``, for averages over ``z`` from N(0, 1).

    The trapezoid rule, exact to rounding for smooth functions that fall off on both sides. With
    ``z`` a hyperbolic sine the nodes are dense around 0, where tanh turns, however large ``q`` is;
    Gauss–Hermite nodes are not.
    """
    wide = np.maximum(np.sqrt(q), 1)[..., None]
    end = np.arcsinh(reach * wide)  # beyond |z| = 9 is 1e-18
    n = int(np.ceil(end.max(initial=1) / step))
    s = end * np.linspace(-1, 1, 2 * n + 1)
    z = np.sinh(s) / wide
    weight = end / n * np.cosh(s) / wide * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return z, np.sqrt(q)[..., None] * z, weight


def _tanh_slope(u):
    e = np.exp(-2 * np.abs(u))
    return 4 * e / (1 + e) ** 2


def _tanh_mean(q):
    z, u, weight = _nodes(q)
    return (weight * np.tanh(u) ** 2).sum(-1)


def _tanh_growth(q):
    q = np.maximum(q, 1e-200)
    z, u, weight = _nodes(q)
    # ∂/∂q φ(√q z)² = z φ φ' / √q
    return (weight * z * np.tanh(u) * _tanh_slope(u)).sum(-1) / np.sqrt(q)


def _tanh_slope_mean(q):
    z, u, weight = _nodes(q)
    return (weight * _tanh_slope(u) ** 2).sum(-1)


def _tanh_pair(q, terms=50):
    """Mehler's formula, ``E[φ(u₁) φ(u₂)] = Σ a_k² c^k``, for odd ``k``, as tanh is odd.

    Here ``a_k = E[φ(√q z) He_k(z)] / √k!``. What the series leaves out goes to its next power, so
    that the averages are exact at ``c = 1``. Their relative error is below 1e-12 up to ``q = 1``,
    below 1e-7 up to ``q = 4``, and for any ``q`` below 1e-4 as long as ``c ≤ 0.9``.
    """
    z, u, weight = _nodes(q, reach=12, step=0.04)  # He_k wave faster and reach farther
    odd, even, squares = z, np.ones_like(z), []
    for k in range(1, 2 * terms, 2):
        squares.append((weight * np.tanh(u) * odd).sum(-1) ** 2 / q)
        even = (z * odd - np.sqrt(k) * even) / np.sqrt(k + 1)  # He_k / √k!, from the two before it
        odd = (z * even - np.sqrt(k + 1) * odd) / np.sqrt(k + 2)
    squares.append(_tanh_mean(q) / q - sum(squares))
    k, squares = np.arange(1, 2 * terms + 2, 2), np.stack(squares, -1)
    steepest = _tanh_slope_mean(q)

    def pair(c):
        powers = squares * c[..., None] ** (k - 1)
        return c * powers.sum(-1), np.where(c < 1, (k * powers).sum(-1), steepest)

    return pair


def _erf_pair(q):
    def pair(c):
        size = 2 * q / (1 + 2 * q)
        off = (1 + 2 * q * (1 - c)) / (1 + 2 * q)  # 1 - c size
        both = 2 / np.pi * np.arcsin(c * size) / q
        slope = 4 / np.pi / (1 + 2 * q) / np.sqrt(off * (2 - off))
        return both, slope

    return pair


def _relu_pair(q):
    def pair(c):
        angle = np.pi - np.arccos(c)
        return (np.sqrt(1 - c * c) + c * angle) / (2 * np.pi), angle / (2 * np.pi)

    return pair


KERNELS = {
    "tanh": Kernel("tanh", _tanh_mean, _tanh_growth, _tanh_slope_mean, _tanh_pair),
    "erf": Kernel(
        "erf",
        lambda q: 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q)),
        lambda q: 4 / np.pi / (1 + 2 * q) / np.sqrt(1 + 4 * q),
        lambda q: 4 / np.pi / np.sqrt(1 + 4 * q),
        _erf_pair,
    ),
    "relu": Kernel(
        "relu",
        lambda q: q / 2,
        lambda q: np.full_like(q, 0.5),
        lambda q: np.full_like(q, 0.5),
        _relu_pair,
    ),
}


def kernel(phi):
    """The averages of an activation by its name."""
    return KERNELS[expect_word("phi", phi, sorted(KERNELS))]


def squares(sigma_w, sigma_b, **more):
    """The dtype, and in float64 ``more``, ``σ_w²`` and ``σ_b²``, broadcast and not negative."""
    named = {**more, "sigma_w": sigma_w, "sigma_b": sigma_b}
    values = expect_floats(**named)
    wide = [value.astype(np.float64) for value in values]
    for name, value in zip(named, wide, strict=True):
        if (value < 0).any():
            raise ValueError(f"{name}: expected no negative numbers, got {value.min()}")
        if name.startswith("sigma") and (value > 1e150).any():
            raise ValueError(
                f"{name}: expected at most 1e150, its square has to stay finite, got {value.max()}"
            )
    *first, w, b = np.broadcast_arrays(*wide)
    return values[0].dtype, (*first, w * w, b * b)


def fixed_q(ww, bb, k):
    """``q*``."""
    if k.name == "relu":
        rest = np.where(np.abs(1 - ww / 2) < ROUNDING, 0, 1 - ww / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(rest < 0, np.inf, bb / rest)
    # φ² ≤ 1, so q* is at most ww + bb; the map is concave, so Newton comes down to q* from there
    # and never past it.
    q = ww + bb
    for _ in range(200):
        slope = 1 - ww * k.growth(q)
        down = (q - ww * k.mean(q) - bb) / np.where(slope > 0, slope, 1)
        less = np.clip(np.where(slope > 0, q - down, q), 0, q)
        if (q - less <= 1e-15 * q).all():
            break
        q = less
    dies = (bb == 0) & (ww * k.slope(np.zeros(())) <= 1 + ROUNDING)
    return np.where(dies, 0, q)


def at_fixed_q(ww, bb, k):
    """What `c_step` needs: ``σ_w²``, ``σ_b²/q*``, and by ``c`` ``E[φφ]/q*`` and ``E[φ'φ']``."""
    q = fixed_q(ww, bb, k)
    pair = k.pair(np.where((q > 1e-30) & (q < np.inf), q, 1e-30))
    rest = np.maximum(1 - ww * pair(np.ones_like(q))[0], 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(q > 0, bb / q, np.where(q == 0, rest, 0))
    return ww, share, pair


def c_step(c, ww, share, pair):
    """``c'`` and ``∂c'/∂c``."""
    (both, slope), (one, _) = pair(c), pair(np.ones_like(c))
    return (ww * both + share) / (ww * one + share), ww * slope / (ww * one + share)


def fixed_c(pair):
    """``c*``, from what `at_fixed_q` returns."""
    c = np.zeros_like(pair[0])
    chaos = c_step(c + 1, *pair)[1] > 1 + ROUNDING
    for _ in range(200):  # the map is convex, so Newton comes up to c* from 0
        step, slope = c_step(c, *pair)
        up = (step - c) / np.where(slope < 1, 1 - slope, 1)
        more = np.clip(np.where(chaos & (slope < 1), c + up, c), c, 1)
        if (more - c <= 1e-15).all():
            break
        c = more
    return np.where(chaos, c, 1.0)


@np.errstate(under="ignore")
def q_map(q, sigma_w, sigma_b, phi="tanh"):
    """``q' = σ_w² E[φ(√q z)²] + σ_b²``: the variance of the pre-activations one layer on.

    ``z`` is from N(0, 1).

    Parameters
    ----------
    q, sigma_w, sigma_b : float or ndarray
        Not negative; they broadcast.
    phi : str
        "tanh", "erf" or "relu".

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError, ValueError
        An argument is no number, negative, not finite, or ``phi`` is unknown.

    Notes
    -----
    Source: Poole et al. (2016).

    Examples
    --------
    >>> q_map(1.0, sigma_w=np.array([1.0, 2.0]), sigma_b=0.5).round(4)
    array([0.6443, 1.8272])
    >>> q_map(1.0, 1.0, 0.0, "relu")                    # half of the inputs pass
    np.float64(0.5)
    """
    dtype, (q, ww, bb) = squares(sigma_w, sigma_b, q=q)
    with np.errstate(over="ignore"):
        return (ww * kernel(phi).mean(q) + bb).astype(dtype)[()]


@np.errstate(under="ignore")
def q_star(sigma_w, sigma_b, phi="tanh"):
    """``q*``, the variance that a deep net settles at: the stable fixed point of :func:`q_map`.

    Parameters
    ----------
    sigma_w, sigma_b, phi
        As for :func:`q_map`.

    Returns
    -------
    ndarray
        0 where the signal dies out; ``inf`` where it grows for ever (ReLU with σ_w² > 2, or = 2
        with a bias) and ``nan`` where every ``q`` stays as it is (ReLU with σ_w² = 2 and no bias).

    Raises
    ------
    TypeError, ValueError
        As for :func:`q_map`.

    Notes
    -----
    Source: Poole et al. (2016); Schoenholz et al. (2017).

    Examples
    --------
    >>> q_star(np.array([0.5, 2.0]), 0.0).round(4)      # order: the signal dies; chaos: it does not
    array([0.    , 2.1215])
    >>> q_star(1.0, 1.0, "relu")                        # σ_b² / (1 - σ_w²/2)
    np.float64(2.0)
    """
    dtype, (ww, bb) = squares(sigma_w, sigma_b)
    return fixed_q(ww, bb, kernel(phi)).astype(dtype)[()]


@np.errstate(under="ignore")
def chi(sigma_w, sigma_b, phi="tanh"):
    """``χ₁ = σ_w² E[φ'(√q* z)²]``: the factor of the squared gradient norm per layer.

    Parameters
    ----------
    sigma_w, sigma_b, phi
        As for :func:`q_map`, as are the errors.

    Returns
    -------
    ndarray
        Below 1 gradients vanish, above 1 they explode.

    Notes
    -----
    Source: Poole et al. (2016); Schoenholz et al. (2017).

    Examples
    --------
    >>> chi(np.array([0.5, 1.0, 2.0]), 0.0).round(4)    # σ_w² as long as q* = 0
    array([0.25  , 1.    , 1.3627])
    """
    dtype, (ww, bb) = squares(sigma_w, sigma_b)  # σ_w², σ_b²
    averages = kernel(phi)  # over z from N(0, 1)
    q = fixed_q(ww, bb, averages)  # q = σ_w² E[φ(√q z)²] + σ_b²
    chi_1 = ww * averages.slope(q)  # σ_w² E[φ'(√q z)²]
    return chi_1.astype(dtype)[()]  # an array, or one number


@np.errstate(under="ignore")
def c_map(c, sigma_w, sigma_b, phi="tanh"):
    """``c' = (σ_w² E[φ(u₁) φ(u₂)] + σ_b²) / q*``: the correlation of two inputs one layer on.

    It is that of their pre-activations. Here ``u₁, u₂`` are Gaussian with variance ``q*`` and
    correlation ``c``. Where ReLU has no finite ``q*`` the denominator is the variance of the next
    layer, which ``c'`` needs to be a correlation.

    Parameters
    ----------
    c : float or ndarray
        From 0 to 1.
    sigma_w, sigma_b, phi
        As for :func:`q_map`.

    Returns
    -------
    ndarray
        Where ``q* = 0`` the limit of small biases.

    Raises
    ------
    TypeError, ValueError
        As for :func:`q_map`, or ``c`` leaves [0, 1].

    Notes
    -----
    Source: Poole et al. (2016).

    Examples
    --------
    >>> c = np.array([0.0, 0.5, 1.0])
    >>> c_map(c, sigma_w=2.0, sigma_b=0.0, phi="erf").round(4)      # two inputs drift apart
    array([0.    , 0.4361, 1.    ])
    """
    dtype, (c, ww, bb) = squares(sigma_w, sigma_b, c=c)
    if (c > 1).any():
        raise ValueError(f"c: expected correlations from 0 to 1, got {c.max()}")
    return c_step(c, *at_fixed_q(ww, bb, kernel(phi)))[0].astype(dtype)[()]


@np.errstate(under="ignore")
def c_star(sigma_w, sigma_b, phi="tanh"):
    """``c*``, the correlation that two different inputs end at: 1 in order, below 1 in chaos.

    Parameters
    ----------
    sigma_w, sigma_b, phi
        As for :func:`q_map`, as are the errors.

    Returns
    -------
    ndarray

    Notes
    -----
    Source: Poole et al. (2016); Schoenholz et al. (2017).

    Examples
    --------
    >>> c_star(np.array([1.0, 2.0, 4.0]), 0.3).round(4)
    array([1.    , 0.2639, 0.0297])
    """
    dtype, (ww, bb) = squares(sigma_w, sigma_b)
    return fixed_c(at_fixed_q(ww, bb, kernel(phi))).astype(dtype)[()]


class DepthScales(NamedTuple):
    """Depths, in layers, over which a distance to the fixed point falls to 1/e."""

    q: np.ndarray
    c: np.ndarray
    gradient: np.ndarray


@np.errstate(under="ignore")
def depth_scales(sigma_w, sigma_b, phi="tanh"):
    """``ξ_q``, ``ξ_c``, ``ξ_∇``: how many layers the size, likeness and gradient of signals last.

    ``|q - q*|``, ``|c - c*|`` and ``‖∂L/∂h‖²`` go as ``e^(-layers/ξ)``; each ``ξ`` is ``-1 / ln``
    of the slope of its map: of :func:`q_map` at ``q*``, of :func:`c_map` at ``c*``, and ``χ₁``.

    Parameters
    ----------
    sigma_w, sigma_b, phi
        As for :func:`q_map`, as are the errors.

    Returns
    -------
    DepthScales
        Of three arrays. ``inf`` on the critical line; negative where the quantity grows, as
        gradients do in chaos.

    Notes
    -----
    Source: Schoenholz et al. (2017).

    Examples
    --------
    >>> scales = depth_scales(np.array([1.0, 1.3, 2.0]), sigma_b=0.05 ** 0.5)
    >>> scales.c.round(1)                               # longest near the critical σ_w, 1.327
    array([ 3.6, 64.1,  7. ])
    >>> scales.gradient.round(1)                        # chaos: gradients grow
    array([ 3.6, 64.1, -3.4])
    """
    dtype, (ww, bb) = squares(sigma_w, sigma_b)
    k = kernel(phi)
    q, pair = fixed_q(ww, bb, k), at_fixed_q(ww, bb, k)
    slopes = ww * k.growth(q), c_step(fixed_c(pair), *pair)[1], ww * k.slope(q)
    depths = []
    with np.errstate(divide="ignore"):
        for slope in slopes:
            rate = -np.log(np.where(np.abs(slope - 1) < ROUNDING, 1, slope)) + 0.0  # no -0
            depths.append((1 / rate).astype(dtype)[()])
    return DepthScales(*depths)


@np.errstate(under="ignore")
def critical_sigma_w(sigma_b, phi="tanh"):
    """The ``σ_w`` at which ``χ₁ = 1``, between order and chaos.

    Parameters
    ----------
    sigma_b, phi
        As for :func:`q_map`, as are the errors.

    Returns
    -------
    ndarray

    Notes
    -----
    Source: Poole et al. (2016); Schoenholz et al. (2017).

    Examples
    --------
    >>> (critical_sigma_w(np.array([0.0, 0.05 ** 0.5])) ** 2).round(4)
    array([1.   , 1.761])
    >>> critical_sigma_w(0.3, "relu").round(4)          # √2, whatever the biases
    np.float64(1.4142)
    """
    dtype, (_, bb) = squares(0.0, sigma_b)
    k = kernel(phi)
    low, high = np.full(bb.shape, -40.0), np.full(bb.shape, 700.0)
    # ln q by bisection: χ₁ = 1 asks for σ_w² = 1 / E[φ'²], and q = q* for
    # σ_b² = q - E[φ²] / E[φ'²], which grows with q.
    for _ in range(60):
        middle = (low + high) / 2
        q = np.exp(middle)
        below = q - k.mean(q) / k.slope(q) < bb
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    q = np.where(bb > 0, np.exp(low), 0)
    return (1 / np.sqrt(k.slope(q))).astype(dtype)[()]
