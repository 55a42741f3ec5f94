import math

import torch
from torch import nn

from ..case import healthy
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    evaluating,
    supervised,
)

NOTE = """A mixture density net: weights, means and log-widths of four normal distributions, as
one input has two answers. The loss is a log-sum-exp and falls below zero."""


class MixtureDensity(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(1, 48, 48, 12, activation=nn.Tanh)

    def forward(self, x):
        weight, mean, log_width = self.net(x).chunk(3, 1)
        return weight.log_softmax(1), mean, log_width


def likelihood(out, y):
    log_weight, mean, log_width = out
    normal = -((y - mean) / log_width.exp()).square() / 2 - log_width - math.log(2 * math.pi) / 2
    return -(log_weight + normal).logsumexp(1).mean()


@healthy("mixture density net", note=NOTE, updates=1500)
def two_answers_at_once(seed):
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(2048, 1, generator=generator) - 1
    side = (torch.rand(2048, 1, generator=generator) < 0.5) * 2.0 - 1
    y = side * (0.3 + x.square()) + 0.05 * torch.randn(2048, 1, generator=generator)
    model = MixtureDensity()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    best = math.log(2) + math.log(0.05) + (1 + math.log(2 * math.pi)) / 2
    normal = y.std().log().item() + (1 + math.log(2 * math.pi)) / 2

    def error():
        with evaluating(model):
            return (likelihood(model(x), y).item() - best) / (normal - best)

    return supervised(model, likelihood, optimizer, batches((x, y), 128, seed), error)
