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
from itertools import repeat

import numpy as np

from ..steps.activations import ACTIVATIONS
from ..steps.arrays import T, log_norm, outer, total
from ..steps.cells import RNN
from ..steps.contract import _fits
from .deferred import SAFE, DeferredTrace, gram, log_norms, log_outer, rows, squares
from .path import FUSED, Made, Pullbacks
from .trace import _add, _log_norm, _rescale


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
MODERATE = {kind: 0.25 * math.log(high) for kind, (_, high) in SAFE.items()}        # halfway to the safe range's end
SATURATED = {"f": 1e-2, "d": 1e-4}                          # slopes below this lost two or four digits in 1 - h²

# One block freed just under glibc's limit of 32 MiB teaches malloc to keep memory of that size for the next call.
# Else every run pays for fresh pages: 6.8 ms in place of 4.1 at (T, n, B) = (100, 64, 32).
np.empty(2**25 - 2**13, np.uint8)


def _block(B, n):
    """How many steps to walk at a time: a few hundred kilobytes, and few enough that most stay in the safe range."""
    return min(128, max(16, 2**15 // max(1, B * n)))


def _flat(a):
    """The matrices ``a[0], a[1], …`` in a list; vectors where the batch is one, for which a product is faster."""
    return list(a[:, 0] if a.shape[1] == 1 else a)


def _applies(step, p, x, h0):
    """Whether all is as it should be, without sweep axes and in the four activations and two dtypes known here."""
    return (_fits(step, p, h0, x) and x.ndim == 3 and h0.shape == (x.shape[1], step.n) and h0.dtype.char in SAFE
            and p["W"].ndim == p["U"].ndim == 2 and p["b"].ndim == 1
            and ACTIVATIONS.get(step.phi.name) is step.phi and np.isfinite(h0).all())


@np.errstate(all="ignore")
def forward_rnn(path, h0):
    """What ``forward(path, h0)`` returns, or ``None`` where this is no case for the fast way or a state overflows."""
    step, p, x = path.step, path.p, path.x
    if not _applies(step, p, x, h0):
        return None
    p = {name: value.copy() for name, value in p.items()}   # the run owns what its lazy results will need
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
    size, add, states, a = min(steps, _block(B, n)), np.add, list(h), np.empty_like(h[0])
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


class RNNPullbacks(Pullbacks):
    """The pullbacks of a fused run. They are made by the readable step, from the states, when one is asked for."""

    def __init__(self, step, p, h, x):
        super().__init__(Made(len(x), lambda t: step(p, h[t], x[t])[1]), h[-1], 0)
        self.step, self.p, self.h, self.x = step, p, h, x

    def fast(self, direct):
        return DeferredTrace(WayBack(self, direct))


class WayBack:
    """One walk back: ``d[t] 2^exponent[t]`` is ``∂L/∂a`` of step ``t + 1``, for ``t = 0 … T - 1``."""

    @np.errstate(all="ignore")
    def __init__(self, run, direct):
        self.run, self.WT, self.end = run, T(run.p["W"]), direct[-1].copy()
        self.direct = None if {*map(type, direct[:-1])} == {type(None)} else self._own(direct)
        steps, shape, dtype = len(run), self.end.shape, self.end.dtype
        self.d, self.exponent = np.empty((steps, *shape), dtype), np.zeros(steps, int)
        self.log_h = np.empty(steps + 1)
        square, (low, high) = np.vdot(self.end, self.end), SAFE[dtype.char]
        self.log_h[steps] = 0.5 * np.log(square) if low < square < high else log_norm(self.end, 2)
        self._walk(self.end, np.zeros((), int), np.empty((min(steps, _block(*shape)), *shape), dtype))

    def _own(self, direct):
        for t, extra in enumerate(direct[:-1]):
            if extra is not None and extra.shape != self.end.shape:
                raise ValueError(f"g[{t}]: expected the shape {self.end.shape} of the states, came {extra.shape}")
        return [None if extra is None else extra.copy() for extra in direct[:-1]]

    def _walk(self, g, exponent, buffer):
        for stop in range(len(self.d), 0, -len(buffer)):
            steps = slice(max(0, stop - len(buffer)), stop)
            self._slopes(steps)
            after = self._plainly(steps, g, exponent, buffer[:stop])
            if after is None:
                self._slopes(steps)
                after = self._rescaling(steps, g, exponent)
            g, exponent = self._settled(self.log_h[steps.start], *after) if steps.start else after

    def _slopes(self, steps):
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

    def _plainly(self, steps, g, exponent, G):
        """Walk these steps as they are, ``G`` for a buffer; ``None`` if a norm left the safe range."""
        if self.direct is not None and exponent != 0:
            return None
        extras = repeat(None, len(G)) if self.direct is None else self.direct[steps][::-1]
        WT, multiply, old = self.WT, np.multiply, _flat(g[None])[0]
        for d, new, extra in zip(_flat(self.d[steps][::-1]), _flat(G[::-1]), extras, strict=True):
            multiply(d, old, d)                             # d = g ⊙ φ'(a)
            d.dot(WT, new)                                  # ∂L/∂h = d Wᵀ
            if extra is not None:
                new += extra.reshape(new.shape)
            old = new
        norms, (low, high) = squares(G), SAFE[G.dtype.char]
        if not low < norms.min() <= norms.max() < high:
            return None
        self.log_h[steps] = 0.5 * np.log(norms) + exponent * math.log(2)
        self.exponent[steps] = exponent
        return G[0], exponent

    def _rescaling(self, steps, g, exponent):
        """Walk these steps as :func:`~gradtrace.trace` does in general, with a power of two kept apart."""
        for t in reversed(range(steps.start, steps.stop)):
            self.d[t] *= g
            self.exponent[t] = exponent
            g = self.d[t] @ self.WT
            if self.direct is not None and self.direct[t] is not None:
                g, exponent = _add(g, exponent, self.direct[t])
            g, exponent = _rescale(g, exponent)
            self.log_h[t] = _log_norm(g, exponent)
        return g, exponent

    def _settled(self, log, g, exponent):
        """A copy of ``g``, of norm ``e^log``: without exponent if that is moderate, else scaled to about one."""
        if abs(log) < MODERATE[g.dtype.char]:
            return (np.ldexp(g, exponent), np.zeros_like(exponent)) if exponent else (g.copy(), exponent)
        return _rescale(g, exponent)

    def true_d(self, t=slice(None)):
        """``∂L/∂a`` as plain numbers: of the step with index ``t``, or of all."""
        e = self.exponent[t]
        return np.ldexp(self.d[t], e[:, None, None] if e.ndim else e) if e.any() else self.d[t]

    def state(self, t):
        """``∂L/∂h_t`` as plain numbers."""
        if t == len(self.d):
            return self.end.copy()
        g = self.d[t].dot(self.WT)
        with np.errstate(all="ignore"):
            g = np.ldexp(g, self.exponent[t]) if self.exponent[t] else g
            return g if self.direct is None or self.direct[t] is None else g + self.direct[t]

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
