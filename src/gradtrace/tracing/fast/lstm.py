"""The fast way through an unrolled LSTM, equal to the readable step :class:`~gradtrace.LSTM`. See ``rnn.py``.

States lie as columns. Blocks of ``n`` rows are in an order of their own, so that what is multiplied by the same
neighbours: ``o i f g`` with the memory ``c`` behind. The gates are ``σ(a) = 1 / (1 + e)`` with ``e = e^-a`` kept:
``1 - σ = e σ`` keeps its digits in a closed gate and in an open one.
"""

import numpy as np

from ...steps.arrays import T
from ...steps.recurrent import LSTM
from ..path import FUSED
from .columns import ColumnsBack, blocks, each, in_range, ordered, spread
from .deferred import gram, log_norms, log_outer
from .wayback import FusedPullbacks, applies, tanh_slope

INSIDE, OUTSIDE = (2, 0, 1, 3), (1, 2, 0, 3)                # from i f o g to o i f g, and back


@np.errstate(all="ignore")
def forward_lstm(path, h0):
    """What ``forward(path, h0)`` returns, or ``None`` where this is no case for the fast way or a state overflows."""
    step, p, x = path.step, path.p, path.x
    if not applies(step, p, x, h0):
        return None
    steps, B, n_in = x.shape
    n, p, empty = step.n, path.own(), lambda *shape: np.empty(shape, h0.dtype)
    z, e, s, tc = (empty(steps + 1, n + n_in + 1, B), empty(steps, 4 * n, B),           # [h x 1], [e_o e_i e_f a_g]
                   empty(steps + 1, 5 * n, B), empty(steps, n, B))                      # [o i f g c], tanh(c')
    z[0, :n], s[0, 4 * n:], z[:-1, n:-1], z[:, -1] = h0[:, :n].T, h0[:, n:].T, T(x), 1
    _walk(n, _matrix(p, n), z, e, s, tc)
    h = empty(steps + 1, B, 2 * n)
    h[..., :n], h[..., n:] = T(z[:, :n]), T(s[:, 4 * n:])
    if not (np.isfinite(h[-1]).all() and in_range(e[:, :3 * n]) and np.isfinite(e[:, 3 * n:]).all()):
        return None
    return h, LSTMPullbacks(step, p, h, x, z[:, :n], e, s, tc)


FUSED[LSTM] = forward_lstm


def _matrix(p, n):
    """``M`` of ``M [h; x; 1]``, with the signs turned of the rows that belong to a sigmoid."""
    M = np.ascontiguousarray(ordered(np.concatenate([p["W"], p["U"], p["b"][None]]), n, *INSIDE).T)
    np.negative(M[:3 * n], M[:3 * n])
    return M


def _walk(n, M, z, e, s, tc):
    """Fill ``h`` in ``z`` and all of ``e``, ``s``, ``tc``."""
    add, multiply, exp, tanh, inverse, one = np.add, np.multiply, np.exp, np.tanh, np.reciprocal, np.ones((), z.dtype)
    both = np.empty_like(each(s[:1, :2 * n])[0])
    kept, written = both[n:], both[:n]
    for z_t, a, e_t, a_g, gates, g, o, i_f, g_c, c, tc_t, h in zip(
            each(z[:-1]), each(e), each(e[:, :3 * n]), each(e[:, 3 * n:]), each(s[:, :3 * n]), each(s[:, 3 * n:4 * n]),
            each(s[:, :n]), each(s[:, n:3 * n]), each(s[:, 3 * n:]), each(s[1:, 4 * n:]), each(tc), each(z[1:, :n]),
            strict=False):
        M.dot(z_t, a)                                       # -a_o, -a_i, -a_f, a_g
        exp(e_t, e_t)
        add(e_t, one, gates)
        inverse(gates, gates)                               # o, i, f = 1 / (1 + e^-a)
        tanh(a_g, g)
        multiply(i_f, g_c, both)
        add(kept, written, c)                               # c' = f ∘ c + i ∘ g
        tanh(c, tc_t)
        multiply(o, tc_t, h)                                # h' = o ∘ tanh(c')


class LSTMBack(ColumnsBack):
    """``d[t]`` holds ``dc d_o d_i d_f d_g``: all that reaches ``c'``, and the gradients of the pre-activations."""

    def __init__(self, run, direct):
        n = run.step.n
        self.W, self._to_x = ordered(run.p["W"], n, *INSIDE), (ordered(run.p["U"], n, *INSIDE), slice(n, None))
        super().__init__(run, direct)

    def _coefficients(self, steps):
        run, d, n = self.run, self.d[steps], self.run.step.n
        e, s, tc = run.e[steps], run.s[steps], run.tc[steps]
        of_c, of_gates, of_o, of_if, of_g = (d[:, :n], d[:, n:4 * n], d[:, n:2 * n], d[:, 2 * n:4 * n], d[:, 4 * n:])
        tanh_slope(tc, run.s[1:][steps][:, 4 * n:], of_c)
        of_c *= s[:, :n]                                    # o ∘ tanh'(c')
        np.multiply(e[:, :3 * n], s[:, :3 * n], of_gates)
        of_gates *= s[:, :3 * n]                            # σ' = e σ²
        of_o *= tc                                          # tanh(c') ∘ σ'(a_o)
        of_if *= s[:, 3 * n:]                               # g ∘ σ'(a_i), c ∘ σ'(a_f)
        tanh_slope(s[:, 3 * n:4 * n], e[:, 3 * n:], of_g)
        of_g *= s[:, n:2 * n]                               # i ∘ tanh'(a_g)

    def _plain(self, steps, g, G, extras):
        d, n, W, add, multiply = self.d[steps][::-1], self.run.step.n, self.W, np.add, np.multiply
        G, f = G[::-1], self.run.s[steps][::-1, 2 * n:3 * n]
        gh, gc = each(g[None, :n])[0], each(g[None, n:])[0]
        two, three = spread(d[:, :2 * n], n), spread(d[:, :3 * n], n)
        for of_h, dc, of_c, d_t, f_t, h, c, extra in zip(
                each(blocks(d[:, :2 * n], n)), each(d[:, :n]), each(blocks(d[:, 2 * n:], n)), each(d[:, n:]), each(f),
                each(G[:, :n]), each(G[:, n:]), extras, strict=True):
            if two is not None:
                two[...] = gh
                gh = two
            multiply(of_h, gh, of_h)                        # gh ∘ o ∘ tanh'(c'), and d_o
            add(dc, gc, dc)                                 # dc = gc + that
            multiply(f_t, dc, c)                            # ∂L/∂c = dc ∘ f
            if three is not None:
                three[...] = dc
                dc = three
            multiply(of_c, dc, of_c)                        # d_i, d_f, d_g
            W.dot(d_t, h)                                   # ∂L/∂h = d Wᵀ
            if extra is not None:
                h += extra[:n].reshape(h.shape)
                c += extra[n:].reshape(c.shape)
            gh, gc = h, c

    def _carried(self, t):
        d, n = self.d[t], self.run.step.n
        return np.concatenate([self.W @ d[n:], d[:n] * self.run.s[t, 2 * n:3 * n]])

    def _products(self, steps):
        d, h, x, ones = self._sides(steps)
        n, d = self.run.step.n, d[self.run.step.n:].T
        return {"W": ordered(h.dot(d), n, *OUTSIDE), "U": ordered(x.dot(d), n, *OUTSIDE),
                "b": ordered(ones.dot(d), n, *OUTSIDE)}

    def _logs(self):
        d = T(self.d[:, self.run.step.n:])
        h, x, b = T(self.run.columns()), self.run.x, log_norms(d.sum(axis=1))
        if len(self.end) == 1:                              # of one row each: the norm of the product is the product
            return {"W": log_norms(h) + b, "U": log_norms(x) + b, "b": b}
        dd = gram(d)
        return {"W": log_outer(h, d, dd), "U": log_outer(x, d, dd), "b": b}


class LSTMPullbacks(FusedPullbacks):
    """The pullbacks of a fused LSTM, with the columns ``z``, ``e``, ``s`` and ``tc`` of the way forward."""

    back = LSTMBack

    def __init__(self, step, p, h, x, z, e, s, tc):
        super().__init__(step, p, h, x)
        self.z, self.e, self.s, self.tc = z, e, s, tc

    def columns(self, steps=slice(None)):
        """The states that go into these steps."""
        return self.z[:-1][steps]
