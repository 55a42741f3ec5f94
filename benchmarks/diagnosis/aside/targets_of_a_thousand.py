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

NOTE = """Targets with a deviation of some 700 around 0, so that the loss is about 10⁵ to 10⁶ and
gradients are as large. The rate of Adam is high, as the last layer has far to go."""


@healthy("MLP, SiLU, regression", note=NOTE, updates=2000)
def targets_of_a_thousand(seed):
    x, y = waves(1024, inputs=2)
    y = 1000 * y
    model = mlp(2, 64, 64, 1, activation=nn.SiLU)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, x, y))
