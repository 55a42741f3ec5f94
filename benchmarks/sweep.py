"""The contestants at a sweep: one tanh RNN at many gains of W and U, and ln ‖∂L/∂h_t‖ for every gain and all t.

``L = Σ g ⊙ h_T`` at every gain. No gradients of weights are made, as nobody needs them for a curve.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradtrace import RNN, forward, trace, unroll
from gradtrace.tracing.path import Path

GOALS = {(100, 64, 1, 41): {"loop over the gains": 0.10, "JAX, vmap and jit": 0.6, "PyTorch, bmm": 0.23}}


@dataclass(frozen=True)
class Problem:
    """Random data of one size; inputs are as wide as the state."""

    T: int
    n: int
    B: int
    gains: int

    @cached_property
    def data(self):
        """``W, U, b, x, h0, g`` with ``W`` and ``U`` of shape ``(gains, n, n)``; all gains below 1."""
        rng = np.random.default_rng(0)
        normal = lambda *shape: rng.standard_normal(shape)
        gain = np.linspace(0.5, 0.95, self.gains)[:, None, None]
        W = np.linalg.qr(normal(self.n, self.n))[0]
        return (gain * W, gain * normal(self.n, self.n) / self.n**0.5, 0.1 * normal(self.n),
                normal(self.T, self.B, self.n), 0.5 * normal(self.B, self.n), normal(self.gains, self.B, self.n))


def ours(problem):
    W, U, b, x, h0, g = problem.data
    cell, p = RNN(problem.n, problem.n), {"W": W, "U": U, "b": b}
    return lambda: {"log_h": trace(forward(unroll(cell, p, x), h0)[1], g).log_h}


def readable(problem):
    W, U, b, x, h0, g = problem.data
    path = Path(tuple(unroll(RNN(problem.n, problem.n), {"W": W, "U": U, "b": b}, x)))
    return lambda: {"log_h": trace(forward(path, h0)[1], g).log_h}


def loop(problem):
    """One fast run after the other."""
    W, U, b, x, h0, g = problem.data
    cell = RNN(problem.n, problem.n)

    def call():
        runs = [trace(forward(unroll(cell, {"W": W_i, "U": U_i, "b": b}, x), h0)[1], g_i).log_h
                for W_i, U_i, g_i in zip(W, U, g, strict=True)]
        return {"log_h": np.stack(runs, axis=1)}
    return call


def naive(problem):
    """The formulas as they read, gain by gain."""
    W, U, b, x, h0, g = problem.data

    def call():
        logs = []
        for W_i, U_i, G in zip(W, U, g, strict=True):
            h, log = [h0], [np.log(np.linalg.norm(G))]
            for x_t in x:
                h.append(np.tanh(h[-1] @ W_i + x_t @ U_i + b))
            for h_t in reversed(h[1:]):
                G = (G * (1 - h_t**2)) @ W_i.T
                log.append(np.log(np.linalg.norm(G)))
            logs.append(log[::-1])
        return {"log_h": np.array(logs).T}
    return call


def torch_bmm(problem):
    """By hand and in place, all gains in one batched product."""
    import torch
    torch.set_num_threads(1)
    W, U, b, x, h0, g = map(torch.tensor, problem.data)
    shape = (problem.T + 1, *g.shape)

    @torch.inference_mode()
    def call():
        h, G = torch.empty(shape, dtype=W.dtype), torch.empty(shape, dtype=W.dtype)
        h[0], G[-1] = h0, g
        hs, gs, WT = h.unbind(), G.unbind(), W.transpose(1, 2)
        all_x = x.reshape(1, -1, x.shape[-1]).expand(len(U), -1, -1)           # one product for each gain
        for t, a in enumerate(torch.baddbmm(b, all_x, U).view(len(U), *x.shape).unbind(1)):
            torch.baddbmm(a, hs[t], W, out=hs[t + 1]).tanh_()
        for t, d_t in reversed(list(enumerate((1 - h[1:] ** 2).unbind()))):
            torch.bmm(d_t.mul_(gs[t + 1]), WT, out=gs[t])
        return {"log_h": torch.linalg.vector_norm(G, dim=(2, 3)).log()}
    return call


def jax_vmap(problem):
    import jax
    import jax.numpy as jnp
    W, U, b, x, h0, g = map(jnp.asarray, problem.data)

    def log_h(W, U, g):
        def step(h, a):
            h = jnp.tanh(h @ W + a)
            return h, h
        def back(g, h):
            g = (g * (1 - h * h)) @ W.T
            return g, g
        h = jax.lax.scan(step, h0, x @ U + b)[1]
        G = jnp.concatenate([jax.lax.scan(back, g, h, reverse=True)[1], g[None]])
        return jnp.log(jnp.linalg.norm(G.reshape(len(G), -1), axis=1))

    run = jax.jit(jax.vmap(log_h, out_axes=1))
    return lambda: jax.block_until_ready({"log_h": run(W, U, g)})


CONTESTANTS = {
    "ours": ours,
    "readable loop over time, gains by broadcasting": readable,
    "ours, a loop over the gains": loop,
    "loop over the gains": naive,
    "PyTorch, bmm": torch_bmm,
    "JAX, vmap and jit": jax_vmap,
}
