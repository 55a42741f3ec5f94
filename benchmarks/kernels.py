"""A hundred products ``h ← h W`` and nothing else: what a library's product costs, and at 1 × 1 a call of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

SIZES = ((1, 1), (1, 32), (32, 64), (64, 256))                  # B, n
TIMES = 100


@dataclass(frozen=True)
class Problem:
    """``B`` rows of width ``n``."""

    B: int
    n: int

    @cached_property
    def data(self):
        """``h`` and an orthogonal ``W``, so that ``h`` keeps its size."""
        rng = np.random.default_rng(0)
        return rng.standard_normal((self.B, self.n)), np.linalg.qr(rng.standard_normal((self.n, self.n)))[0]


def in_numpy(problem):
    h0, W = problem.data
    W, a, b = np.asfortranarray(W), np.empty_like(h0), np.empty_like(h0)

    def call():
        h0.dot(W, a)
        for _ in range(TIMES // 2 - 1):
            a.dot(W, b)
            b.dot(W, a)
        a.dot(W, b)
        return {"h": b}
    return call


def in_torch(problem):
    import torch
    torch.set_num_threads(1)
    h0, W = map(torch.tensor, problem.data)
    a, b = torch.empty_like(h0), torch.empty_like(h0)

    @torch.inference_mode()
    def call():
        torch.mm(h0, W, out=a)
        for _ in range(TIMES // 2 - 1):
            torch.mm(a, W, out=b)
            torch.mm(b, W, out=a)
        torch.mm(a, W, out=b)
        return {"h": b}
    return call


def in_jax(problem):
    import jax
    import jax.numpy as jnp
    h0, W = map(jnp.asarray, problem.data)
    run = jax.jit(lambda h, W: jax.lax.scan(lambda h, _: (h @ W, None), h, None, length=TIMES)[0])
    return lambda: {"h": jax.block_until_ready(run(h0, W))}


CONTESTANTS = {"numpy": in_numpy, "PyTorch": in_torch, "JAX, jit": in_jax}
