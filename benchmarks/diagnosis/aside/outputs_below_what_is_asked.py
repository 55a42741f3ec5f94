import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    sequences,
)
from ..nets import (
    TransformerBlock,
)
from ..training import (
    supervised,
    unexplained,
)

NOTE = """The issue: a transformer for a regression ends in a sigmoid, which makes sense only if
targets lie between 0 and 1; theirs do not. Here loads between 1 and 11."""


class Forecaster(nn.Module):
    def __init__(self, squashed):
        super().__init__()
        self.entry = nn.Linear(1, 24)
        self.position = nn.Parameter(0.1 * torch.randn(16, 24))
        self.block = TransformerBlock(24)
        self.out = nn.Linear(24, 1)
        self.last = nn.Sigmoid() if squashed else nn.Identity()

    def forward(self, x):
        return self.last(self.out(self.block(self.entry(x) + self.position)[:, -1]))


def loads(size, generator):
    phase = 6.3 * torch.rand(size, 1, generator=generator)
    wave = 6 + 5 * torch.sin(0.5 * torch.arange(20) + phase)
    return (wave[:, :16, None] - 6) / 5, wave[:, 19:]


@broken(
    "output bounded",
    "transformer, regression",
    where=("last",),
    also=("saturated",),
    note=NOTE,
    updates=800,
    source="https://github.com/maxjcohen/transformer/issues/49",
)
def outputs_below_what_is_asked(seed, repaired):
    model = Forecaster(squashed=not repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(loads, 256, 10_000)()
    draw = sequences(loads, 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
