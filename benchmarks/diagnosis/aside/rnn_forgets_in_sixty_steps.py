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

NOTE = """An RNN of tanh as PyTorch initialises it names the first of 60 symbols: the gradient
fades along time. The repair starts with orthogonal recurrent weights of gain 1 and reads with
small input weights. General knowledge; the comparison of RNN and LSTM on long sequences is like
that of the source."""


@broken(
    "vanishing",
    "RNN, tanh",
    also=("short reach",),
    where=("rnn",),
    note=NOTE,
    updates=600,
    source="https://github.com/Atcold/NYU-DLSP20/pull/93",
)
def rnn_forgets_in_sixty_steps(seed, repaired):
    task = first_symbol(60)
    model = Recurrent(nn.RNN(4, 48, batch_first=True), 4)
    if repaired:
        nn.init.orthogonal_(model.rnn.weight_hh_l0)
        with torch.no_grad():
            model.rnn.weight_ih_l0 *= 0.3
            model.rnn.bias_ih_l0.zero_()
            model.rnn.bias_hh_l0.zero_()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
