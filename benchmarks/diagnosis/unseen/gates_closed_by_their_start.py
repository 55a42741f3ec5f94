import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import supervised, unexplained

NOTE = """Each of 12 channels has a learned gate, a sigmoid of one number, meant to be pruned later.
The numbers start at -18: the gates let through a hundred-millionth and pass on as little gradient.
The repair starts them at 3. General knowledge."""


class Gated(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(2, 12, 3, padding=1), nn.ELU())
        self.gate = nn.Sigmoid()
        self.openness = nn.Parameter(torch.full((12, 1), start))
        self.head = nn.Conv1d(12, 1, 3, padding=1)

    def forward(self, x):
        return self.head(self.gate(self.openness) * self.body(x))


def products(size, generator):
    x = torch.randn(size, 2, 20, generator=generator)
    return x, F.avg_pool1d(x[:, :1].abs() + x[:, 1:], 3, stride=1, padding=1)


@broken(
    "saturated",
    "CNN with gates",
    also=("vanishing", "dead units", "ignores input"),
    where=("", "gate", "head"),
    note=NOTE,
    updates=600,
)
def gates_closed_by_their_start(seed, repaired):
    model = Gated(3.0 if repaired else -18.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    fixed = sequences(products, 128, 10_000)()
    draw = sequences(products, 16, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
