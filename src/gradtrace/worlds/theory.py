"""Mean-field theory of wide random nets: how long a signal and its gradient live, before any net is drawn.
With weights from N(0, σ_w²/n) and biases from N(0, σ_b²) the pre-activations of a wide layer are Gaussian. Their
variance ``q`` and the correlation ``c`` of two inputs follow maps of one number; ``χ₁``, the slope of the second map
at ``c = 1``, is also a layer's factor on the squared gradient norm. Below 1 is order and vanishing, above 1 chaos.
Source: Poole et al. 2016; Schoenholz et al. 2017. Taught in: notebook 06.
"""

from typing import NamedTuple

import numpy as np

from .meanfield import ROUNDING, at_fixed_q, c_step, fixed_c, fixed_q, kernel, squares


def q_map(q, sigma_w, sigma_b, phi="tanh"):
    """``q' = σ_w² E[φ(√q z)²] + σ_b²`` with z from N(0, 1): the pre-activations' variance one layer on.

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
    Source: Poole et al. 2016. Taught in: notebook 06.

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


def q_star(sigma_w, sigma_b, phi="tanh"):
    """``q*``, the variance that a deep net settles at: the stable fixed point of :func:`q_map`.

    Parameters
    ----------
    sigma_w, sigma_b, phi
        As for :func:`q_map`.

    Returns
    -------
    ndarray
        0 where the signal dies out; ``inf`` where it grows for ever (ReLU with σ_w² > 2, or = 2 with a bias) and
        ``nan`` where every ``q`` stays as it is (ReLU with σ_w² = 2 and no bias).

    Raises
    ------
    TypeError, ValueError
        As for :func:`q_map`.

    Notes
    -----
    Source: Poole et al. 2016; Schoenholz et al. 2017. Taught in: notebook 06.

    Examples
    --------
    >>> q_star(np.array([0.5, 2.0]), 0.0).round(4)      # order: the signal dies; chaos: it does not
    array([0.    , 2.1215])
    >>> q_star(1.0, 1.0, "relu")                        # σ_b² / (1 - σ_w²/2)
    np.float64(2.0)
    """
    dtype, (ww, bb) = squares(sigma_w, sigma_b)
    return fixed_q(ww, bb, kernel(phi)).astype(dtype)[()]


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
    Source: Poole et al. 2016; Schoenholz et al. 2017. Taught in: notebook 06.

    Examples
    --------
    >>> chi(np.array([0.5, 1.0, 2.0]), 0.0).round(4)    # σ_w² as long as q* = 0
    array([0.25  , 1.    , 1.3627])
    """
    dtype, (ww, bb) = squares(sigma_w, sigma_b)
    k = kernel(phi)
    return (ww * k.slope(fixed_q(ww, bb, k))).astype(dtype)[()]


def c_map(c, sigma_w, sigma_b, phi="tanh"):
    """``c' = (σ_w² E[φ(u₁) φ(u₂)] + σ_b²) / q*``: the correlation of two inputs' pre-activations one layer on.

    Here ``u₁, u₂`` are Gaussian with variance ``q*`` and correlation ``c``. Where ReLU has no finite ``q*`` the
    denominator is the variance of the next layer, which ``c'`` needs to be a correlation.

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
    Source: Poole et al. 2016. Taught in: notebook 06.

    Examples
    --------
    >>> c_map(np.array([0.0, 0.5, 1.0]), sigma_w=2.0, sigma_b=0.0, phi="erf").round(4)    # two inputs drift apart
    array([0.    , 0.4361, 1.    ])
    """
    dtype, (c, ww, bb) = squares(sigma_w, sigma_b, c=c)
    if (c > 1).any():
        raise ValueError(f"c: expected correlations from 0 to 1, came {c.max()}")
    return c_step(c, *at_fixed_q(ww, bb, kernel(phi)))[0].astype(dtype)[()]


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
    Source: Poole et al. 2016; Schoenholz et al. 2017. Taught in: notebook 06.

    Examples
    --------
    >>> c_star(np.array([1.0, 2.0, 4.0]), 0.3).round(4)
    array([1.    , 0.2639, 0.0297])
    """
    dtype, (ww, bb) = squares(sigma_w, sigma_b)
    return fixed_c(at_fixed_q(ww, bb, kernel(phi))).astype(dtype)[()]


class DepthScales(NamedTuple):
    """Depths, in layers, over which a distance to the fixed point falls to 1/e; see :func:`depth_scales`."""

    q: np.ndarray
    c: np.ndarray
    gradient: np.ndarray


def depth_scales(sigma_w, sigma_b, phi="tanh"):
    """``ξ_q``, ``ξ_c`` and ``ξ_∇``: over how many layers the size, the likeness and the gradient of signals survive.

    ``|q - q*|``, ``|c - c*|`` and ``‖∂L/∂h‖²`` go as ``e^(-layers/ξ)``; each ``ξ`` is ``-1 / ln`` of the slope of its
    map: of :func:`q_map` at ``q*``, of :func:`c_map` at ``c*``, and ``χ₁``.

    Parameters
    ----------
    sigma_w, sigma_b, phi
        As for :func:`q_map`, as are the errors.

    Returns
    -------
    DepthScales
        Of three arrays. ``inf`` on the critical line; negative where the quantity grows, as gradients do in chaos.

    Notes
    -----
    Source: Schoenholz et al. 2017. Taught in: notebook 06.

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
    with np.errstate(divide="ignore"):
        rates = (-np.log(np.where(np.abs(slope - 1) < ROUNDING, 1, slope)) + 0.0 for slope in slopes)   # no -0
        return DepthScales(*((1 / rate).astype(dtype)[()] for rate in rates))


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
    Source: Poole et al. 2016; Schoenholz et al. 2017. Taught in: notebook 06.

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
    for _ in range(60):                                 # ln q by bisection: χ₁ = 1 asks for σ_w² = 1 / E[φ'²],
        middle = (low + high) / 2                       # and q = q* for σ_b² = q - E[φ²] / E[φ'²], which grows with q
        q = np.exp(middle)
        below = q - k.mean(q) / k.slope(q) < bb
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (1 / np.sqrt(k.slope(np.where(bb > 0, np.exp(low), 0)))).astype(dtype)[()]
