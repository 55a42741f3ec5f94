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

NOTE = """The issue: the function that builds a detector freezes the first layers of the backbone,
as for one that was trained before; without trained weights they stay random. Here all of the
backbone but its last layer."""


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU())
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 3, 2, 1), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(4, 6, 2), nn.ReLU())
        self.box = nn.Linear(6, 10)

    def forward(self, x):
        return self.box(self.layer2(self.layer1(self.stem(x))).flatten(1))


@broken(
    "frozen",
    "CNN",
    where=("stem", "layer1"),
    note=NOTE,
    updates=800,
    source="https://github.com/pytorch/vision/issues/2164",
)
def backbone_frozen_though_new(seed, repaired):
    train, test = standard_digits()
    model = Detector()
    if not repaired:
        for part in (model.stem, model.layer1):
            part.requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
