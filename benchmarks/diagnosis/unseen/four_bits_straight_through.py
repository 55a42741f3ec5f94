import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..training import batches, missed, supervised

NOTE = """Quantisation-aware training: weights of four bits with a step learned for each layer,
activations clipped to 0…1 and rounded to 16 values; gradients go straight through the rounding,
and are zero beyond the ends of the range."""


def rounded(x):
    return x + (x.round() - x).detach()


class FourBits(nn.Conv2d):
    """A convolution with weights that are whole multiples of a step, from -8 to 7 of them."""

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.step = nn.Parameter(2 * self.weight.detach().abs().mean() / 7**0.5)

    def forward(self, x):
        levels = (self.weight / self.step).clamp(-8, 7)
        return self._conv_forward(x, rounded(levels) * self.step, self.bias)


class Levels(nn.Module):
    """Sixteen values from 0 to 1."""

    def forward(self, h):
        return rounded(h.clamp(0, 1) * 15) / 15


@healthy("quantised CNN", note=NOTE, trained=80, updates=300)
def four_bits_straight_through(seed):
    train, test = standard_digits()
    model = nn.Sequential(
        FourBits(1, 16, 3, padding=1),
        Levels(),
        nn.MaxPool2d(2),
        FourBits(16, 24, 3, padding=1),
        Levels(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
