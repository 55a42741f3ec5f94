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

NOTE = """The net's output is multiplied by 10⁻⁷ to be a current in ampere, and compared with
currents in ampere: the mean squared error is 10⁻¹⁴, its gradients are smaller still, far below
Adam's epsilon of 10⁻⁸. The repair counts in units of 10⁻⁷ ampere. General knowledge."""


class InUnits(nn.Module):
    def __init__(self, unit):
        super().__init__()
        self.unit = unit
        self.net = mlp(1, 48, 48, 1, activation=nn.Tanh)

    def forward(self, x):
        return self.unit * self.net(x)


@broken("below epsilon", "MLP, tanh, regression", also=("step too small",), note=NOTE, updates=1000)
def quantities_in_si_units(seed, repaired):
    x, y = waves(1024)
    unit = 1.0 if repaired else 1e-7
    y = unit * y
    model = InUnits(unit)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, x, y))
