import torch
from torch import nn

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """The loss is summed over the batch, not averaged: 64 ln 10 = 147 at the start. The rate
is 64 times smaller in turn."""


@healthy("MLP, GELU", note=NOTE, updates=400)
def summed_over_the_batch(seed):
    train, test = standard_digits(flat=True)
    model = mlp(64, 64, 64, 10, activation=nn.GELU)
    optimizer = torch.optim.SGD(model.parameters(), lr=2e-3)
    loss = nn.CrossEntropyLoss(reduction="sum")
    return supervised(model, loss, optimizer, batches(train, 64, seed), missed(model, *test))
