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


class DenseBlock(nn.Module):
    """Each layer sees what all layers before it have found."""

    def __init__(self, width, growth, layers):
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Sequential(
                    nn.BatchNorm2d(width + i * growth),
                    nn.ReLU(),
                    nn.Conv2d(width + i * growth, growth, 3, padding=1, bias=False),
                )
                for i in range(layers)
            ]
        )

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


@healthy("DenseNet", updates=200)
def densenet_on_digits(seed):
    train, test = standard_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        DenseBlock(8, 6, 4),
        nn.AvgPool2d(2),
        DenseBlock(32, 6, 3),
        nn.BatchNorm2d(50),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(50, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
