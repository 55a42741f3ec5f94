import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import digits
from ..training import batches, missed, supervised

SOURCE = "https://github.com/Cadene/pretrained-models.pytorch/issues/5"
NOTE = """The issue: the Inception models have a batch norm with a momentum of 0, so that running
statistics are never updated, and there is a large discrepancy between training and evaluation.
Here the pixels go up to 16 as well; the training loss falls and the model fails when evaluated.
The repair has a momentum of 0.1."""


def conv(n_in, n_out, momentum):
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(n_out, eps=0.001, momentum=momentum),
        nn.ReLU(),
    )


@broken(
    "evaluation mode",
    "CNN, batch norm",
    where=("", "0.1", "2.1", "4.1"),
    source=SOURCE,
    note=NOTE,
    trained=60,
    updates=200,
)
def statistics_without_momentum(seed, repaired):
    train, test = digits()
    momentum = 0.1 if repaired else 0.0
    model = nn.Sequential(
        conv(1, 12, momentum),
        nn.AvgPool2d(2),
        conv(12, 24, momentum),
        nn.AvgPool2d(2),
        conv(24, 24, momentum),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(24, 10),
    )
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
