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

NOTE = """The issue: ``torch.where(x > 0, sqrt(x), x)`` has the gradient nan where x is negative,
though the other branch is taken there. Here it is an activation that grows as a root; the repair
takes the root of what is clamped."""


class RootUnit(nn.Module):
    def __init__(self, safe):
        super().__init__()
        self.safe = safe

    def forward(self, x):
        grown = x.clamp(min=0) if self.safe else x
        return torch.where(x > 0, (grown + 0.25).sqrt() - 0.5, x)


@broken(
    "not finite, backward",
    "MLP",
    where=("3",),
    note=NOTE,
    updates=300,
    source="https://github.com/pytorch/pytorch/issues/187297",
)
def root_in_the_other_branch(seed, repaired):
    train, test = standard_digits(flat=True)
    model = nn.Sequential(
        nn.Linear(64, 48),
        RootUnit(repaired),
        nn.Linear(48, 48),
        RootUnit(repaired),
        nn.Linear(48, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
