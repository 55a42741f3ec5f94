"""What a fused run hands back: gradients and norms that are computed when they are asked for."""

import math
from functools import cached_property

import numpy as np

from ...steps.arrays import T, log_norm, outer
from ..path import Made
from ..trace import SAFE, Gradients, Trace

LARGE = {kind: math.log(np.finfo(kind).max) - 0.1 for kind in "fd"}     # ln of a norm that may be past the range


class DeferredGradients(Gradients):
    """The plain gradients of a way back."""

    def __init__(self, back):
        steps = len(back.exponent)
        vars(self).update(back=back, h=Made(steps + 1, back.state), p=Made(steps, back.share))

    @cached_property
    def x(self):
        return self.back.inputs()

    def shared(self):
        return self.back.shared()


class DeferredTrace(Trace):
    """The norms of a way back; those of the contributions to the weights cost a product each, so they can wait."""

    def __init__(self, back):
        vars(self).update(back=back, log_h=back.log_h)

    @cached_property
    def log_p(self):
        return self.back.log_shares()

    @cached_property
    def grads(self):
        back, dtype = self.back, self.back.end.dtype
        large = back.log_h > LARGE[dtype.char]
        for t in np.flatnonzero(large.any(axis=tuple(range(1, large.ndim))))[::-1]:
            if not np.isfinite(back.state(t)).all():
                raise FloatingPointError(f"∂L/∂h_{t} of {len(back.exponent)} overflows {dtype};"
                                         " trace(vjps, g) keeps logarithms")
        return DeferredGradients(back)


def rows(a):
    """All time steps and samples under each other: ``(T, batch, n)`` to ``(T batch, n)``."""
    return a.reshape(-1, a.shape[-1])


def squares(a):
    """``‖a_t‖²`` for every ``t``."""
    flat = a.reshape(len(a), -1)
    return np.vecdot(flat, flat)


def log_norms(a):
    """``ln ‖a_t‖`` for every ``t``."""
    with np.errstate(all="ignore"):
        return _half_log(squares(a), True, lambda t: log_norm(a[t], a.ndim - 1))


def gram(d):
    """``d_t d_tᵀ`` for every ``t`` where :func:`log_outer` gains by it, else ``None``."""
    with np.errstate(all="ignore"):
        return d @ T(d) if d.shape[1] <= d.shape[2] // 2 else None


def log_outer(h, d, dd):
    """``ln ‖h_tᵀ d_t‖`` for every ``t``; with ``dd = gram(d)`` by ``‖hᵀ d‖² = Σ (h hᵀ) ⊙ (d dᵀ)``."""
    if dd is None:
        return np.concatenate([log_norms(outer(h[t:t + 16], d[t:t + 16])) for t in range(0, len(h), 16)])
    with np.errstate(all="ignore"):
        hh = h @ T(h)
        norms = np.vecdot(hh.reshape(len(hh), -1), dd.reshape(len(dd), -1))
        sizes = np.trace(hh, axis1=1, axis2=2) * np.trace(dd, axis1=1, axis2=2)
        kept = norms > np.finfo(d.dtype).eps ** (1 / 3) * sizes         # else digits were lost to cancellation
        return _half_log(norms, kept, lambda t: log_norm(outer(h[t], d[t]), 2))


def _half_log(norms, kept, log_norm):
    """``½ ln`` of squared norms where they are exact and ``kept``; elsewhere ``log_norm(t)``."""
    low, high = SAFE[norms.dtype.char]
    log, sound = 0.5 * np.log(norms), (low < norms) & (norms < high) & kept
    if not sound.all():
        log[~sound] = log_norm(~sound)
    return log
