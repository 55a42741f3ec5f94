import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import table
from ..training import batches, missed, supervised

SOURCE = "https://github.com/pytorch/pytorch/issues/72772"
NOTE = """The issue: weights are quantised before the forward pass, their gradients are zero, and
gradient descent does not work; a straight-through estimator is asked for. Here all weights are
rounded to steps of 1/8, and only biases learn; the repair passes gradients straight through."""


class Quantised(nn.Linear):
    """A linear layer with weights on a grid of eighths."""

    def __init__(self, n_in, n_out, straight):
        super().__init__(n_in, n_out)
        self.straight = straight

    def forward(self, x):
        weight = (self.weight * 8).round() / 8
        if self.straight:
            weight = self.weight + (weight - self.weight).detach()
        return F.linear(x, weight, self.bias)


@broken(
    "cut off",
    "quantised MLP",
    where=("", "0", "2", "4"),
    source=SOURCE,
    note=NOTE,
    updates=500,
)
def weights_rounded_in_training(seed, repaired):
    train, test = table("wine")
    model = nn.Sequential(
        Quantised(13, 16, repaired),
        nn.Tanh(),
        Quantised(16, 16, repaired),
        nn.Tanh(),
        Quantised(16, 3, repaired),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
