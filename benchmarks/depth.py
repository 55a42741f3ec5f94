"""The contestants at deep nets, ``L = Σ g ⊙ h_T``: gradients of all W and b and of h_0, and ln ‖∂L/∂h_t‖ for all t.

Plain nets ``h' = tanh(h W + b)`` and residual ones ``h' = h + tanh(h W + b)``; see :mod:`benchmarks.rnn`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradtrace import Dense, Residual, deep, forward, trace

GOALS = {                                                     # ratios ours / peer to reach, by (depth, n, B)
    (50, 64, 64): {"best traced PyTorch": 0.45, "floor": 1.2},
    (200, 256, 64): {"best traced PyTorch": 0.83, "floor": 1.2},
}
TRACED = ("PyTorch, retained gradients", "PyTorch, hooks")


@dataclass(frozen=True)
class Problem:
    """Random data of one size."""

    T: int
    n: int
    B: int
    residual: bool = False

    @cached_property
    def data(self):
        """``W, b, h0, g``; orthogonal matrices, so that nothing fades fast."""
        rng = np.random.default_rng(0)
        normal = lambda *shape: rng.standard_normal(shape)
        W = np.linalg.qr(normal(self.T, self.n, self.n))[0]
        return ((0.1 * W if self.residual else W), 0.1 * normal(self.T, self.n), normal(self.B, self.n),
                normal(self.B, self.n))


def ours(problem):
    W, b, h0, g = problem.data
    step = Dense(problem.n, problem.n)
    step = Residual(step) if problem.residual else step
    params = [{"W": W_t, "b": b_t} for W_t, b_t in zip(W, b, strict=True)]

    def call():
        h, vjps = forward(deep(step, params), h0)
        log = trace(vjps, g)
        grads = log.grads
        return {"W": [p["W"] for p in grads.p], "b": [p["b"] for p in grads.p], "h0": grads.h[0], "log_h": log.log_h}
    return call


def floor(problem):
    """The same matrix products and tanh, nothing else; the numbers mean nothing."""
    W, b, h0, g = problem.data

    def call():
        h, dW, a = np.empty((len(W) + 1, *h0.shape)), np.empty_like(W), np.empty_like(h0)
        h[0] = h0
        for W_t, old, new in zip(list(W), list(h[:-1]), list(h[1:]), strict=True):
            old.dot(W_t, a)
            np.tanh(a, new)
        for W_t, dW_t, h_t in zip(list(W), list(dW), list(h[1:]), strict=True):
            h_t.T.dot(a, dW_t)
            h_t.dot(W_t.T, a)
        return {"W": dW}
    return call


def torch_retained(problem):
    return _torch(problem, lambda h, grads: h.retain_grad(), lambda h, grads: [h_t.grad for h_t in h])


def torch_hooks(problem):
    """Each hook hands its gradient over as it comes by."""
    return _torch(problem, lambda h, grads: h.register_hook(grads.append), lambda h, grads: grads[::-1])


def torch_plain(problem):
    return _torch(problem, lambda h, grads: None, None)


def _torch(problem, watch, watched):
    import torch
    torch.set_num_threads(1)
    W, b, h0, g = map(torch.tensor, problem.data)
    net = [torch.nn.Linear(problem.n, problem.n, dtype=W.dtype) for _ in W]
    with torch.no_grad():
        for layer, W_t, b_t in zip(net, W, b, strict=True):
            layer.weight.copy_(W_t.T)
            layer.bias.copy_(b_t)

    def call():
        for layer in net:
            layer.weight.grad = layer.bias.grad = None
        h, grads = [h0.clone().requires_grad_()], []
        watch(h[0], grads)
        for layer in net:
            f = torch.tanh(layer(h[-1]))
            h.append(h[-1] + f if problem.residual else f)
            watch(h[-1], grads)
        (h[-1] * g).sum().backward()
        log = {"log_h": torch.stack(watched(h, grads)).flatten(1).norm(dim=1).log()} if watched else {}
        return {"W": [layer.weight.grad.T for layer in net], "b": [layer.bias.grad for layer in net],
                "h0": h[0].grad, **log}
    return call


def jax_jit(problem):
    """A scan over the layers; a zero added to every state has ``∂L/∂h_t`` for its gradient."""
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)
    W, b, h0, g = map(jnp.asarray, problem.data)

    def loss(W, b, h0, zero, g):
        def layer(h, at):
            W, b, zero = at
            f = jnp.tanh(h @ W + b)
            return (h + f if problem.residual else f) + zero, None
        return (jax.lax.scan(layer, h0, (W, b, zero))[0] * g).sum()

    @jax.jit
    def run(W, b, h0, g):
        dW, db, dh0, G = jax.grad(loss, (0, 1, 2, 3))(W, b, h0, jnp.zeros((len(W), *h0.shape)), g)
        G = jnp.concatenate([dh0[None], G]).reshape(len(W) + 1, -1)
        return {"W": dW, "b": db, "h0": dh0, "log_h": jnp.log(jnp.linalg.norm(G, axis=1))}
    return lambda: jax.block_until_ready(run(W, b, h0, g))


CONTESTANTS = {
    "ours": ours,
    "floor": floor,
    "PyTorch, retained gradients": torch_retained,
    "PyTorch, hooks": torch_hooks,
    "PyTorch, no trace": torch_plain,
    "JAX, jit": jax_jit,
}
