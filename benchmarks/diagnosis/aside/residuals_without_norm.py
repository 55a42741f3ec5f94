import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
    scaled_normal,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """The issue: gradients explode in an unrolled net without any normalisation layer. Here 16
residual blocks, each of which makes what it is given about three times as large; the repair
divides each branch by the number of blocks."""


class Block(nn.Module):
    def __init__(self, width, scale):
        super().__init__()
        self.net = mlp(width, 2 * width, width)
        self.scale = scale
        for layer in self.net[::2]:
            scaled_normal(layer, gain=2.0)

    def forward(self, h):
        return h + self.scale * self.net(h)


@broken(
    "exploding",
    "deep residual MLP",
    also=("loud start", "step too large"),
    note=NOTE,
    updates=300,
    source="https://github.com/hellopipu/PromptMR-plus/issues/7",
)
def residuals_without_norm(seed, repaired):
    train, test = standard_digits(flat=True)
    blocks = [Block(32, 1 / 16 if repaired else 1.0) for _ in range(16)]
    model = nn.Sequential(nn.Linear(64, 32), *blocks, nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
