import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    loud_first_symbol,
    sequences,
)
from ..nets import (
    mlp,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """A diagonal linear recurrence with decays from 0.5 to 0.999 reads 80 steps; fast channels
forget the first symbol, as they are meant to, slow ones keep it."""


class StateSpace(nn.Module):
    def __init__(self, n_in, width, outputs):
        super().__init__()
        self.entry = nn.Linear(n_in, width)
        decay = 1 - torch.logspace(-0.3, -3, width)
        self.logit = nn.Parameter((decay / (1 - decay)).log())
        self.mix = mlp(width, width, outputs, activation=nn.GELU)

    def forward(self, x):
        u = self.entry(x)
        length = x.shape[1]
        log_decay = F.logsigmoid(self.logit)
        powers = (torch.arange(length - 1, -1, -1)[:, None] * log_decay).exp()
        h = (u * powers).sum(1) * (1 - log_decay.exp()).sqrt()
        return self.mix(h)


@healthy("state space", note=NOTE, updates=1000)
def state_space_remembers(seed):
    task = loud_first_symbol(80)
    model = StateSpace(4, 32, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
