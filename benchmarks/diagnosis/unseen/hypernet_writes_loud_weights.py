import math

import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..training import supervised, unexplained

NOTE = """A hypernetwork writes the weights of two layers of 48 from a task's number. Its last layer
has a deviation of 0.4: the weights that it writes are some 3, not some 1/7, and the first outputs
are in the thousands. The repair has a deviation of 0.02. General knowledge."""


class Hypernet(nn.Module):
    def __init__(self, deviation, width=48):
        super().__init__()
        self.width = width
        self.task = nn.Embedding(5, 64)
        self.write = nn.Linear(64, width * (1 + width + 1))
        nn.init.normal_(self.write.weight, std=deviation)
        nn.init.zeros_(self.write.bias)

    def forward(self, x, task):
        width = self.width
        first, second, third = self.write(self.task(task)).split([width, width**2, width], 1)
        h = torch.relu(first * x * math.sqrt(width))
        h = torch.relu(torch.einsum("noi,ni->no", second.unflatten(1, (width, width)), h))
        return (third * h).sum(1, keepdim=True)


def corners(size, generator):
    """Five pairs of straight lines from zero, one for each task."""
    x = 2 * torch.rand(size, 1, generator=generator) - 1
    task = torch.randint(5, (size,), generator=generator)
    return (x, task), (task[:, None] - 2) * x.abs()


@broken(
    "loud start",
    "hypernetwork",
    also=("exploding",),
    where=("", "write"),
    note=NOTE,
    updates=150,
)
def hypernet_writes_loud_weights(seed, repaired):
    model = Hypernet(0.02 if repaired else 0.4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    error = unexplained(model, *corners(512, torch.Generator().manual_seed(10_000)))
    return supervised(model, F.mse_loss, optimizer, lambda: corners(64, generator), error)
