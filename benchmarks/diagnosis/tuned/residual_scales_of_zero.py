import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Thirty residual layers whose branches are all multiplied by zero at the start (ReZero):
weights in the branches have no gradient at the first update, their scales have."""


class Branch(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, h):
        return h + self.scale * F.relu(self.linear(h))


@healthy("deep residual MLP", note=NOTE, updates=300)
def residual_scales_of_zero(seed):
    train, test = standard_digits(flat=True)
    model = nn.Sequential(nn.Linear(64, 32), *[Branch(32) for _ in range(30)], nn.Linear(32, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
