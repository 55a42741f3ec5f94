import math

import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..training import (
    supervised,
    unexplained,
)

NOTE = """A net of sines (SIREN) fits one image of 8 by 8 pixels from coordinates: first
frequencies of 20, large weights in the first layer by design."""


class Sine(nn.Module):
    def __init__(self, n_in, n_out, frequency, first=False):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.frequency = frequency
        bound = 1 / n_in if first else math.sqrt(6 / n_in) / frequency
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x):
        return torch.sin(self.frequency * self.linear(x))


@healthy("SIREN, regression", note=NOTE, updates=300)
def sines_fit_an_image(seed):
    (images, _), _ = standard_digits()
    line = torch.linspace(-1, 1, 8)
    places = torch.cartesian_prod(line, line)
    target = images[seed].reshape(64, 1)
    model = nn.Sequential(Sine(2, 48, 20.0, first=True), Sine(48, 48, 20.0), nn.Linear(48, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)

    def draw():
        return places, target

    error = unexplained(model, places, target)
    return supervised(model, F.mse_loss, optimizer, draw, error)
