import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import supervised, unexplained

SOURCE = "https://github.com/chainer/chainer/issues/4754"
NOTE = """The issue: RMSprop's epsilon stands inside the root in TensorFlow and outside elsewhere,
which matters where it is as large as 1, as for Inception. Here 1 is taken over with a usual rate,
and gradients of a mean over pixels are some 1e-3: a step is a thousandth of what is meant. The
repair has the default."""


class Denoiser(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.down = nn.Conv2d(1, width, 3, padding=1)
        self.middle = nn.Conv2d(width, width, 3, padding=2, dilation=2)
        self.up = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x):
        h = F.elu(self.down(x))
        return self.up(h + F.elu(self.middle(h)))


def slopes(size, generator):
    """Pictures of a plane under noise, and the plane."""
    at = torch.linspace(-1, 1, 12)
    a, b = torch.randn(2, size, 1, 1, 1, generator=generator)
    plane = 0.3 * (a * at + b * at[:, None])
    return plane + 0.3 * torch.randn(plane.shape, generator=generator), plane


@broken(
    "below epsilon",
    "CNN, denoising",
    also=("step too small",),
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def rmsprop_with_the_epsilon_of_inception(seed, repaired):
    model = Denoiser()
    epsilon = 1e-8 if repaired else 1.0
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, eps=epsilon)
    fixed = sequences(slopes, 64, 10_000)()
    draw = sequences(slopes, 16, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
