import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    table,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Thirteen measurements of wines in their own units, from 0.1 to 1700: one column
outweighs all others. The repair standardises the columns. General knowledge."""


@broken(
    "input scale", "MLP, tanh", also=("saturated",), where=("0", "1", ""), note=NOTE, updates=500
)
def table_as_it_was_measured(seed, repaired):
    train, test = table("wine", standard=repaired)
    model = mlp(13, 32, 32, 3, activation=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
