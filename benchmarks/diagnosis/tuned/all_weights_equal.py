import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """All weights of the hidden layers are 0.05, "for reproducibility": the units of a layer
are copies of one another and stay so, and the net is as wide as one unit. General knowledge."""


@broken("symmetric start", "MLP, tanh", where=("0", "2"), note=NOTE, updates=400)
def all_weights_equal(seed, repaired):
    train, test = standard_digits(flat=True)
    model = mlp(64, 48, 48, 10, activation=nn.Tanh)
    if not repaired:
        for layer in (model[0], model[2]):
            nn.init.constant_(layer.weight, 0.05)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
