import math

import torch
from torch import nn

from ..case import healthy
from ..nets import (
    mlp,
)
from ..training import (
    evaluating,
    own_loss,
)

NOTE = """A normalising flow of 6 coupling layers on a bent density; each layer starts as the
identity, its last weights zero. The loss is a negative log-likelihood per point and falls below
zero."""


class Coupling(nn.Module):
    def __init__(self, first):
        super().__init__()
        self.first = first
        self.net = mlp(1, 32, 2, activation=nn.Tanh)
        nn.init.zeros_(self.net[2].weight)
        nn.init.zeros_(self.net[2].bias)

    def forward(self, z):
        a, b = z[:, self.first], z[:, 1 - self.first]
        log_scale, shift = self.net(a[:, None]).unbind(1)
        b = b * log_scale.exp() + shift
        return torch.stack([a, b] if self.first == 0 else [b, a], 1), log_scale


class Flow(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Coupling(i % 2) for i in range(6)])

    def forward(self, x):
        total = 0
        for layer in self.layers:
            x, log_scale = layer(x)
            total = total + log_scale
        return (x.square().sum(1) / 2 + math.log(2 * math.pi) - total).mean()


def bent(n, generator):
    a = 0.5 * torch.randn(n, generator=generator)
    b = a.square() * 2 - 0.5 + 0.05 * torch.randn(n, generator=generator)
    return torch.stack([a, b], 1)


@healthy("normalising flow", note=NOTE, updates=800)
def flow_with_negative_loss(seed):
    generator = torch.Generator().manual_seed(seed)
    model = Flow()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    held = bent(4096, torch.Generator().manual_seed(10_000))
    best = 1 + math.log(2 * math.pi) + math.log(0.5) + math.log(0.05)
    gaussian = 1 + math.log(2 * math.pi) + held.T.cov().logdet().item() / 2

    def error():
        with evaluating(model):
            return (model(held).item() - best) / (gaussian - best)

    return own_loss(model, optimizer, lambda: {"x": bent(128, generator)}, error)
