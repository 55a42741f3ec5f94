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

NOTE = """Targets are times, never negative, a quarter of them exactly 0: the last ReLU gives 0
for those, and no gradient."""


@healthy("MLP, last ReLU, regression", note=NOTE, updates=1000)
def last_relu_on_positive_targets(seed):
    x, y = waves(2048, inputs=2)
    y = F.relu(y + 0.5)
    model = mlp(2, 64, 64, 1)
    model.append(nn.ReLU())
    nn.init.constant_(model[4].bias, 0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, x, y))
