"""The fast way through a deep net of equal layers; ``forward`` takes it by itself where there are no sweep axes.

Layers are :class:`~gradtrace.Dense` of one width, or a :class:`~gradtrace.Residual` around one; the readable steps stay
the definition. What makes the difference: nothing is checked twice, ``φ'`` comes from the states, nothing is rescaled
while norms are in the range where their squares are exact, and the gradients of the weights are made, one product
each, when they are asked for. Norms alone do without them.
"""

import math

import numpy as np

from ...steps.activations import ACTIVATIONS
from ...steps.arrays import log_norm, total
from ...steps.combinators import Residual
from ...steps.dense import Dense
from ..path import FUSED_DEEP, Made, Pullbacks
from ..trace import SAFE, add_scaled, rescale
from .deferred import DeferredTrace, gram, log_norms, log_outer, rows
from .rnn import SLOPES, VALUES
from .wayback import SATURATED


@np.errstate(all="ignore")
def forward_deep(path, h0):
    """What ``forward(path, h0)`` returns, or ``None`` where this is no case for the fast way or a state overflows."""
    step = path[0].step
    layer, skip = (step.inner, True) if isinstance(step, Residual) else (step, False)
    if not (type(layer) is Dense and layer.n_in == layer.n_out and ACTIVATIONS.get(layer.phi.name) is layer.phi
            and isinstance(h0, np.ndarray) and h0.ndim == 2 and h0.shape[1] == layer.n_in and h0.dtype.char in SAFE
            and np.isfinite(h0).all()
            and all(link.x is None and (link.step is step or link.step == step)
                    and link.p["W"].ndim == 2 and link.p["b"].ndim == 1
                    and link.p["W"].dtype == link.p["b"].dtype == h0.dtype for link in path)):
        return None
    p = [link.p for link in path]
    h = np.empty((len(p) + 1, *h0.shape), h0.dtype)
    h[0], phi = h0, VALUES[layer.phi.name]
    f = np.empty_like(h[1:]) if skip else h[1:]
    for p_t, f_t, old, new in zip(p, list(f), list(h), list(h[1:]), strict=False):
        old.dot(p_t["W"], f_t)
        np.add(f_t, p_t["b"], f_t)                          # a  = h W + b
        phi(f_t, f_t)                                       # f  = φ(a)
        if skip:
            np.add(old, f_t, new)                           # h' = h + f, or just f
    return (list(h), DeepPullbacks(step, layer, p, h, f)) if np.isfinite(h).all() else None


FUSED_DEEP[Dense] = FUSED_DEEP[Residual] = forward_deep


class DeepPullbacks(Pullbacks):
    """The pullbacks of a fused deep net. They are made by the readable step, from the states, when one is asked for."""

    def __init__(self, step, layer, p, h, f):
        super().__init__(Made(len(p), lambda t: step(p[t], h[t])[1]), h[-1], 0)
        self.layer, self.skip, self.p, self.h, self.f = layer, step is not layer, p, h, f

    def fast(self, direct):
        return DeferredTrace(DeepBack(self, direct))


class DeepBack:
    """One walk back: ``d[t] = ∂L/∂a`` of step ``t + 1`` and ``g[t] = ∂L/∂h_t``, each with an exponent of two."""

    @np.errstate(all="ignore")
    def __init__(self, run, direct):
        steps, dtype = len(run), run.end.dtype
        self.run, self.end, self.shares = run, direct[-1].copy(), [None] * steps
        self.g, self.d = np.empty_like(run.h), np.empty_like(run.f)
        self.ones = np.ones(len(self.end), dtype)
        self.of_g, self.log_h, (low, high) = np.zeros(steps + 1, int), np.empty(steps + 1), SAFE[dtype.char]
        self.g[-1], exponent = direct[-1], np.zeros((), int)
        for t in range(steps, -1, -1):
            g = self.g[t]
            if t < steps:
                d, old = self.d[t], self.g[t + 1]
                self._slope(t, d)
                np.multiply(d, old, d)                      # d = g ⊙ φ'(a)
                d.dot(run.p[t]["W"].T, g)                   # ∂L/∂h = d Wᵀ
                if run.skip:
                    np.add(g, old, g)                       # … + g beside the layer
                if direct[t] is not None:
                    g[:], exponent = self._with(direct[t], g, exponent, t)
            square = np.vdot(g, g)
            if low < square < high:
                self.log_h[t] = 0.5 * math.log(square) + exponent * math.log(2)
            else:
                g[:], exponent = rescale(g, exponent)
                self.log_h[t] = log_norm(g, 2) + exponent * math.log(2)
            self.of_g[t] = exponent
        self.exponent = self.of_g[1:]                       # d[t] has that of the gradient it was made from

    def _slope(self, t, out):
        """Write ``φ'(a)`` of step ``t + 1`` into ``out``."""
        run, phi = self.run, self.run.layer.phi
        SLOPES[phi.name](run.f[t], out)
        if phi.name in ("tanh", "sigmoid") and out.min(initial=1) < SATURATED[out.dtype.char]:
            few = out < SATURATED[out.dtype.char]           # where φ(a) has lost the digits of φ'(a)
            out[few] = phi.slope((run.h[t].dot(run.p[t]["W"]) + run.p[t]["b"])[few])

    def _with(self, extra, g, exponent, t):
        if extra.shape != g.shape:
            raise ValueError(f"g[{t}]: expected the shape {g.shape} of that state's gradient, came {extra.shape}")
        return add_scaled(g, exponent, extra) if exponent else (g + extra, exponent)

    @np.errstate(all="ignore")
    def state(self, t):
        """``∂L/∂h_t`` as plain numbers."""
        if t == len(self.d):
            return self.end
        return np.ldexp(self.g[t], self.of_g[t]) if self.of_g[t] else self.g[t]

    @np.errstate(all="ignore")
    def share(self, t):
        """The gradients of the parameters of step ``t + 1``."""
        if self.shares[t] is None:
            d = np.ldexp(self.d[t], self.exponent[t]) if self.exponent[t] else self.d[t]
            self.shares[t] = {"W": self.run.h[t].T.dot(d), "b": self.ones.dot(d)}      # hᵀ d and Σ d
        return self.shares[t]

    def inputs(self):
        """No layer has an input of its own."""
        return [None] * len(self.d)

    @np.errstate(all="ignore")
    def shared(self):
        """The sum of the gradients over the layers."""
        d = rows(np.ldexp(self.d, self.exponent[:, None, None]))
        return {"W": rows(self.run.h[:-1]).T.dot(d), "b": total(d)}

    def log_shares(self):
        """``ln`` of the norm of the gradients of each step's parameters."""
        log, h = self.exponent * math.log(2), self.run.h[:-1]
        return {"W": log + log_outer(h, self.d, gram(self.d)), "b": log + log_norms(total(self.d))}
