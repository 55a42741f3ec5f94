import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..nets import mlp
from ..training import supervised, unexplained

NOTE = """A neural ODE: a field of velocities is integrated by 20 steps of Runge and Kutta, and its
net is called 80 times in one forward pass."""


class Motion(nn.Module):
    """The path (batch, steps, 2) from where points start."""

    def __init__(self):
        super().__init__()
        self.field = mlp(2, 32, 2, activation=nn.Tanh)

    def forward(self, z):
        path = []
        for _ in range(20):
            one = self.field(z)
            two = self.field(z + 0.05 * one)
            three = self.field(z + 0.05 * two)
            four = self.field(z + 0.1 * three)
            z = z + 0.1 / 6 * (one + 2 * two + 2 * three + four)
            path.append(z)
        return torch.stack(path, 1)


def spirals(size, generator):
    start = 2 * torch.rand(size, 2, generator=generator) - 1
    turn = torch.linalg.matrix_exp(0.1 * torch.tensor([[-0.3, 2.0], [-2.0, -0.3]]))
    path = [start]
    for _ in range(20):
        path.append(path[-1] @ turn)
    return start, torch.stack(path[1:], 1)


@healthy("neural ODE", note=NOTE, updates=250)
def spiral_by_runge_kutta(seed):
    model = Motion()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(seed)
    error = unexplained(model, *spirals(256, torch.Generator().manual_seed(10_000)))
    return supervised(model, F.mse_loss, optimizer, lambda: spirals(32, generator), error)
