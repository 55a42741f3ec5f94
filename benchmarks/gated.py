"""The contestants at an LSTM and a GRU (reset after, keep z), as in ``rnn.py``: the same results of ``L = Σ g ⊙ h_T``.

The LSTM's state is ``[h | c]``, and the loss reads both halves. ``of(cell)`` gives what ``__main__`` asks of a cell.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from types import SimpleNamespace

import numpy as np

from gradtrace import GRU, LSTM, backward, forward, trace, unroll
from gradtrace.tracing.fast.deferred import log_norms
from gradtrace.tracing.path import Path

CELLS = {"LSTM": LSTM, "GRU": GRU}
MIDDLE = {"best traced PyTorch": 0.57, "JAX, jit": 0.9}
LARGE = {"best traced PyTorch": 0.87, "JAX, jit": 0.75, "floor": 1.2}
GOALS = {cell: {(50, 32, 1): {"best traced PyTorch": 0.13, f"PyTorch {cell}Cell, retained gradients": 0.08,
                              "JAX, jit": jax},
                (100, 64, 32): MIDDLE, (100, 256, 64): LARGE} for cell, jax in (("LSTM", 1.5), ("GRU", 1.6))}


@dataclass(frozen=True)
class Problem:
    """Random data of one size; inputs are as wide as ``h``."""

    cell: str
    T: int
    n: int
    B: int

    @cached_property
    def step(self):
        return CELLS[self.cell](self.n, self.n)

    @cached_property
    def data(self):
        """``p, x, h0, g``, with each gate's block of ``W`` small enough that rounding is not amplified."""
        rng, n = np.random.default_rng(0), self.n
        normal = lambda *shape: rng.standard_normal(shape)
        p = {name: normal(*shape) * (0.1 if len(shape) == 1 else 0.5 / n**0.5)
             for name, shape in self.step.shapes().items()}
        return p, normal(self.T, self.B, n), 0.5 * normal(self.B, *self.step.features), normal(
            self.B, *self.step.features)


def ours(problem):
    p, x, h0, g = problem.data

    def call():
        h, vjps = forward(unroll(problem.step, p, x), h0)
        log = trace(vjps, g)
        return {**log.grads.shared(), "h0": log.grads.h[0], "log_h": log.log_h}
    return call


def readable(problem):
    p, x, h0, g = problem.data

    def call():
        h, vjps = forward(Path(tuple(unroll(problem.step, p, x))), h0)
        grads, log = backward(vjps, g), trace(vjps, g)
        return {**grads.shared(), "h0": grads.h[0], "log_h": log.log_h}
    return call


def floor(problem):
    """The same matrix products and tanh, nothing else; the numbers mean nothing."""
    p, x, h0, g = problem.data
    T, n, B = problem.T, problem.n, problem.B
    wide = p["W"].shape[1]

    def call():
        a, h, new = np.empty((T, B, wide)), np.zeros((B, n)), np.empty((B, n))
        W, WT = np.asfortranarray(p["W"]), p["W"].T
        x.reshape(-1, n).dot(p["U"])
        for a_t in list(a):
            h.dot(W, a_t)
            np.tanh(a_t, a_t)
            if wide == 4 * n:
                np.tanh(h, new)
        for d in list(a):
            d.dot(WT, new)
        d = a.reshape(-1, wide)
        return {"W": x.reshape(-1, n).T.dot(d), "U": x.reshape(-1, n).T.dot(d)}
    return call


def _order(a, cell):
    """Columns i f o g of our LSTM to PyTorch's i f g o, or back."""
    return np.concatenate([np.split(a, 4, -1)[k] for k in (0, 1, 3, 2)], -1) if cell == "LSTM" else a


def _load(net, problem, suffix):
    import torch
    torch.set_num_threads(1)
    p, values = problem.data[0], {}
    values["weight_hh"], values["weight_ih"] = (_order(p[name], problem.cell).T for name in ("W", "U"))
    values["bias_ih"] = _order(p["b"], problem.cell)
    values["bias_hh"] = 0 * values["bias_ih"]
    if problem.cell == "GRU":
        values["bias_hh"][2 * problem.n:] = p["b_rec"]
    with torch.no_grad():
        for name, value in values.items():
            getattr(net, name + suffix).copy_(torch.tensor(value.copy()))


def _loaded(net, problem, suffix):
    """The gradients of a PyTorch net under our names."""
    W, U, b, b_rec = (getattr(net, name + suffix).grad.numpy()
                      for name in ("weight_hh", "weight_ih", "bias_ih", "bias_hh"))
    grads = {"W": _order(W.T, problem.cell), "U": _order(U.T, problem.cell), "b": _order(b, problem.cell)}
    return grads | ({"b_rec": b_rec[2 * problem.n:]} if problem.cell == "GRU" else {})


def torch_cells(problem):
    import torch
    _, x, h0, g = (torch.tensor(a) if isinstance(a, np.ndarray) else a for a in problem.data)
    lstm = problem.cell == "LSTM"
    net = getattr(torch.nn, problem.cell + "Cell")(problem.n, problem.n, dtype=torch.float64)
    _load(net, problem, "")

    def call():
        net.zero_grad(set_to_none=True)
        parts = [part.clone().requires_grad_() for part in (h0.chunk(2, 1) if lstm else (h0,))]
        states, state = [parts], tuple(parts)
        for x_t in x:
            state = net(x_t, state) if lstm else (net(x_t, state[0]),)
            if lstm:                                        # else c's gradient holds what comes through its own h
                state = state[0], state[1].view_as(state[1])
            for part in state:
                part.retain_grad()
            states.append(state)
        sum((part * g_part).sum() for part, g_part in zip(state, g.chunk(len(state), 1), strict=True)).backward()
        norms = [torch.stack([state[k].grad for state in states]).flatten(1).norm(dim=1) for k in range(len(state))]
        log_h = torch.stack(norms).norm(dim=0).log()
        return {**_loaded(net, problem, ""), "h0": torch.cat([part.grad for part in parts], 1), "log_h": log_h}
    return call


def torch_net(problem):
    """nn.LSTM or nn.GRU: no gradients of the states in between."""
    import torch
    _, x, h0, g = (torch.tensor(a) if isinstance(a, np.ndarray) else a for a in problem.data)
    lstm = problem.cell == "LSTM"
    net = getattr(torch.nn, problem.cell)(problem.n, problem.n, dtype=torch.float64)
    _load(net, problem, "_l0")

    def call():
        net.zero_grad(set_to_none=True)
        start = [part[None].clone().requires_grad_() for part in (h0.chunk(2, 1) if lstm else (h0,))]
        end = net(x, tuple(start) if lstm else start[0])[1]
        end = torch.cat(tuple(end), 2) if lstm else end
        (end[0] * g).sum().backward()
        return {**_loaded(net, problem, "_l0"), "h0": torch.cat([part.grad[0] for part in start], 1)}
    return call


def jax_jit(problem):
    """Autodiff: a zero added to every state has ``∂L/∂h_t`` for its gradient."""
    import jax
    import jax.numpy as jnp
    n = problem.n
    p, x, h0, g = jax.tree.map(jnp.asarray, problem.data)
    sigmoid = jax.nn.sigmoid

    def lstm(p, h, a):
        h, c = h[:, :n], h[:, n:]
        i, f, o, new = jnp.split(h @ p["W"] + a, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(new)
        return jnp.concatenate([sigmoid(o) * jnp.tanh(c), c], 1)

    def gru(p, h, a):
        r, z, q = jnp.split(h @ p["W"], 3, 1)
        r, z = sigmoid(r + a[:, :n]), sigmoid(z + a[:, n:2 * n])
        return z * h + (1 - z) * jnp.tanh(a[:, 2 * n:] + r * (q + p["b_rec"]))

    cell = lstm if problem.cell == "LSTM" else gru

    def loss(p, h0, zero, x, g):
        def step(h, at):
            a, zero = at
            return cell(p, h, a) + zero, None
        return (jax.lax.scan(step, h0, (x @ p["U"] + p["b"], zero))[0] * g).sum()

    @jax.jit
    def run(p, h0, x, g):
        p, h0, G = jax.grad(loss, (0, 1, 2))(p, h0, jnp.zeros((len(x), *h0.shape)), x, g)
        G = jnp.concatenate([h0[None], G]).reshape(len(x) + 1, -1)
        return {**p, "h0": h0, "log_h": jnp.log(jnp.linalg.norm(G, axis=1))}
    return lambda: jax.block_until_ready(run(p, h0, x, g))


def parts(problem):
    """The gradient, the norms of as many states, and the norms of every step's contribution to the parameters."""
    p, x, h0, g = problem.data
    h, vjps = forward(unroll(problem.step, p, x), h0)
    back = trace(vjps, g).back
    return {"gradient": ours(problem), "norms of the states": lambda: log_norms(h[1:]),
            "norms of each step's share": back.log_shares}


def of(cell):
    """What the table of this cell needs."""
    from .gated_torch import gru, lstm
    cells, hand = f"PyTorch {cell}Cell, retained gradients", {"LSTM": lstm, "GRU": gru}[cell]
    contestants = {"ours": ours, "readable loop": readable, "floor": floor, cells: torch_cells,
                   "PyTorch, by hand and in place": hand, f"PyTorch nn.{cell}, no trace": torch_net,
                   "JAX, jit": jax_jit}
    return SimpleNamespace(CONTESTANTS=contestants, TRACED=(cells, "PyTorch, by hand and in place"),
                           GOALS=GOALS[cell], Problem=partial(Problem, cell), parts=parts)
