import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    spirals,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Hard gates, (score > 0).float(), choose which of the features pass: a comparison has no
gradient, and the gates stay as they were drawn. The repair is a sigmoid."""


class Gated(nn.Module):
    def __init__(self, soft):
        super().__init__()
        self.soft = soft
        self.gates = nn.Linear(2, 6)
        self.weigh = nn.Linear(6, 3)

    def forward(self, x):
        score = 6 * self.gates(x)
        gate = score.sigmoid() if self.soft else (score > 0).float()
        return self.weigh(gate)


@broken("cut off", "gated net", where=("gates",), note=NOTE, updates=2500)
def gates_by_threshold(seed, repaired):
    model = Gated(soft=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    draw = batches(spirals(2048), 128, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *spirals(1024, 1)))
