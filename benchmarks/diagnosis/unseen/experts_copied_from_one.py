import copy

import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..training import supervised, unexplained

NOTE = """Four experts begin as copies of one, and the router begins at zero: each expert gets a
quarter of the same gradient, the router none, and the mixture is as one expert, a straight line
each. The repair draws each expert on its own. General knowledge."""


class Experts(nn.Module):
    def __init__(self, copies):
        super().__init__()
        first = nn.Linear(2, 1)
        made = [copy.deepcopy(first) if copies else nn.Linear(2, 1) for _ in range(4)]
        self.experts = nn.ModuleList(made)
        self.router = nn.Linear(2, 4)
        nn.init.zeros_(self.router.weight)
        nn.init.zeros_(self.router.bias)

    def forward(self, x):
        answers = torch.cat([expert(x) for expert in self.experts], 1)
        return (self.router(x).softmax(1) * answers).sum(1, keepdim=True)


def roof(size, generator):
    x = 4 * torch.rand(size, 2, generator=generator) - 2
    return x, x.abs().sum(1, keepdim=True)


@broken(
    "symmetric start",
    "mixture of experts",
    where=("", "experts", "router"),
    note=NOTE,
    updates=1000,
)
def experts_copied_from_one(seed, repaired):
    model = Experts(copies=not repaired)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(seed)
    error = unexplained(model, *roof(1024, torch.Generator().manual_seed(10_000)))
    return supervised(model, F.mse_loss, optimizer, lambda: roof(128, generator), error)
