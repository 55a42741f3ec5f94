"""A deep net, ``h' = tanh(h W + b)``, ``L = Σ g ⊙ h_T``: gradients, and the norms at all layers."""

import numpy as np

from gradtrace import Dense, deep, forward, init, trace

from . import measure

SIZE = 50, 64, 64  # depth, n, B
GOAL = 0.8


def data(depth, n, B):
    """``params, h0, g``; the matrices are orthogonal, so that nothing fades fast."""
    rng = np.random.default_rng(0)
    params = []
    for _ in range(depth):
        params.append({"W": init.orthogonal(rng, (n, n)), "b": 0.1 * rng.standard_normal(n)})
    h0, g = rng.standard_normal((2, B, n))
    return params, h0, g


def ours(params, h0, g):
    layer = Dense(*params[0]["W"].shape)

    def call():
        h, vjps = forward(deep(layer, params), h0)
        log = trace(vjps, g)
        shares = list(log.grads.p)
        return {
            "W": [p["W"] for p in shares],
            "b": [p["b"] for p in shares],
            "h0": log.grads.h[0],
            "log_h": log.log_h,
        }

    return call


def torch_linear(params, h0, g):
    import torch

    torch.set_num_threads(1)
    h0, g = torch.tensor(h0), torch.tensor(g)
    net = []
    for p in params:
        layer = torch.nn.Linear(*p["W"].shape, dtype=torch.float64)
        layer.load_state_dict({"weight": torch.tensor(p["W"].T), "bias": torch.tensor(p["b"])})
        net.append(layer)

    def call():
        for layer in net:
            layer.zero_grad(set_to_none=True)
        h = [h0.clone().requires_grad_()]
        for layer in net:
            h.append(torch.tanh(layer(h[-1])))
            h[-1].retain_grad()
        (h[-1] * g).sum().backward()
        log_h = torch.stack([h_t.grad for h_t in h]).flatten(1).norm(dim=1).log()
        return {
            "W": [layer.weight.grad.T for layer in net],
            "b": [layer.bias.grad for layer in net],
            "h0": h[0].grad,
            "log_h": log_h,
        }

    return call


def section(tiny=False):
    depth, n, B = (5, 6, 3) if tiny else SIZE
    problem = data(depth, n, B)
    times = measure.compare({"ours": ours(*problem), "theirs": torch_linear(*problem)}, tiny)
    return {
        "title": "Through depth",
        "lead": "Depth, width, batch. Each layer has weights of its own.",
        "rows": [
            measure.ratio(
                f"Dense {depth}, {n}, {B}",
                "nn.Linear, every gradient retained",
                times["ours"],
                times["theirs"],
                None if tiny else GOAL,
            )
        ],
    }
