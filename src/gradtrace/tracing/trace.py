"""The way back: plain gradients, and their norms past the range of floating-point numbers."""

from dataclasses import dataclass

import numpy as np

from ..steps.arrays import expect_array, log_norm
from .path import Pullbacks


@dataclass(frozen=True)
class Gradients:
    """Plain gradients of one backward pass.

    Attributes
    ----------
    h : list of ndarray
        ``∂L/∂h_t`` for ``t = 0 … T``.
    x : list of ndarray or None
        ``∂L/∂x_t`` for the steps ``t = 1 … T``.
    p : list of dict
        The contribution of each step ``t = 1 … T`` to the gradients of its parameters.
    """

    h: list[np.ndarray]
    x: list[np.ndarray | None]
    p: list[dict[str, np.ndarray]]

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
    g, h, x, p = direct[-1], [direct[-1]], [], []
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for t in reversed(range(len(vjps))):
            dh, dx, dp = vjps[t](g)
            g = dh if direct[t] is None else dh + direct[t]
            if not np.isfinite(g).all():
                raise FloatingPointError(f"∂L/∂h_{t} of {len(vjps)} overflows {g.dtype}; trace(vjps, g) keeps logarithms")
            h.append(g)
            x.append(dx)
            p.append(dp)
    return Gradients(h[::-1], x[::-1], p[::-1])


def trace(vjps, g):
    """The logarithm of every gradient norm: ``ln ‖∂L/∂h_t‖`` for all ``t``, past the float range.

    After each pullback the gradient is divided by its largest entry and the logarithm of that entry is kept, so
    that 1e-4000 is as easy as 1. There is one such scale per sweep member, never one per sample.

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
    g, log = _rescale(direct[-1], np.zeros(vjps.end.shape[:vjps.sweep]))
    log_h, log_p = [_log_norm(g, log)], []
    for t in reversed(range(len(vjps))):
        g, _, dp = vjps[t](g)
        log_p.append({name: _log_norm(value, log) for name, value in dp.items()})
        if direct[t] is not None:
            g, log = _join(g, log, direct[t])
        g, log = _rescale(g, log)
        log_h.append(_log_norm(g, log))
    names = dict.fromkeys(name for dp in log_p for name in dp)
    absent = np.full(log.shape, np.nan)
    return Trace(np.array(log_h[::-1]),
                 {name: np.array([dp.get(name, absent) for dp in log_p[::-1]]) for name in names})


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


def _largest(g, log):
    """The largest entry of each sweep member, one where all are zero, with axes kept."""
    over = tuple(range(log.ndim, g.ndim))
    size = np.abs(g).max(axis=over, keepdims=True, initial=0.0)
    return np.where(size > 0, size, 1)


def _rescale(g, log):
    """Divide each sweep member by its largest entry and move the logarithm of that entry to ``log``."""
    size = _largest(g, log)
    return g / size, log + np.log(size).reshape(log.shape)


def _join(g, log, extra):
    """``g e^log + extra`` without leaving the float range: both are brought to the larger of the two scales."""
    extra, log_extra = _rescale(np.broadcast_to(extra, g.shape), np.zeros_like(log))
    top = np.maximum(np.where(_any(g, log), log, -np.inf), np.where(_any(extra, log), log_extra, -np.inf))
    top = np.where(np.isfinite(top), top, 0)
    keep = (...,) + (None,) * (g.ndim - log.ndim)
    weight = lambda own: np.exp(np.minimum(own - top, 0))[keep].astype(g.dtype)
    return g * weight(log) + extra * weight(log_extra), top


def _any(g, log):
    return np.abs(g).max(axis=tuple(range(log.ndim, g.ndim)), initial=0.0) > 0


def _log_norm(g, log):
    return log + log_norm(g, g.ndim - log.ndim)
