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

NOTE = """A rate of 0.5: batch norm bears it, as the scale of the weights before it does not
matter."""


@healthy("MLP, batch norm", note=NOTE, updates=300)
def high_rate_with_batch_norm(seed):
    train, test = standard_digits(flat=True)
    model = nn.Sequential(
        nn.Linear(64, 64, bias=False),
        nn.BatchNorm1d(64),
        nn.ReLU(),
        nn.Linear(64, 64, bias=False),
        nn.BatchNorm1d(64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
