import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    supervised,
    unexplained,
)

NOTE = """Several issues: the actor's output goes to -1 or 1 and stays, as what reaches its tanh
is far too large; one of those who found it normalised the state. Here an actor is to copy a
controller, from a state in its own units (millimetres), and its hidden layers are tanh as
well."""


class Actor(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.register_buffer("scale", scale)
        self.body = mlp(4, 32, 32, activation=nn.Tanh)
        self.out = nn.Linear(32, 2)

    def forward(self, state):
        return torch.tanh(self.out(torch.tanh(self.body(state / self.scale))))


@broken(
    "saturated",
    "actor, tanh",
    also=("input scale",),
    where=("body", "out", ""),
    note=NOTE,
    updates=1000,
    source="https://github.com/floodsung/DDPG/issues/6",
)
def actor_saturated_by_its_state(seed, repaired):
    generator = torch.Generator().manual_seed(0)
    units = torch.tensor([3000.0, 3000.0, 9000.0, 9000.0])
    plain = torch.randn(2048, 4, generator=generator)
    wanted = 0.8 * torch.sin(0.7 * plain @ torch.randn(4, 2, generator=generator))
    state = plain * units
    model = Actor(units if repaired else torch.ones(4))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((state, wanted), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, state, wanted))
