import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..nets import mlp
from ..training import missed, supervised

SOURCE = "https://github.com/stevenygd/PointFlow/issues/4"
NOTE = """The issue: a continuous flow ends in nan, as nothing bounds the field that is integrated;
a tanh at its end helps. Here 60 steps of Euler of a field with ReLU and large weights: states grow
from step to step, and the first loss is in the millions. The repair ends the field with a tanh."""


class Flow(nn.Module):
    """States that a learned field carries along for 60 steps."""

    def __init__(self, last):
        super().__init__()
        self.entry = nn.Linear(2, 12)
        self.field = nn.Sequential(mlp(12, 32, 12), last)
        with torch.no_grad():
            for p in self.field.parameters():
                p *= 3
        self.head = nn.Linear(12, 2)

    def forward(self, x):
        z = self.entry(x)
        for _ in range(60):
            z = z + 0.2 * self.field(z)
        return self.head(z)


def rings(size, generator):
    """Points of an inner disc and of a ring around it."""
    ring = torch.randint(2, (size,), generator=generator)
    angle = 6.3 * torch.rand(size, generator=generator)
    radius = ring + 0.2 + 0.4 * torch.rand(size, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1), ring


@broken(
    "exploding",
    "neural ODE",
    also=("loud start",),
    where=("", "field", "head"),
    source=SOURCE,
    note=NOTE,
    updates=250,
)
def dynamics_that_blow_up(seed, repaired):
    model = Flow(nn.Tanh() if repaired else nn.Identity())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(seed)
    error = missed(model, *rings(512, torch.Generator().manual_seed(10_000)))
    return supervised(model, F.cross_entropy, optimizer, lambda: rings(64, generator), error)
