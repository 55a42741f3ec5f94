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

NOTE = """Weights drawn from the standard normal distribution (``torch.randn``) in a net of tanh
with 100 units a layer: nearly all units stand at -1 or 1. The repair divides by the root of the
number of inputs."""


@broken(
    "saturated",
    "MLP, tanh",
    where=("0", "1", "2", "3", "4", "5"),
    also=("exploding",),
    note=NOTE,
    updates=400,
)
def tanh_with_normal_weights(seed, repaired):
    train, test = standard_digits(flat=True)
    model = mlp(64, 100, 100, 100, 10, activation=nn.Tanh)
    for layer in model[::2]:
        if repaired:
            scaled_normal(layer)
        else:
            nn.init.normal_(layer.weight)
    nn.init.normal_(model[-1].weight, std=0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
