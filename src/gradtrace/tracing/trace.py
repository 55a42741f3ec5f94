"""The way back: plain gradients, and their norms past the range of floating-point numbers.

Past that range a gradient is kept as ``g 2^exponent``, with the power of two apart, one for each sweep member.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..expect import expect_array
from ..steps.arrays import log_norm
from .path import Pullbacks

# Squares of norms in this range are exact, and nothing that matters in them has underflowed.
SAFE = {kind: (float(np.finfo(kind).tiny) / float(np.finfo(kind).eps) ** 2,
               float(np.finfo(kind).max) * float(np.finfo(kind).eps) ** 2) for kind in "fdFD"}


@dataclass(frozen=True)
class Gradients:
    """Plain gradients of one backward pass.

    Attributes
    ----------
    h : sequence of ndarray
        ``∂L/∂h_t`` for ``t = 0 … T``.
    x : sequence of ndarray or None
        ``∂L/∂x_t`` for the steps ``t = 1 … T``.
    p : sequence of dict
        The contribution of each step ``t = 1 … T`` to the gradients of its parameters.

    Examples
    --------
    >>> layer = Dense(1, 1, "identity")
    >>> h, vjps = forward(deep(layer, 3 * [{"W": np.array([[2.0]]), "b": np.zeros(1)}]), np.ones((1, 1)))
    >>> backward(vjps, np.ones((1, 1))).shared()["W"]      # if the layers share W: 3 · 2²
    array([[12.]])
    """

    h: Sequence[np.ndarray]
    x: Sequence[np.ndarray | None]
    p: Sequence[dict[str, np.ndarray]]

    def shared(self):
        """The gradient of weights that all steps share: the sum of the contributions, ``Σ_t``."""
        return {name: sum(p[name] for p in self.p) for name in self.p[0]}


@dataclass(frozen=True)
class Trace:
    """Natural logarithms of gradient norms, one entry per state and one per step.

    Attributes
    ----------
    log_h : ndarray of shape (T + 1, *sweep)
        ``ln ‖∂L/∂h_t‖`` over batch and features, for ``t = 0 … T``. A gradient that is exactly zero gives ``-inf``.
    log_p : dict of str to ndarray of shape (T, *sweep)
        The same for each step's contribution to the gradient of a parameter; ``nan`` where a step has none
        of that name.

    Examples
    --------
    >>> layer = Dense(1, 1, "identity")
    >>> h, vjps = forward(deep(layer, 3 * [{"W": np.array([[2.0]]), "b": np.zeros(1)}]), np.ones((1, 1)))
    >>> log = trace(vjps, np.ones((1, 1)))
    >>> np.exp(log.log_h), log.grads.p[0]["W"]
    (array([8., 4., 2., 1.]), array([[4.]]))
    """

    log_h: np.ndarray
    log_p: dict[str, np.ndarray]
    plain: Callable[[], Gradients] = field(repr=False)

    @cached_property
    def grads(self):
        """The plain :class:`Gradients` for the same ``g``, as :func:`backward` returns or raises."""
        return self.plain()


def backward(vjps, g):
    """Backpropagation, ``∂L/∂h_{t-1} = (∂L/∂h_t) ∂h_t/∂h_{t-1}``, through depth or through time.

    Parameters
    ----------
    vjps : Pullbacks
        From :func:`forward`.
    g : ndarray, or list of T + 1 ndarrays or None
        ``∂L/∂h_T``. As a list, what the loss puts directly on each state ``h_0 … h_T`` (``None`` for nothing),
        as in a many-to-many network.

    Returns
    -------
    Gradients

    Raises
    ------
    ValueError, TypeError
        ``g`` is misshapen, of another dtype or not finite.
    FloatingPointError
        A gradient overflows; :func:`trace` keeps logarithms instead.

    Notes
    -----
    Source: Giselsson, "Backpropagation summarized"; Grosse–Ba, "Recall: backprop through time".

    Examples
    --------
    >>> layer = Dense(1, 1, "identity")
    >>> h, vjps = forward(deep(layer, 3 * [{"W": np.array([[2.0]]), "b": np.zeros(1)}]), np.ones((1, 1)))
    >>> grads = backward(vjps, np.ones((1, 1)))
    >>> np.ravel(grads.h), grads.p[0]["W"]
    (array([8., 4., 2., 1.]), array([[4.]]))
    """
    direct = _direct(vjps, g)
    if vjps.fast:
        return vjps.fast(direct).grads
    g, h, x, p = direct[-1], [direct[-1]], [], []
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for t in reversed(range(len(vjps))):
            dh, dx, dp = vjps[t](g)
            g = dh if direct[t] is None else dh + _fitting(direct[t], dh, t)
            if not np.isfinite(g).all():
                raise FloatingPointError(f"∂L/∂h_{t} of {len(vjps)} overflows {g.dtype};"
                                         " trace(vjps, g) keeps logarithms")
            h.append(g)
            x.append(dx)
            p.append(dp)
    return Gradients(h[::-1], x[::-1], p[::-1])


def trace(vjps, g):
    """The logarithm of every gradient norm: ``ln ‖∂L/∂h_t‖`` for all ``t``, past the float range.

    After each pullback the gradient is divided by a power of two, so that its largest entry lies between ½ and 1,
    and the exponent is kept as an integer: 1e-4000 is as easy as 1, and no digit is lost, because such a division is
    exact. There is one exponent per sweep member, never one per sample.

    Parameters
    ----------
    vjps, g
        As for :func:`backward`.

    Returns
    -------
    Trace

    Raises
    ------
    ValueError, TypeError
        ``g`` is misshapen, of another dtype or not finite.

    Notes
    -----
    Source: Grosse–Ba, "the Jacobians multiply".

    Examples
    --------
    >>> layer = Dense(1, 1, "identity")
    >>> path = deep(layer, 20_000 * [{"W": np.array([[0.5]]), "b": np.zeros(1)}])
    >>> log = trace(forward(path, np.ones((1, 1)))[1], np.ones((1, 1)))
    >>> log.log_h[0] / np.log(2)                    # of a gradient of 0.5^20000
    np.float64(-20000.0)
    """
    direct = _direct(vjps, g)
    if vjps.fast:
        return vjps.fast(direct)
    g, exponent = rescale(direct[-1], np.zeros(vjps.end.shape[:vjps.sweep], dtype=int))
    log_h, log_p = [log_scaled(g, exponent)], []
    for t in reversed(range(len(vjps))):
        g, _, dp = vjps[t](g)
        log_p.append({name: log_scaled(value, exponent) for name, value in dp.items()})
        if direct[t] is not None:
            g, exponent = add_scaled(g, exponent, _fitting(direct[t], g, t))
        g, exponent = rescale(g, exponent)
        log_h.append(log_scaled(g, exponent))
    names = dict.fromkeys(name for dp in log_p for name in dp)
    absent = np.full(exponent.shape, np.nan)
    return Trace(np.array(log_h[::-1]),
                 {name: np.array([dp.get(name, absent) for dp in log_p[::-1]]) for name in names},
                 lambda: backward(vjps, direct))


def _direct(vjps, g):
    """What the loss puts on each of the ``T + 1`` states, checked, as a list."""
    if not isinstance(vjps, Pullbacks):
        raise TypeError(f"vjps: expected the pullbacks that forward returns, came {type(vjps).__name__}")
    direct = g if isinstance(g, list | tuple) else [None] * len(vjps) + [g]
    if len(direct) != len(vjps) + 1:
        raise ValueError(f"g: expected {len(vjps) + 1} entries, one for each state, came {len(direct)}")
    if direct[-1] is None:
        direct = [*direct[:-1], np.zeros_like(vjps.end)]
    for t, entry in enumerate(direct):
        if entry is None:
            continue
        name = "g" if direct is not g else f"g[{t}]"
        expect_array(name, entry)
        if t == len(vjps) and entry.shape != vjps.end.shape:
            raise ValueError(f"{name}: expected the shape {vjps.end.shape} of the last state, came {entry.shape}")
        if entry.dtype != vjps.end.dtype:
            raise TypeError(f"{name}: expected {vjps.end.dtype}, the dtype of the states, came {entry.dtype}")
    return direct


def _fitting(extra, g, t):
    if extra.shape != g.shape:
        raise ValueError(f"g[{t}]: expected the shape {g.shape} of that state's gradient, came {extra.shape}")
    return extra


def rescale(g, exponent):
    """Divide each sweep member by the power of two at its largest entry, and add that power to ``exponent``."""
    _, power = np.frexp(np.abs(g).max(axis=_members(g, exponent), initial=0.0))
    return shift(g, -power), exponent + power


def add_scaled(g, exponent, extra):
    """``g 2^exponent + extra``, written with the larger of their two exponents."""
    extra, power = rescale(extra, np.zeros_like(exponent))
    nothing = np.iinfo(int).min // 4
    top = np.maximum(np.where(np.any(g, axis=_members(g, exponent)), exponent, nothing),
                     np.where(np.any(extra, axis=_members(g, exponent)), power, nothing))
    top = np.where(top == nothing, 0, top)
    return shift(g, exponent - top) + shift(extra, power - top), top


def _members(g, exponent):
    """The axes of ``g`` within one sweep member."""
    return tuple(range(exponent.ndim, g.ndim))


def shift(g, power):
    """``g 2^power``, exact while it stays in the float range."""
    power = power[(...,) + (None,) * (g.ndim - power.ndim)]
    if np.abs(power).max(initial=0) < 100:
        return g * np.ldexp(np.ones((), g.dtype), power)    # the same, and much faster
    return np.ldexp(g, np.clip(power, -10_000, 10_000))


def log_scaled(g, exponent):
    flat = g.reshape(*exponent.shape, math.prod(g.shape[exponent.ndim:]))
    with np.errstate(all="ignore"):
        squares, (low, high) = np.vecdot(flat, flat).real, SAFE[g.dtype.char]
        if ((low < squares) & (squares < high)).all():
            return exponent * np.log(2) + 0.5 * np.log(squares)
    return exponent * np.log(2) + log_norm(g, g.ndim - exponent.ndim)
