"""The fast way through an unrolled RNN swept over a gain; ``forward`` takes it by itself where it applies.

Where only a gain differs from member to member, ``W_i = c_i W``, all of them share one product, ``h_i W_i =
c_i (h_i W)``: the states of 41 gains go through one matrix like a batch of 41. ``draw(cell, rng, gain=gains)`` makes
such parameters. That they are so is found by looking, to the last digits; everything else takes the readable loop.
"""

import math
from itertools import repeat

import numpy as np

from ...steps.activations import ACTIVATIONS
from ...steps.arrays import T, outer, row, total
from ...steps.contract import _fits
from ...steps.recurrent import RNN
from ..path import FUSED, Made, Pullbacks
from ..trace import SAFE, log_scaled, rescale
from .deferred import DeferredTrace, gram, log_norms, log_outer
from .rnn import SLOPES, VALUES, forward_rnn
from .wayback import MODERATE, SATURATED, WayBack, block


def gains_of(W):
    """``c, W0`` with ``W = c[:, None, None] * W0`` but for rounding, or ``None`` where there are none.

    Parameters
    ----------
    W : ndarray of shape (members, n, m)

    Examples
    --------
    >>> c, W0 = gains_of(np.array([[[2.0, 4.0]], [[1.0, 2.0]], [[0.0, 0.0]]]))
    >>> c, W0
    (array([1. , 0.5, 0. ]), array([[2., 4.]]))
    """
    if not W.size:
        return None
    flat = W.reshape(len(W), -1)
    j = np.abs(flat[[0, -1]]).max(axis=0).argmax()
    i = np.abs(flat[:, j]).argmax()                         # all are compared with the largest
    if flat[i, j] == 0:
        return None
    c, W0, q = flat[:, j] / flat[i, j], flat[i], np.empty(flat.shape[1], W.dtype)
    near = 4 * np.finfo(W.dtype).eps * np.abs(W0)           # a few roundings of every entry, not of the largest only
    for c_k, W_k in zip(c, flat, strict=True):
        if c_k == 0:
            if W_k.any():
                return None
            continue
        np.multiply(W_k, 1 / c_k, q)
        q -= W0
        if not (np.abs(q, q) <= near).all():
            return None
    return c, W[i].copy()


@np.errstate(all="ignore")
def forward_sweep(path, h0):
    """What ``forward(path, h0)`` returns, or ``None`` where this is no case for the fast way or a state overflows."""
    step, p, x = path.step, path.p, path.x
    if not (_fits(step, p, h0, x) and x.ndim == p["W"].ndim == 3 and ACTIVATIONS.get(step.phi.name) is step.phi
            and h0.dtype.char in SAFE and np.isfinite(h0).all()):
        return None
    members, batch, swept = len(p["W"]), x.shape[1], lambda shape: ((members, *shape), shape)
    if not (h0.shape in swept((batch, step.n)) and p["U"].shape in swept(step.shapes()["U"])
            and p["b"].shape in swept((step.n,)) and (W := gains_of(p["W"]))
            and (U := gains_of(p["U"]) if p["U"].ndim == 3 else (np.ones(members, h0.dtype), p["U"].copy()))):
        return None
    run = SweptPullbacks(step, W, U, p["b"].copy(), h0, x)
    # An infinity can end as a healthy 0 in relu; elsewhere what is not finite stays so until the last state.
    return (run.h, run) if np.isfinite(run.h if step.phi.name == "relu" else run.end).all() else None


def forward_any(path, h0):
    """The fast way without sweep axes, or else the one with."""
    return forward_rnn(path, h0) or forward_sweep(path, h0)


FUSED[RNN] = forward_any


class SweptPullbacks(Pullbacks):
    """The walk forward, and the pullbacks. They are made by the readable step, from the states, when asked for."""

    def __init__(self, step, W, U, b, h0, x):
        (c, W0), (e, U0) = W, U
        self.step, self.x, self.b, self.c, self.W0, self.e, self.U0 = step, x, b, c, W0, e, U0
        shape = (len(x), len(c), *h0.shape[-2:])
        self.h, self.a = np.empty((len(x) + 1, *shape[1:]), h0.dtype), np.empty(shape, h0.dtype)
        self.h[0] = h0
        np.multiply((x @ U0)[:, None], e[:, None, None], self.a)
        self.a += row(b)
        phi, C, F = VALUES[step.phi.name], self.scale(), np.asfortranarray(W0)
        hW, states = np.empty_like(C), list(self.h.reshape(len(x) + 1, *C.shape))
        for a, old, new in zip(self.a.reshape(len(x), *C.shape), states, states[1:], strict=False):
            old.dot(F, hW)
            np.multiply(hW, C, hW)
            np.add(a, hW, a)                                # a_i = c_i (h_i W) + e_i (x U) + b
            phi(a, new)                                     # h'  = φ(a)
        h = self.h                                          # the list below must not hold the run that holds it
        written = lambda: {"W": c[:, None, None] * W0, "U": e[:, None, None] * U0, "b": b}
        super().__init__(Made(len(x), lambda t: step(written(), h[t], x[t])[1]), h[-1], 1)

    def scale(self):
        """``c_i`` for every number of a state, as a matrix like ``h``."""
        return np.repeat(self.c, self.h.shape[2] * self.step.n).reshape(-1, self.step.n)

    def fast(self, direct):
        return DeferredTrace(SweptBack(self, direct))


class SweptBack(WayBack):
    """What is kept of each step is ``d[t] = ∂L/∂a`` of step ``t + 1``, with an exponent for each member."""

    @np.errstate(all="ignore")
    def __init__(self, run, direct):
        self.run, self.end = run, direct[-1].copy()
        self.direct = None if all(extra is None for extra in direct[:-1]) else self._own(direct)
        steps, members = len(run), len(run.c)
        self.W0T, self.C = run.W0.T, run.scale()
        self.d, self.exponent = np.empty_like(run.a), np.zeros((steps, members), int)
        self.log_h = np.empty((steps + 1, members))
        g, exponent = rescale(self.end, np.zeros(members, int))
        self.log_h[steps] = log_scaled(g, exponent)
        buffer = np.empty((min(steps, block(members * g.shape[1], g.shape[2])), *g.shape), g.dtype)
        self._walk(*self._settled(self.log_h[steps], g, exponent), buffer)

    def _coefficients(self, steps):
        """Write ``φ'(a)`` of these steps to where their ``d`` will be."""
        phi, d = self.run.step.phi, self.d[steps]
        SLOPES[phi.name](self.run.h[1:][steps], d)
        if phi.name in ("tanh", "sigmoid") and d.min(initial=1) < (low := SATURATED[d.dtype.char]):
            few = d < low
            d[few] = phi.slope(self.run.a[steps][few])

    def _plain(self, steps, g, G, extras):
        rows, W0T, C = self.C.shape, self.W0T, self.C
        old = g.reshape(rows)
        for d, new, extra in zip(self.d[steps][::-1], G[::-1], extras, strict=True):
            d, new = d.reshape(rows), new.reshape(rows)
            np.multiply(d, old, d)                          # d = g ⊙ φ'(a)
            d.dot(W0T, new)
            np.multiply(new, C, new)                        # ∂L/∂h_i = c_i (d_i Wᵀ)
            if extra is not None:
                new += extra.reshape(rows)
            old = new

    def _as_it_is(self, steps, g, exponent, G):
        if self.direct is not None and exponent.any():
            return None
        self._plain(steps, g, G, repeat(None, len(G)) if self.direct is None else self.direct[steps][::-1])
        flat, (low, high) = G.reshape(*G.shape[:2], -1), SAFE[G.dtype.char]
        norms = np.vecdot(flat, flat)
        if not low < norms.min(initial=1) <= norms.max(initial=1) < high:
            return None
        self.log_h[steps] = 0.5 * np.log(norms) + exponent * math.log(2)
        self.exponent[steps] = exponent
        return G[0], exponent

    def _settled(self, log, g, exponent):
        if (np.abs(log) < MODERATE[g.dtype.char]).all():
            return np.ldexp(g, exponent[:, None, None]), np.zeros_like(exponent)
        return rescale(g, exponent)

    def _carried(self, t):
        return (self.d[t] @ self.W0T) * self.run.c[:, None, None]

    @np.errstate(all="ignore")
    def true_d(self, t=slice(None)):
        e = self.exponent[t]
        return np.ldexp(self.d[t], e[..., None, None]) if e.any() else self.d[t]

    @np.errstate(all="ignore")
    def state(self, t):
        if t == len(self.d):
            return self.end.copy()
        g = np.ldexp(self._carried(t), self.exponent[t][:, None, None])
        return g if self.direct is None or self.direct[t] is None else g + self.direct[t]

    @np.errstate(all="ignore")
    def share(self, t):
        """What step ``t + 1`` contributes to the gradients of the parameters."""
        d = self.true_d(t)
        return {"W": outer(self.run.h[t], d), "U": outer(self.run.x[t], d), "b": total(d)}

    @np.errstate(all="ignore")
    def inputs(self):
        """``∂L/∂x_t`` of all steps."""
        return (self.true_d() @ self.run.U0.T) * self.run.e[:, None, None]

    @np.errstate(all="ignore")
    def shared(self):
        """The gradients of the parameters, one product over all steps for each member."""
        by_member = lambda a: a.swapaxes(0, 1).reshape(len(self.run.c), -1, a.shape[-1])
        d, x = by_member(self.true_d()), self.run.x.reshape(-1, self.run.x.shape[-1])
        return {"W": T(by_member(self.run.h[:-1])) @ d, "U": x.T @ d, "b": total(d)}

    def log_shares(self):
        """``ln`` of the norm of each step's contribution to the gradients of the parameters."""
        log = self.exponent * math.log(2)
        each = lambda a: np.ascontiguousarray(a).reshape(log.size, *a.shape[2:])   # one axis for steps and members
        d, h = each(self.d), each(self.run.h[:-1])
        x = each(np.broadcast_to(self.run.x[:, None], (*self.d.shape[:3], self.run.x.shape[-1])))
        b, dd = log_norms(total(d)), gram(d)
        W, U = ((log_norms(h) + b, log_norms(x) + b) if d.shape[1] == 1 else
                (log_outer(h, d, dd), log_outer(x, d, dd)))
        return {name: log + value.reshape(log.shape) for name, value in (("W", W), ("U", U), ("b", b))}
