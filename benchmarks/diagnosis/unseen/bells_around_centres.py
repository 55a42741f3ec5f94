import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..training import supervised, unexplained

NOTE = """A net of radial basis functions: each of 60 units is near zero but around its centre, and
so is its gradient; most units are silent for most inputs."""


class Bells(nn.Module):
    def __init__(self):
        super().__init__()
        self.centres = nn.Parameter(4 * torch.rand(60, 2) - 2)
        self.log_width = nn.Parameter(torch.full((60,), -0.9))
        self.head = nn.Linear(60, 1)

    def forward(self, x):
        far = (x[:, None] - self.centres).square().sum(2)
        return self.head(torch.exp(-far / self.log_width.exp().square()))


def hills(size, generator):
    x = 4 * torch.rand(size, 2, generator=generator) - 2
    return x, (2 * x[:, :1]).sin() * (2 * x[:, 1:]).cos()


@healthy("radial basis functions", note=NOTE, updates=800)
def bells_around_centres(seed):
    model = Bells()
    optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(seed)
    error = unexplained(model, *hills(1024, torch.Generator().manual_seed(10_000)))
    return supervised(model, F.mse_loss, optimizer, lambda: hills(128, generator), error)
