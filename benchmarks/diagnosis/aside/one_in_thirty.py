import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    binary_entropy,
    loss_over,
    supervised,
)

NOTE = """One example in twenty is positive. The loss, with the focal weight, is small from the
start, and most examples hardly count."""


def focal(logit, target):
    cost = F.binary_cross_entropy_with_logits(logit, target, reduction="none")
    return ((1 - (-cost).exp()).square() * cost).mean()


@healthy("MLP, focal loss", note=NOTE, updates=1200)
def one_in_thirty(seed):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(8192, 4, generator=generator)
    y = (x[:, :1].square() + x[:, 1:2] > 3.6).float()
    model = mlp(4, 48, 48, 1)
    nn.init.constant_(model[4].bias, -3.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = nn.functional.binary_cross_entropy_with_logits
    error = loss_over(binary_entropy(y), model, loss, x, y)
    return supervised(model, focal, optimizer, batches((x, y), 128, seed), error)
