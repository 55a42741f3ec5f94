import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..nets import mlp
from ..training import supervised, unexplained

NOTE = """A hypernetwork writes all weights of a small net from three numbers that describe a curve;
the net itself has no parameters of its own. The last layer starts small."""


class Hypernet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.width = width
        self.write = mlp(3, 64, 3 * width + 1, activation=nn.SiLU)
        with torch.no_grad():
            self.write[2].weight *= 0.1
        self.base = nn.Parameter(torch.randn(3 * width + 1))

    def forward(self, curve, x):
        written = self.base + self.write(curve)
        slope, shift, height = written[:, :-1].unflatten(1, (3, self.width)).unbind(1)
        h = torch.tanh(2 * slope[:, None] * x[..., None] + shift[:, None])
        return (h * height[:, None]).sum(2) / self.width**0.5 + written[:, -1:]


def curves(size, generator):
    curve = torch.randn(size, 3, generator=generator)
    x = 2 * torch.rand(size, 12, generator=generator) - 1
    a, b, c = curve[:, :, None].unbind(1)
    return (curve, x), a * x + b * x.square() + c * (2 * x).sin()


@healthy("hypernetwork", note=NOTE, updates=600)
def hypernet_writes_a_curve(seed):
    model = Hypernet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(seed)
    error = unexplained(model, *curves(256, torch.Generator().manual_seed(10_000)))
    return supervised(model, F.mse_loss, optimizer, lambda: curves(64, generator), error)
