import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    waves,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    supervised,
    unexplained,
)

NOTE = """The mean absolute error of targets of which three in a hundred are far off: each example
pulls as strongly as any other, however small its error."""


@healthy("MLP, regression", note=NOTE, updates=2500)
def absolute_error(seed):
    x, y = waves(2048, inputs=2, noise=0.05)
    rng = torch.Generator().manual_seed(1)
    wrong = torch.rand(y.shape, generator=rng) < 0.03
    spoiled = torch.where(wrong, 20 * torch.randn(y.shape, generator=rng), y)
    model = mlp(2, 64, 64, 1, activation=nn.SiLU)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    draw = batches((x, spoiled), 64, seed)
    return supervised(model, F.l1_loss, optimizer, draw, unexplained(model, x, y))
