import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    digits,
)
from ..nets import (
    ConvNet,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """The issue: pixels of X-rays come from -1024 to 1024, and another net with default
weights has inf and nan after the first update; with mean 0 and deviation 1 it works. Here the
digits, in that range."""


@broken(
    "input scale",
    "CNN",
    also=("exploding", "loud start", "step too large"),
    where=("features.0", "features", ""),
    note=NOTE,
    updates=200,
    source="https://github.com/mlmed/torchxrayvision/issues/9",
)
def pixels_to_a_thousand(seed, repaired):
    def ranged(data):
        x = data[0] * 128 - 1024
        return ((x + 400) / 770 if repaired else x), data[1]

    train, test = (ranged(data) for data in digits())
    model = ConvNet(activation=nn.LeakyReLU)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
