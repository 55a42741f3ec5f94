import math

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
    loss_over,
    supervised,
)

NOTE = """The optimiser is made first and the classifier replaced afterwards: the new one is not
in the optimiser, the old one is. What is before it learns to live with it, but only so far.
General knowledge; what was left out of the optimiser in the source is the classifier, too."""


@broken(
    "not in optimizer",
    "LSTM",
    where=("head",),
    note=NOTE,
    updates=600,
    source="https://github.com/zjunlp/HVPNeT/issues/5",
)
def head_replaced_after_the_optimizer(seed, repaired):
    task = first_symbol(8, symbols=8)
    model = Recurrent(nn.LSTM(8, 20, batch_first=True), 2)
    with torch.no_grad():
        model.rnn.bias_ih_l0[20:40] += 3
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    model.head = nn.Linear(20, 8)
    if repaired:
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 64, seed)
    error = loss_over(math.log(8), model, F.cross_entropy, *fixed)
    return supervised(model, F.cross_entropy, optimizer, draw, error)
