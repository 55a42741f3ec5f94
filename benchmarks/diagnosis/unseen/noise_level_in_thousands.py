import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..nets import mlp
from ..training import supervised, unexplained

NOTE = """A denoiser of the corners of a square is told the step of the diffusion as it is, from 0
to 999, beside coordinates near 1: the first layer hears nothing else, and its tanh is at its ends.
The repair divides the step by 1000. General knowledge."""


class Denoiser(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.net = mlp(3, 64, 64, 2, activation=nn.Tanh)

    def forward(self, x, step):
        return self.net(torch.cat([x, step[:, None] / self.scale], 1))


def noisy(size, generator):
    """Corners of a square under noise with the step, and that noise."""
    x = 2.0 * torch.randint(2, (size, 2), generator=generator) - 1
    step = torch.randint(1000, (size,), generator=generator)
    share = torch.cos(step / 1000 * torch.pi / 2)[:, None]
    noise = torch.randn(size, 2, generator=generator)
    return (share * x + (1 - share.square()).sqrt() * noise, step.float()), noise


@broken(
    "input scale",
    "diffusion",
    also=("saturated",),
    where=("", "net", "net.0", "net.1"),
    note=NOTE,
    updates=800,
)
def noise_level_in_thousands(seed, repaired):
    model = Denoiser(1000.0 if repaired else 1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(seed)
    held = noisy(2048, torch.Generator().manual_seed(10_000))
    error = unexplained(model, *held)
    return supervised(model, F.mse_loss, optimizer, lambda: noisy(128, generator), error)
