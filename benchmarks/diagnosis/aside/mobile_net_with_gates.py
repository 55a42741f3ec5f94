import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Depthwise convolutions, ReLU6, hard swish, and channel gates by a hard sigmoid, which is
flat on both sides."""


class Mobile(nn.Module):
    def __init__(self, width, expanded):
        super().__init__()
        self.expand = nn.Sequential(
            nn.Conv2d(width, expanded, 1, bias=False), nn.BatchNorm2d(expanded), nn.ReLU6()
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(expanded, expanded, 3, padding=1, groups=expanded, bias=False),
            nn.BatchNorm2d(expanded),
            nn.Hardswish(),
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(expanded, 8, 1),
            nn.ReLU(),
            nn.Conv2d(8, expanded, 1),
            nn.Hardsigmoid(),
        )
        self.project = nn.Sequential(
            nn.Conv2d(expanded, width, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x):
        h = self.depthwise(self.expand(x))
        return x + self.project(h * self.gate(h))


@healthy("MobileNet", note=NOTE, updates=200)
def mobile_net_with_gates(seed):
    train, test = standard_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, 2, 1, bias=False),
        nn.BatchNorm2d(12),
        nn.Hardswish(),
        Mobile(12, 36),
        Mobile(12, 36),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(48, 10),
    )
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
