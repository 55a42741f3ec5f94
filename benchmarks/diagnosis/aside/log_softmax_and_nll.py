import torch
from torch import nn
from torch.nn import functional as F

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

NOTE = """A log-softmax at the end and the negative log-likelihood as the loss: the right pair, in
a net whose sigmoids are few."""


@healthy("MLP, sigmoid", note=NOTE, updates=600)
def log_softmax_and_nll(seed):
    train, test = table("iris")
    model = mlp(4, 16, 3, activation=nn.Sigmoid)
    model.append(nn.LogSoftmax(1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return supervised(model, F.nll_loss, optimizer, batches(train, 32, seed), missed(model, *test))
