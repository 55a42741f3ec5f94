import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """The pull request: a linear layer written anew without ``reset_parameters`` has weights
that are mostly zero. Here all weights and biases are zero, and the only thing that is learned is
the last bias; the repair initialises as PyTorch does."""


class Plain(nn.Module):
    """A linear layer whose weights are what memory happened to hold: zeros."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


@broken(
    "symmetric start",
    "MLP, ReLU",
    also=("dead units", "ignores input", "vanishing"),
    where=("0", "2", "4"),
    note=NOTE,
    updates=300,
    source="https://github.com/mattiasegu/uncertainty_estimation_deep_learning/pull/7",
)
def linear_layers_of_zeros(seed, repaired):
    train, test = standard_digits(flat=True)
    kind = nn.Linear if repaired else Plain
    model = nn.Sequential(kind(64, 48), nn.ReLU(), kind(48, 48), nn.ReLU(), kind(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
