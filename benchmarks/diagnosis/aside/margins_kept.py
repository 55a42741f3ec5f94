import torch
from torch import nn

from ..case import healthy
from ..data import (
    table,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """A multi-class hinge loss after 150 updates: most examples of a batch keep their margin
and have no gradient, in some batches all of them."""


@healthy("MLP, hinge loss", note=NOTE, trained=150, updates=400)
def margins_kept(seed):
    train, test = table("wine")
    model = mlp(13, 32, 3, activation=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss = nn.MultiMarginLoss(margin=0.5)
    return supervised(model, loss, optimizer, batches(train, 32, seed), missed(model, *test))
