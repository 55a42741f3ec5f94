"""The way back: plain gradients, and their norms past the range of floating-point numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..steps.arrays import expect_array, log_norm
from .path import Pullbacks


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

    Source: Giselsson, "Backpropagation summarized"; Grosse–Ba, "Recall: backprop through time". Taught in: 04, 10.
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

    Source: Grosse–Ba, "the Jacobians multiply". Taught in: notebooks 01, 05 and 10.
    """
    direct = _direct(vjps, g)
    if vjps.fast:
        return vjps.fast(direct)
    g, exponent = _rescale(direct[-1], np.zeros(vjps.end.shape[:vjps.sweep], dtype=int))
    log_h, log_p = [_log_norm(g, exponent)], []
    for t in reversed(range(len(vjps))):
        g, _, dp = vjps[t](g)
        log_p.append({name: _log_norm(value, exponent) for name, value in dp.items()})
        if direct[t] is not None:
            g, exponent = _add(g, exponent, _fitting(direct[t], g, t))
        g, exponent = _rescale(g, exponent)
        log_h.append(_log_norm(g, exponent))
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


def _rescale(g, exponent):
    """Divide each sweep member by the power of two at its largest entry, and add that power to ``exponent``."""
    _, power = np.frexp(np.abs(g).max(axis=_members(g, exponent), initial=0.0))
    return _shift(g, -power), exponent + power


def _add(g, exponent, extra):
    """``g 2^exponent + extra``, written with the larger of their two exponents."""
    extra, power = _rescale(extra, np.zeros_like(exponent))
    nothing = np.iinfo(int).min // 4
    top = np.maximum(np.where(np.any(g, axis=_members(g, exponent)), exponent, nothing),
                     np.where(np.any(extra, axis=_members(g, exponent)), power, nothing))
    top = np.where(top == nothing, 0, top)
    return _shift(g, exponent - top) + _shift(extra, power - top), top


def _members(g, exponent):
    """The axes of ``g`` within one sweep member."""
    return tuple(range(exponent.ndim, g.ndim))


def _shift(g, power):
    """``g 2^power``, exact while it stays in the float range."""
    return np.ldexp(g, np.clip(power, -10_000, 10_000)[(...,) + (None,) * (g.ndim - power.ndim)])


def _log_norm(g, exponent):
    return exponent * np.log(2) + log_norm(g, g.ndim - exponent.ndim)
