import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    spirals,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Twenty highway layers whose gates start nearly closed (bias -3): little of each layer
passes at first, as its authors advise."""


class Highway(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.change = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, -3.0)

    def forward(self, h):
        gate = torch.sigmoid(self.gate(h))
        return gate * F.relu(self.change(h)) + (1 - gate) * h


@healthy("highway net", note=NOTE, updates=500)
def highway_mostly_closed(seed):
    model = nn.Sequential(nn.Linear(2, 24), *[Highway(24) for _ in range(20)], nn.Linear(24, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches(spirals(2048), 128, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *spirals(1024, 1)))
