"""The fast way through an unrolled RNN; ``forward`` takes it by itself where there are no sweep axes.

The mathematics is that of :class:`~gradtrace.RNN`, whose readable step stays the definition: single pullbacks are
made by it, and the tests prove both ways equal. What makes the difference:

- one product ``x U`` for many time steps before they are walked, one product ``hᵀ d`` for the weights after them;
- ``φ'`` from the states in bulk, ``1 - h²``; near saturation, where that loses digits, from the pre-activations;
- arrays of the whole run, written in place, and blocks of steps that stay in the cache;
- no rescaling on the way back unless a norm leaves the range in which it is exact; then that block is redone.

Only ``d_t = ∂L/∂a_t`` is kept of the way back. All gradients are products of it, made when they are asked for.
"""

import math

import numpy as np

from ...steps.activations import ACTIVATIONS
from ...steps.arrays import T, outer, total
from ...steps.recurrent import RNN
from ..path import FUSED
from .deferred import gram, log_norms, log_outer, rows
from .wayback import SATURATED, FusedPullbacks, WayBack, applies, block


def _sigmoid(a, out):
    np.exp(np.negative(a, out), out)
    np.add(out, 1, out)
    np.reciprocal(out, out)                                 # 1 / (1 + e^-a), accurate for small values too


VALUES = {                                                  # φ(a), into out
    "identity": lambda a, out: np.positive(a, out),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda a, out: np.maximum(a, 0, out=out),
}
SLOPES = {                                                  # φ'(a) from h = φ(a), into out
    "identity": lambda h, out: out.fill(1),
    "sigmoid": lambda h, out: np.multiply(h, np.subtract(1, h, out), out),
    "tanh": lambda h, out: np.subtract(1, np.multiply(h, h, out), out),
    "relu": lambda h, out: np.greater(h, 0, out),
}


def _flat(a):
    """The matrices ``a[0], a[1], …`` in a list; vectors where the batch is one, for which a product is faster."""
    return list(a[:, 0] if a.shape[1] == 1 else a)


@np.errstate(all="ignore")
def forward_rnn(path, h0):
    """What ``forward(path, h0)`` returns, or ``None`` where this is no case for the fast way or a state overflows."""
    step, p, x = path.step, path.p, path.x
    if not applies(step, p, x, h0) or ACTIVATIONS.get(step.phi.name) is not step.phi:
        return None
    p = path.own()                                          # for the lazy results
    h = np.empty((len(x) + 1, *h0.shape), h0.dtype)
    h[0] = h0
    (_one_sample if len(h0) == 1 else _batch)(VALUES[step.phi.name], p, h, x)
    # An infinity can end as a healthy 0 in relu; elsewhere what is not finite stays so until the last state.
    if not np.isfinite(h if step.phi.name == "relu" else h[-1]).all():
        return None
    return h, RNNPullbacks(step, p, h, x)


FUSED[RNN] = forward_rnn


def _batch(phi, p, h, x):
    """Fill the states ``h``."""
    steps, B, n = h[1:].shape
    W = np.asfortranarray(p["W"])                           # the faster order for h W, by 15 % at n = 256
    size, add, states, a = min(steps, block(B, n)), np.add, list(h), np.empty_like(h[0])
    buffer = np.empty_like(h[:size])
    for start in range(0, steps, size):
        xU = buffer[:steps - start]
        rows(x[start:start + size]).dot(p["U"], rows(xU))
        xU += p["b"]
        for xU_t, old, new in zip(xU, states[start:], states[start + 1:], strict=False):
            old.dot(W, a)                                   # of all products, ndarray.dot has the least overhead
            add(a, xU_t, a)                                 # a  = h W + x U + b
            phi(a, new)                                     # h' = φ(a)


def _one_sample(phi, p, h, x):
    """Fill the states ``h`` of a batch of one: here the product ``[h | x | 1] [W; U; b]`` saves the time of adding."""
    n, M = h.shape[2], np.concatenate([p["W"], p["U"], p["b"][None]])
    z = np.ones((len(h), len(M)), h.dtype)
    z[0, :n], z[:-1, n:-1] = h[0, 0], x[:, 0]
    for old, new in zip(list(z[:-1]), list(z[1:, :n]), strict=True):
        old.dot(M, new)                                     # a  = h W + x U + b
        phi(new, new)                                       # h' = φ(a)
    h[1:, 0] = z[1:, :n]


class RNNBack(WayBack):
    """What is kept of each step is ``d[t] = ∂L/∂a`` of step ``t + 1``."""

    def __init__(self, run, direct):
        self.WT = T(run.p["W"])
        super().__init__(run, direct)

    def _d_shape(self):
        return self.end.shape

    def _coefficients(self, steps):
        """Write ``φ'(a)`` of these steps to where their ``d`` will be."""
        run, d = self.run, self.d[steps]
        phi = run.step.phi
        SLOPES[phi.name](run.h[1:][steps], d)
        if phi.name in ("tanh", "sigmoid") and d.min(initial=1) < SATURATED[d.dtype.char]:
            d, h, x, p = rows(d), rows(run.h[steps]), rows(run.x[steps]), run.p
            if len(few := np.argwhere(d < SATURATED[d.dtype.char])) < len(d) / 8:
                i, j = few.T
                d[i, j] = phi.slope(np.vecdot(h[i], p["W"].T[j]) + np.vecdot(x[i], p["U"].T[j]) + p["b"][j])
            else:
                d[:] = phi.slope(h @ p["W"] + x @ p["U"] + p["b"])

    def _plain(self, steps, g, G, extras):
        WT, multiply, old = self.WT, np.multiply, _flat(g[None])[0]
        for d, new, extra in zip(_flat(self.d[steps][::-1]), _flat(G[::-1]), extras, strict=True):
            multiply(d, old, d)                             # d = g ⊙ φ'(a)
            d.dot(WT, new)                                  # ∂L/∂h = d Wᵀ
            if extra is not None:
                new += extra.reshape(new.shape)
            old = new

    def _carried(self, t):
        return self.d[t].dot(self.WT)

    def share(self, t):
        """What step ``t + 1`` contributes to the gradients of the parameters."""
        d = self.true_d(t)
        return {"W": outer(self.run.h[t], d), "U": outer(self.run.x[t], d), "b": total(d)}

    def inputs(self):
        """``∂L/∂x_t`` of all steps in one product."""
        return self.true_d() @ T(self.run.p["U"])

    def shared(self):
        """The gradients of the parameters, one product over all steps each."""
        d = rows(self.true_d())
        return {"W": rows(self.run.h[:-1]).T.dot(d), "U": rows(self.run.x).T.dot(d),
                "b": np.ones(len(d), d.dtype).dot(d)}

    def log_shares(self):
        """``ln`` of the norm of each step's contribution to the gradients of the parameters."""
        d, h, x, log = self.d, self.run.h[:-1], self.run.x, self.exponent * math.log(2)
        b = log + log_norms(total(d))
        if d.shape[1] == 1:                                 # of one row each: the norm of the product is the product
            return {"W": log_norms(h) + b, "U": log_norms(x) + b, "b": b}
        dd = gram(d)
        return {"W": log + log_outer(h, d, dd), "U": log + log_outer(x, d, dd), "b": b}


class RNNPullbacks(FusedPullbacks):
    """The pullbacks of a fused RNN."""

    back = RNNBack
