import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..training import supervised, unexplained

NOTE = """A diffusion model of four tight clusters names the noise, told the step by sines. The last
layer starts at zero; the loss stops well above zero, as little noise cannot be told from the
clusters' own width."""


class Denoiser(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.register_buffer("pace", 10.0 ** torch.linspace(0, 2, 8))
        self.time = nn.Sequential(nn.Linear(16, width), nn.SiLU(), nn.Linear(width, width))
        self.entry = nn.Linear(2, width)
        self.body = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.head = nn.Linear(width, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x, step):
        angle = step[:, None] * self.pace
        time = self.time(torch.cat([angle.sin(), angle.cos()], 1))
        return self.head(self.body(self.entry(x) + time))


def noisy(size, generator):
    """Points of four clusters under noise with their step from 0 to 1, and the noise."""
    corner = 2.0 * torch.randint(2, (size, 2), generator=generator) - 1
    x = corner + 0.05 * torch.randn(size, 2, generator=generator)
    step = torch.rand(size, generator=generator)
    share = torch.cos(step * torch.pi / 2)[:, None]
    noise = torch.randn(size, 2, generator=generator)
    return (share * x + (1 - share.square()).sqrt() * noise, step), noise


@healthy("diffusion", note=NOTE, trained=200, updates=800)
def denoises_a_cloud(seed):
    model = Denoiser()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    fixed = sequences(noisy, 1024, 10_000)()
    draw = sequences(noisy, 128, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
