"""The fast way through an unrolled GRU, equal to the readable step :class:`~gradtrace.GRU`. See ``lstm.py``.

``keep`` is what multiplies the old state, ``σ(a_z)`` or ``σ(-a_z)``; ``e`` holds the ``e^-a`` of ``keep`` and of ``r``.
"""

import numpy as np

from ...steps.arrays import T
from ...steps.recurrent import GRU
from ..path import FUSED
from .columns import ColumnsBack, blocks, each, in_range, ordered, side_by_side, spread
from .deferred import gram, log_norms, log_outer, rows
from .wayback import FusedPullbacks, applies, block, tanh_slope


def _sign(step):
    return 1 if step.keep == "z" else -1


@np.errstate(all="ignore")
def forward_gru(path, h0):
    """What ``forward(path, h0)`` returns, or ``None`` where this is no case for the fast way or a state overflows."""
    step, p, x = path.step, path.p, path.x
    if not applies(step, p, x, h0):
        return None
    steps, B, _ = x.shape
    n, p, empty = step.n, path.own(), lambda *shape: np.empty(shape, h0.dtype)
    e, a, s = (empty(steps, 3 * n, B), empty(steps, n, B),                              # [e_z e_r q], a
               empty(steps + 1, 4 * n + 1, B))                                          # [keep r g h 1]
    s[0, 3 * n:-1], s[:, -1] = h0.T, 1
    size, walk = min(steps, block(B, n)), _reset_after if step.reset == "after" else _reset_before
    buffer, M, U, b = empty(size, 3 * n, B), _matrix(step, p), _turned(step, p["U"]), _turned(step, p["b"])
    for start in range(0, steps, size):
        part, u = slice(start, start + size), buffer[:steps - start]
        if B == 1:
            rows(x[part]).dot(U.T, u[..., 0])
        else:
            np.matmul(U, T(x[part]), u)
        u += b[:, None]
        walk(n, M, u, e[part], a[part], s[start:start + size + 1])
    h = np.ascontiguousarray(T(s[:, 3 * n:-1]))
    if not (np.isfinite(h[-1]).all() and in_range(e[:, :2 * n]) and np.isfinite(a).all()):
        return None
    return h, GRUPullbacks(step, p, h, x, e, a, s)


FUSED[GRU] = forward_gru


def _turned(step, W):
    """Columns r z g as rows z r g, the first two with the signs that ``e^-a`` needs."""
    n = step.n
    M = np.ascontiguousarray(ordered(W, n, 1, 0, 2).T)
    M[:n] *= -_sign(step)
    np.negative(M[n:2 * n], M[n:2 * n])
    return M


def _matrix(step, p):
    """What ``[h; 1]`` is multiplied by where the reset gate acts after, ``h`` where it acts before."""
    M = _turned(step, p["W"])
    if step.reset == "before":
        return M
    b_rec = np.concatenate([np.zeros(2 * step.n, M.dtype), p["b_rec"]])
    return np.concatenate([M, b_rec[:, None]], axis=1)


def _reset_after(n, M, u, e, a, s):
    """Fill ``e``, ``a`` and ``s`` of these steps: ``q = h V + b_rec``, ``a = x U + b + r ∘ q``."""
    add, multiply, exp, tanh, inverse, one = np.add, np.multiply, np.exp, np.tanh, np.reciprocal, np.ones((), u.dtype)
    mixed = np.empty_like(each(a[:1])[0])
    for u_gates, u_g, made, e_t, e_z, q, a_t, gates, keep, r, g, h, h_1, new in zip(
            each(u[:, :2 * n]), each(u[:, 2 * n:]), each(e), each(e[:, :2 * n]), each(e[:, :n]), each(e[:, 2 * n:]),
            each(a), each(s[:, :2 * n]), each(s[:, :n]), each(s[:, n:2 * n]), each(s[:, 2 * n:3 * n]),
            each(s[:, 3 * n:-1]), each(s[:, 3 * n:]), each(s[1:, 3 * n:-1]), strict=False):
        M.dot(h_1, made)
        add(e_t, u_gates, e_t)
        exp(e_t, e_t)
        add(e_t, one, gates)
        inverse(gates, gates)                               # keep, r = 1 / (1 + e)
        multiply(r, q, a_t)
        add(a_t, u_g, a_t)
        tanh(a_t, g)
        multiply(e_z, g, mixed)                             # 1 - keep = e keep, so that no digit is lost
        add(mixed, h, mixed)
        multiply(mixed, keep, new)                          # h' = keep ∘ h + (1 - keep) ∘ g


def _reset_before(n, M, u, e, a, s):
    """Fill ``e``, ``a`` and ``s`` of these steps: ``q = r ∘ h``, ``a = x U + b + q V``."""
    add, multiply, exp, tanh, inverse, one = np.add, np.multiply, np.exp, np.tanh, np.reciprocal, np.ones((), u.dtype)
    M, V, mixed = M[:2 * n], M[2 * n:], np.empty_like(each(a[:1])[0])
    for u_gates, u_g, e_t, e_z, q, a_t, gates, keep, r, g, h, new in zip(
            each(u[:, :2 * n]), each(u[:, 2 * n:]), each(e[:, :2 * n]), each(e[:, :n]), each(e[:, 2 * n:]), each(a),
            each(s[:, :2 * n]), each(s[:, :n]), each(s[:, n:2 * n]), each(s[:, 2 * n:3 * n]), each(s[:, 3 * n:-1]),
            each(s[1:, 3 * n:-1]), strict=False):
        M.dot(h, e_t)
        add(e_t, u_gates, e_t)
        exp(e_t, e_t)
        add(e_t, one, gates)
        inverse(gates, gates)                               # keep, r = 1 / (1 + e)
        multiply(r, h, q)
        V.dot(q, a_t)
        add(a_t, u_g, a_t)
        tanh(a_t, g)
        multiply(e_z, g, mixed)                             # 1 - keep = e keep, so that no digit is lost
        add(mixed, h, mixed)
        multiply(mixed, keep, new)                          # h' = keep ∘ h + (1 - keep) ∘ g


class GRUBack(ColumnsBack):
    """``d[t]`` holds ``g ∘ keep, d_g, d_z, d_r, d_q``; the last is ``d_q ∘ r`` where the reset gate acts before."""

    def __init__(self, run, direct):
        n, W = run.step.n, run.p["W"]
        self.W, self.V = ordered(W, n, 1, 0), W[:, 2 * n:].copy()
        if run.step.reset == "after":
            self.W = ordered(W, n, 1, 0, 2)
        self._to_x = ordered(run.p["U"], n, 2, 1, 0), slice(n, 4 * n)
        super().__init__(run, direct)

    def _coefficients(self, steps):
        run, d, n = self.run, self.d[steps], self.run.step.n
        e, q, s = run.e[steps, :2 * n], run.e[steps, 2 * n:], run.s[:-1][steps]
        keep, r, g, h = (s[:, k * n:(k + 1) * n] for k in range(4))
        kept, of_g, of_z, of_r, of_q = (d[:, k * n:(k + 1) * n] for k in range(5))
        np.multiply(e, s[:, :2 * n], gates := d[:, 2 * n:4 * n])
        tanh_slope(g, run.a[steps], of_g)
        of_g *= of_z                                        # (1 - keep) ∘ tanh'(a)
        gates *= s[:, :2 * n]                               # σ' = e σ²
        of_z *= np.subtract(h, g, kept) if run.step.keep == "z" else np.subtract(g, h, kept)
        kept[:] = keep
        if run.step.reset == "after":
            np.multiply(of_g, r, of_q)                      # d_q = d_g ∘ r
            of_r *= q
            of_r *= of_g                                    # d_r = d_g ∘ q ∘ σ'(a_r)
        else:
            of_q[:] = r
            of_r *= h                                       # d_r = d_q ∘ h ∘ σ'(a_r)

    def _plain(self, *walk):
        (self._after if self.run.step.reset == "after" else self._before)(*walk)

    def _after(self, steps, g, G, extras):
        d, n, W, add, multiply = self.d[steps][::-1], self.run.step.n, self.W, np.add, np.multiply
        old, five = each(g[None])[0], spread(d, n)
        for d_t, kept, d_zrq, new, extra in zip(each(blocks(d, n)), each(d[:, :n]), each(d[:, 2 * n:]), each(G[::-1]),
                                                extras, strict=True):
            if five is not None:
                five[...] = old
                old = five
            multiply(d_t, old, d_t)                         # all five are multiples of g
            W.dot(d_zrq, new)
            add(new, kept, new)                             # ∂L/∂h = g ∘ keep + [d_z d_r d_q] Wᵀ
            if extra is not None:
                new += extra.reshape(new.shape)
            old = new

    def _before(self, steps, g, G, extras):
        d, n, W, V, add, multiply = self.d[steps][::-1], self.run.step.n, self.W, self.V, np.add, np.multiply
        old = each(g[None])[0]
        d_q = np.empty_like(old)
        for of_g, d_g, of_q, kept, d_zr, d_qr, new, extra in zip(
                each(blocks(d[:, :3 * n], n)), each(d[:, n:2 * n]), each(blocks(d[:, 3 * n:], n)), each(d[:, :n]),
                each(d[:, 2 * n:4 * n]), each(d[:, 4 * n:]), each(G[::-1]), extras, strict=True):
            multiply(of_g, old, of_g)                       # g ∘ keep, d_g, d_z
            V.dot(d_g, d_q)                                 # d_q = d_g Vᵀ
            multiply(of_q, d_q, of_q)                       # d_r, d_q ∘ r
            W.dot(d_zr, new)
            add(new, kept, new)
            add(new, d_qr, new)                             # ∂L/∂h = g ∘ keep + [d_z d_r] Wᵀ + d_q ∘ r
            if extra is not None:
                new += extra.reshape(new.shape)
            old = new

    def _carried(self, t):
        d, n = self.d[t], self.run.step.n
        if self.run.step.reset == "after":
            return self.W @ d[2 * n:] + d[:n]
        return self.W @ d[2 * n:4 * n] + d[:n] + d[4 * n:]

    def _products(self, steps):
        d, h, x, ones = self._sides(steps)
        n, after, d = self.run.step.n, self.run.step.reset == "after", d[self.run.step.n:].T
        gates = d[:, n:3 * n]
        if after:
            W = ordered(h.dot(d[:, n:]), n, 1, 0, 2)
        else:
            V = side_by_side(self.run.e[steps, 2 * n:]).dot(d[:, :n])
            W = np.concatenate([ordered(h.dot(gates), n, 1, 0), V], axis=1)
        b = ones.dot(d)
        return {"W": W, "U": ordered(x.dot(d[:, :3 * n]), n, 2, 1, 0), "b": ordered(b, n, 2, 1, 0)} | (
            {"b_rec": b[3 * n:]} if after else {})

    def _logs(self):
        n, after, d = self.run.step.n, self.run.step.reset == "after", T(self.d)
        h, x, one = T(self.run.columns()), self.run.x, len(self.end) == 1
        of = lambda a, d: log_norms(a) + log_norms(d) if one else log_outer(a, d, gram(d))
        if after:
            W = of(h, d[..., 2 * n:])
        else:
            W = 0.5 * np.logaddexp(2 * of(h, d[..., 2 * n:4 * n]), 2 * of(T(self.run.e[:, 2 * n:]), d[..., n:2 * n]))
        sums = d.sum(axis=1)
        return {"W": W, "U": of(x, d[..., n:4 * n]), "b": log_norms(sums[:, n:4 * n])} | (
            {"b_rec": log_norms(sums[:, 4 * n:])} if after else {})


class GRUPullbacks(FusedPullbacks):
    """The pullbacks of a fused GRU, with the columns ``e``, ``a`` and ``s`` of the way forward."""

    back = GRUBack

    def __init__(self, step, p, h, x, e, a, s):
        super().__init__(step, p, h, x)
        self.e, self.a, self.s = e, a, s

    def columns(self, steps=slice(None)):
        """The states that go into these steps."""
        return self.s[:-1, 3 * self.step.n:-1][steps]
