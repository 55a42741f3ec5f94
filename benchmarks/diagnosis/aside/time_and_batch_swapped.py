import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    first_symbol,
    sequences,
)
from ..nets import (
    Recurrent,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """The issue: an LSTM made without ``batch_first`` is given (batch, time, features): it
reads along the batch, so that what an example is told depends on the examples before it, and its
own time steps do not meet. An axis is mixed up: outputs of one example depend on the others."""


@broken(
    "mixed examples",
    "LSTM",
    where=("rnn",),
    note=NOTE,
    updates=1000,
    source="https://github.com/HHTseng/video-classification/issues/42",
)
def time_and_batch_swapped(seed, repaired):
    task = first_symbol(8, symbols=6)
    model = Recurrent(nn.LSTM(6, 32, batch_first=repaired), 6)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 64, 10_000)()
    draw = sequences(task, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
