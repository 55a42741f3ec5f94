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

NOTE = """Eight labels at once, each on with one point in twelve; most targets are 0."""


@healthy("multi-label MLP", note=NOTE, updates=800)
def rare_labels(seed):
    generator = torch.Generator().manual_seed(1)
    centres = torch.randn(8, 6, generator=generator)
    x = torch.randn(4096, 6, generator=generator)
    near = (x @ F.normalize(centres).T) > 1.4
    model = mlp(6, 64, 64, 8)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = nn.BCEWithLogitsLoss()
    y = near.float()
    error = loss_over(binary_entropy(y), model, loss, x[3072:], y[3072:])
    return supervised(model, loss, optimizer, batches((x[:3072], y[:3072]), 64, seed), error)
