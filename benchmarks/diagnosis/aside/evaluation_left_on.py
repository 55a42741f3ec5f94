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

NOTE = """The issue: a tutorial's test function calls ``model.eval()`` and nothing calls
``model.train()`` again. Without batch statistics 10 normalised layers are as unnormalised ones;
the rate that goes well with batch norm is then too large."""


NORMS = tuple(str(i) for i in range(1, 30, 3))


@broken(
    "evaluation mode",
    "deep CNN, batch norm",
    where=("", *NORMS),
    also=("vanishing", "ignores input"),
    note=NOTE,
    updates=150,
    source="https://github.com/pytorch/tutorials/issues/1624",
)
def evaluation_left_on(seed, repaired):
    train, test = standard_digits()
    layers = []
    for i in range(10):
        layers += [nn.Conv2d(16 if i else 1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 10))
    model.train(repaired)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
