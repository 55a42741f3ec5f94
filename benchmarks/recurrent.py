"""RNN, LSTM and GRU, ``L = Σ g ⊙ h_T``: gradients of all weights, and ln ‖∂L/∂h_t‖ for every t.

Every contestant is made from a :class:`Problem`, and what it prepares is not timed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradtrace import GRU, LSTM, RNN, backward, forward, trace, unroll

from . import measure

CELLS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}
SIZES = [(50, 32, 1), (100, 64, 32), (100, 256, 64)]  # T, n, B
GOALS = {"RNN": [0.25, 0.8, 1.25], "LSTM": [0.35, 1.15, 1.35], "GRU": [0.35, 1.15, 1.35]}
NORMS, SHARES = 5, 40  # goals, % of the gradient


@dataclass(frozen=True)
class Problem:
    """Random data of one size; inputs are as wide as ``h``."""

    name: str
    T: int
    n: int
    B: int

    @cached_property
    def cell(self):
        return CELLS[self.name](self.n, self.n)

    @cached_property
    def data(self):
        """``p, x, h0, g``; the weights are small enough that rounding does not grow."""
        rng = np.random.default_rng(0)
        p = {}
        for name, shape in self.cell.shapes().items():
            size = 0.1 if len(shape) == 1 else 0.5 / self.n**0.5
            p[name] = size * rng.standard_normal(shape)
        x = rng.standard_normal((self.T, self.B, self.n))
        h0, g = rng.standard_normal((2, self.B, *self.cell.features))
        return p, x, 0.5 * h0, g


def gradient(problem):
    p, x, h0, g = problem.data

    def call():
        h, vjps = forward(unroll(problem.cell, p, x), h0)
        grads = backward(vjps, g)
        return {**grads.shared(), "h0": grads.h[0]}

    return call


def traced(problem):
    """The gradient, and the norms of it at all states."""
    p, x, h0, g = problem.data

    def call():
        h, vjps = forward(unroll(problem.cell, p, x), h0)
        log = trace(vjps, g)
        return {**log.grads.shared(), "h0": log.grads.h[0], "log_h": log.log_h}

    return call


def traced_with_shares(problem):
    """The same, and the norms of every step's share in the gradient of every parameter."""
    p, x, h0, g = problem.data

    def call():
        h, vjps = forward(unroll(problem.cell, p, x), h0)
        log = trace(vjps, g)
        norms = {f"log_p {name}": value for name, value in log.log_p.items()}
        return {**log.grads.shared(), "h0": log.grads.h[0], "log_h": log.log_h, **norms}

    return call


def torch_cells(problem):
    """nn.RNNCell, nn.LSTMCell or nn.GRUCell, the gradient of every state retained."""
    import torch

    torch.set_num_threads(1)
    x = torch.tensor(problem.data[1])
    start, g = halves(problem)
    net = getattr(torch.nn, f"{problem.name}Cell")(problem.n, problem.n, dtype=torch.float64)
    load(net, problem)

    def call():
        net.zero_grad(set_to_none=True)
        parts = [part.clone().requires_grad_() for part in start]
        states = [parts]
        for x_t in x:
            parts = one_step(net, x_t, parts)
            for part in parts:
                part.retain_grad()
            states.append(parts)
        loss(parts, g).backward()
        norms = []
        for part in zip(*states, strict=True):
            norms.append(torch.stack([a.grad for a in part]).flatten(1).norm(dim=1))
        log_h = torch.stack(norms).norm(dim=0).log()
        dh0 = torch.cat([part.grad for part in states[0]], 1)
        return {**loaded(net, problem), "h0": dh0, "log_h": log_h}

    return call


def one_step(net, x_t, parts):
    """The next state, ``[h]`` or ``[h, c]``.

    ``h`` was made from ``c``: only a view of ``c`` has for its gradient what comes back from later.
    """
    if len(parts) == 1:
        return [net(x_t, parts[0])]
    h, c = net(x_t, tuple(parts))
    return [h, c.view_as(c)]


def torch_net(problem):
    """nn.RNN, nn.LSTM or nn.GRU: one call, and no gradients of the states in between."""
    import torch

    torch.set_num_threads(1)
    x = torch.tensor(problem.data[1])
    start, g = halves(problem)
    net = getattr(torch.nn, problem.name)(problem.n, problem.n, dtype=torch.float64)
    load(net, problem, "_l0")

    def call():
        net.zero_grad(set_to_none=True)
        parts = [part[None].clone().requires_grad_() for part in start]
        end = net(x, tuple(parts) if len(parts) > 1 else parts[0])[1]
        ends = end if len(parts) > 1 else [end]
        loss([part[0] for part in ends], g).backward()
        dh0 = torch.cat([part.grad[0] for part in parts], 1)
        return {**loaded(net, problem, "_l0"), "h0": dh0}

    return call


def halves(problem):
    """``h0`` and ``g`` as tensors of PyTorch, each as ``[h]``, or as ``[h, c]`` of an LSTM."""
    import torch

    h0, g = map(torch.tensor, problem.data[2:])
    count = 2 if problem.name == "LSTM" else 1
    return h0.chunk(count, 1), g.chunk(count, 1)


def loss(parts, g):
    return sum((part * g_part).sum() for part, g_part in zip(parts, g, strict=True))


def load(net, problem, suffix=""):
    """Give our parameters to a module of PyTorch, which has matrices transposed and two biases."""
    import torch

    p = problem.data[0]
    values = {
        "weight_hh": exchanged(p["W"], problem).T,
        "weight_ih": exchanged(p["U"], problem).T,
        "bias_ih": exchanged(p["b"], problem),
        "bias_hh": np.zeros_like(p["b"]),
    }
    if "b_rec" in p:
        values["bias_hh"][-problem.n :] = p["b_rec"]
    with torch.no_grad():
        for name, value in values.items():
            getattr(net, name + suffix).copy_(torch.tensor(value))


def loaded(net, problem, suffix=""):
    """The gradients of the same parameters, by our names."""
    grad = {name: value.grad.numpy() for name, value in net.named_parameters()}
    grads = {
        "W": exchanged(grad[f"weight_hh{suffix}"].T, problem),
        "U": exchanged(grad[f"weight_ih{suffix}"].T, problem),
        "b": exchanged(grad[f"bias_ih{suffix}"], problem),
    }
    if problem.name == "GRU":
        grads["b_rec"] = grad[f"bias_hh{suffix}"][-problem.n :]
    return grads


def exchanged(a, problem):
    """Columns of an LSTM's gates: ours are i f o g and PyTorch's i f g o."""
    if problem.name != "LSTM":
        return a
    i, f, third, fourth = np.split(a, 4, axis=-1)
    return np.concatenate([i, f, fourth, third], axis=-1)


CONTESTANTS = {
    "traced": traced,
    "gradient": gradient,
    "shares": traced_with_shares,
    "cells": torch_cells,
    "net": torch_net,
}


def section(tiny=False):
    cells, nets, norms, shares = [], [], [], []
    for name in CELLS:
        sizes = [(6, 5, 3)] if tiny else SIZES
        goals = [None] if tiny else GOALS[name]
        for size, goal in zip(sizes, goals, strict=True):
            problem = Problem(name, *size)
            times = measure.compare({who: make(problem) for who, make in CONTESTANTS.items()}, tiny)
            ours, alone = times["traced"], times["gradient"]
            case = f"{name} {', '.join(map(str, size))}"
            cells.append(
                measure.ratio(
                    case, "PyTorch cells, every gradient retained", ours, times["cells"], goal
                )
            )
            nets.append(
                measure.ratio(
                    case, "PyTorch nn.RNN, nn.LSTM, nn.GRU, gradients only", ours, times["net"]
                )
            )
            norms.append(
                measure.share(case, "norms of all states' gradients", ours, alone, alone, NORMS)
            )
            shares.append(
                measure.share(
                    case, "norms of each step's share", times["shares"], ours, alone, SHARES
                )
            )
    return {
        "title": "Through time",
        "lead": "Steps, width of the state and of the input, batch. Ours gives the gradients of "
        "all weights and the norms of the gradients at all states. What the norms cost is "
        "in per cent of the gradient alone.",
        "rows": cells + nets + norms + shares,
    }
