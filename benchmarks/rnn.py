"""The contestants at a plain tanh RNN, ``L = Σ g ⊙ h_T``: gradients of W, U, b and h_0, and ln ‖∂L/∂h_t‖ for all t.

Each contestant is a function of a :class:`Problem` that prepares once and returns the call to be timed. A call
returns the gradients and the norms by name; ``nn.RNN`` and the floor cannot trace and return less.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradtrace import RNN, backward, forward, trace, unroll
from gradtrace.tracing.fast.deferred import log_norms
from gradtrace.tracing.path import Path

GOALS = {                                                     # ratios ours / peer to reach, by (T, n, B)
    (50, 32, 1): {"best traced PyTorch": 0.13, "PyTorch RNNCell, retained gradients": 0.06, "JAX, jit": 1.05},
    (100, 64, 32): {"best traced PyTorch": 0.47, "JAX, jit": 0.75},
    (100, 256, 64): {"best traced PyTorch": 0.87, "JAX, jit": 0.75, "floor": 1.05},
}
TRACED = ("PyTorch RNNCell, retained gradients", "PyTorch, differentiated by hand",
          "PyTorch, by hand and in place")


@dataclass(frozen=True)
class Problem:
    """Random data of one size; inputs are as wide as the state."""

    T: int
    n: int
    B: int

    @cached_property
    def data(self):
        """``W, U, b, x, h0, g``, with ``‖W‖₂`` below 1 so that rounding is not amplified."""
        rng = np.random.default_rng(0)
        normal = lambda *shape: rng.standard_normal(shape)
        W = normal(self.n, self.n)
        return (0.9 * W / np.linalg.norm(W, 2), normal(self.n, self.n) / self.n**0.5, 0.1 * normal(self.n),
                normal(self.T, self.B, self.n), 0.5 * normal(self.B, self.n), normal(self.B, self.n))


def ours(problem):
    W, U, b, x, h0, g = problem.data
    cell, p = RNN(problem.n, problem.n), {"W": W, "U": U, "b": b}

    def call():
        h, vjps = forward(unroll(cell, p, x), h0)
        log = trace(vjps, g)
        return {**log.grads.shared(), "h0": log.grads.h[0], "log_h": log.log_h}
    return call


def readable(problem):
    W, U, b, x, h0, g = problem.data
    cell, p = RNN(problem.n, problem.n), {"W": W, "U": U, "b": b}

    def call():
        h, vjps = forward(Path(tuple(unroll(cell, p, x))), h0)
        grads, log = backward(vjps, g), trace(vjps, g)
        return {**grads.shared(), "h0": grads.h[0], "log_h": log.log_h}
    return call


def floor(problem):
    """The same matrix products and tanh, nothing else; the numbers mean nothing."""
    T, n, B = problem.T, problem.n, problem.B
    W, U, b, x, h0, g = problem.data

    def call():
        h, a = np.empty((T + 1, B, n)), np.empty((B, n))
        h[0] = h0
        WF, WT = np.asfortranarray(W), W.T                    # this order of W is the faster one for h W
        x.reshape(-1, n).dot(U)
        for old, new in zip(list(h[:-1]), list(h[1:]), strict=True):
            old.dot(WF, a)
            np.tanh(a, new)
        for d in list(h[1:]):
            d.dot(WT, a)
        d = h[1:].reshape(-1, n)
        return {"W": h[:-1].reshape(-1, n).T.dot(d), "U": x.reshape(-1, n).T.dot(d)}
    return call


def torch_cells(problem):
    import torch
    W, U, b, x, h0, g = map(torch.tensor, problem.data)
    cell = torch.nn.RNNCell(problem.n, problem.n, dtype=torch.float64)
    _load(cell, W, U, b, "")

    def call():
        cell.zero_grad(set_to_none=True)
        h = [h0.clone().requires_grad_()]
        for x_t in x:
            h.append(cell(x_t, h[-1]))
            h[-1].retain_grad()
        (h[-1] * g).sum().backward()
        log_h = torch.stack([h_t.grad for h_t in h]).flatten(1).norm(dim=1).log()
        return {"W": cell.weight_hh.grad.T, "U": cell.weight_ih.grad.T, "b": cell.bias_ih.grad,
                "h0": h[0].grad, "log_h": log_h}
    return call


def torch_by_hand(problem):
    """As the formulas read."""
    import torch
    n = problem.n
    W, U, b, x, h0, g = map(torch.tensor, problem.data)

    @torch.no_grad()
    def call():
        h, gs, ds = [h0], [g], []
        for a in x @ U + b:
            h.append(torch.tanh(h[-1] @ W + a))
        for h_t in reversed(h[1:]):
            ds.append(gs[-1] * (1 - h_t**2))
            gs.append(ds[-1] @ W.T)
        d, h, gs = torch.stack(ds[::-1]).view(-1, n), torch.stack(h), torch.stack(gs[::-1])
        return {"W": h[:-1].view(-1, n).T @ d, "U": x.view(-1, n).T @ d, "b": d.sum(0), "h0": gs[0],
                "log_h": torch.linalg.vector_norm(gs, dim=(1, 2)).log()}
    return call


def torch_in_place(problem):
    """The same, with every allocation and operation saved that can be."""
    import torch
    T, n, B = problem.T, problem.n, problem.B
    W, U, b, x, h0, g = map(torch.tensor, problem.data)

    @torch.inference_mode()
    def call():
        h, G = torch.empty(T + 1, B, n, dtype=W.dtype), torch.empty(T + 1, B, n, dtype=W.dtype)
        h[0], G[T] = h0, g
        hs, gs, WT = h.unbind(), G.unbind(), W.T
        for t, a in enumerate(torch.addmm(b, x.view(-1, n), U).view(T, B, n).unbind()):
            torch.addmm(a, hs[t], W, out=hs[t + 1]).tanh_()
        d = 1 - h[1:] ** 2
        for t, d_t in reversed(list(enumerate(d.unbind()))):
            torch.mm(d_t.mul_(gs[t + 1]), WT, out=gs[t])
        d = d.view(-1, n)
        return {"W": h[:-1].view(-1, n).T @ d, "U": x.view(-1, n).T @ d, "b": d.sum(0), "h0": gs[0],
                "log_h": torch.linalg.vector_norm(G, dim=(1, 2)).log()}
    return call


def torch_rnn(problem):
    import torch
    W, U, b, x, h0, g = map(torch.tensor, problem.data)
    net = torch.nn.RNN(problem.n, problem.n, dtype=torch.float64)
    _load(net, W, U, b, "_l0")

    def call():
        net.zero_grad(set_to_none=True)
        start = h0[None].clone().requires_grad_()
        (net(x, start)[0][-1] * g).sum().backward()
        return {"W": net.weight_hh_l0.grad.T, "U": net.weight_ih_l0.grad.T, "b": net.bias_ih_l0.grad,
                "h0": start.grad[0]}
    return call


def _load(net, W, U, b, suffix):
    import torch
    torch.set_num_threads(1)
    with torch.no_grad():
        for name, value in (("weight_hh", W.T), ("weight_ih", U.T), ("bias_ih", b), ("bias_hh", 0 * b)):
            getattr(net, name + suffix).copy_(value)


def jax_jit(problem):
    """Autodiff: a zero added to every state has ``∂L/∂h_t`` for its gradient."""
    import jax
    import jax.numpy as jnp
    W, U, b, x, h0, g = map(jnp.asarray, problem.data)

    def loss(p, h0, zero, x, g):
        def step(h, at):
            a, zero = at
            return jnp.tanh(h @ p["W"] + a) + zero, None
        return (jax.lax.scan(step, h0, (x @ p["U"] + p["b"], zero))[0] * g).sum()

    @jax.jit
    def run(p, h0, x, g):
        p, h0, G = jax.grad(loss, (0, 1, 2))(p, h0, jnp.zeros_like(x[:, :, :1] * h0), x, g)
        G = jnp.concatenate([h0[None], G]).reshape(len(x) + 1, -1)
        return {**p, "h0": h0, "log_h": jnp.log(jnp.linalg.norm(G, axis=1))}
    return lambda: jax.block_until_ready(run({"W": W, "U": U, "b": b}, h0, x, g))


def jax_by_hand(problem):
    import jax
    import jax.numpy as jnp
    n = problem.n
    W, U, b, x, h0, g = map(jnp.asarray, problem.data)

    @jax.jit
    def run(p, h0, x, g):
        def step(h, a):
            h = jnp.tanh(h @ p["W"] + a)
            return h, h
        def back(g, h):
            d = g * (1 - h * h)
            g = d @ p["W"].T
            return g, (d, g)
        h = jnp.concatenate([h0[None], jax.lax.scan(step, h0, x @ p["U"] + p["b"])[1]])
        d, G = jax.lax.scan(back, g, h[1:], reverse=True)[1]
        G, d = jnp.concatenate([G, g[None]]), d.reshape(-1, n)
        return {"W": h[:-1].reshape(-1, n).T @ d, "U": x.reshape(-1, n).T @ d, "b": d.sum(0), "h0": G[0],
                "log_h": jnp.log(jnp.linalg.norm(G.reshape(len(G), -1), axis=1))}
    return lambda: jax.block_until_ready(run({"W": W, "U": U, "b": b}, h0, x, g))


def parts(problem):
    """The gradient, the norms of as many states, and the norms of every step's contribution to W, U and b."""
    W, U, b, x, h0, g = problem.data
    h, vjps = forward(unroll(RNN(problem.n, problem.n), {"W": W, "U": U, "b": b}, x), h0)
    back = trace(vjps, g).back
    return {"gradient": ours(problem), "norms of the states": lambda: log_norms(h[1:]),
            "norms of each step's share": back.log_shares}


CONTESTANTS = {
    "ours": ours,
    "readable loop": readable,
    "floor": floor,
    "PyTorch RNNCell, retained gradients": torch_cells,
    "PyTorch, differentiated by hand": torch_by_hand,
    "PyTorch, by hand and in place": torch_in_place,
    "PyTorch nn.RNN, no trace": torch_rnn,
    "JAX, jit": jax_jit,
    "JAX, differentiated by hand, jit": jax_by_hand,
}
