import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    loud_first_symbol,
    sequences,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """The issue, after a tutorial: a recurrent net by hand whose hidden state is a plain
linear map of input and state, without a squashing function, and whose gradients explode. Here its
recurrent weights have a spectral radius of 1.6 over 40 steps; the repair scales them to 1."""


class ByHand(nn.Module):
    def __init__(self, n_in, width, outputs, radius):
        super().__init__()
        self.width = width
        self.i2h = nn.Linear(n_in + width, width)
        self.i2o = nn.Linear(width, outputs)
        nn.init.zeros_(self.i2h.bias)
        with torch.no_grad():
            nn.init.orthogonal_(self.i2h.weight[:, n_in:]).mul_(radius)

    def forward(self, x):
        h = x.new_zeros(len(x), self.width)
        for step in x.unbind(1):
            h = self.i2h(torch.cat([step, h], 1))
        return self.i2o(h)


@broken(
    "exploding",
    "RNN, linear",
    also=("loud start", "step too large"),
    where=("i2h",),
    note=NOTE,
    updates=500,
    source="https://github.com/pytorch/pytorch/issues/2623",
)
def linear_recurrence_explodes(seed, repaired):
    task = loud_first_symbol(40)
    model = ByHand(4, 24, 4, radius=1.0 if repaired else 1.6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
