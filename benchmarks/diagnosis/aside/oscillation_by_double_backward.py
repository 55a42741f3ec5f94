import math

import torch
from torch import nn

from ..case import healthy
from ..nets import (
    mlp,
)
from ..training import (
    evaluating,
    own_loss,
)

NOTE = """A net solves u'' = -π² u, u(0) = 0, u'(0) = π by its own derivatives: two passes back
inside the loss. The boundary values are built in."""


class Solution(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(1, 32, 32, 1, activation=nn.Tanh)

    def u(self, t):
        return math.pi * t + t.square() * self.net(t)

    def forward(self, t):
        with torch.enable_grad():
            t = t.detach().requires_grad_()
            u = self.u(t)
            (first,) = torch.autograd.grad(u.sum(), t, create_graph=True)
            (second,) = torch.autograd.grad(first.sum(), t, create_graph=True)
        return ((second + math.pi**2 * u) / math.pi**2).square().mean()


@healthy("physics-informed MLP", note=NOTE, updates=1500)
def oscillation_by_double_backward(seed):
    generator = torch.Generator().manual_seed(seed)
    model = Solution()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    t = torch.linspace(0, 1.5, 200)[:, None]
    true = (math.pi * t).sin()

    def draw():
        return {"t": 1.5 * torch.rand(64, 1, generator=generator)}

    def error():
        with evaluating(model):
            return ((model.u(t) - true).square().mean() / true.var()).item()

    return own_loss(model, optimizer, draw, error)
