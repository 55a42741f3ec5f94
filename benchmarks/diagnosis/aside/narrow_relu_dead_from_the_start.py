import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
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

NOTE = """A deep and narrow net of ReLU, with biases of -2 left by a wrong constant: a layer soon
gives zero for all inputs, and what lies before has no gradient. Weights are Kaiming's in both,
the repair is biases of 0."""


@broken(
    "dead units",
    "deep MLP, ReLU, regression",
    also=("ignores input",),
    where=("2", "3", "4", "5", "6", "7"),
    note=NOTE,
    updates=1000,
)
def narrow_relu_dead_from_the_start(seed, repaired):
    x, y = waves(1024, inputs=2)
    model = mlp(2, 24, 24, 24, 24, 1)
    for layer in model[:-1:2]:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.constant_(layer.bias, 0.0 if repaired else -2.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, x, y))
