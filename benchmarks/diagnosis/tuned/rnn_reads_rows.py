import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..nets import (
    Recurrent,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Elman's net of tanh with orthogonal weights reads a digit in 16 steps, first by rows and
then by columns."""


@healthy("RNN, tanh", note=NOTE, updates=500)
def rnn_reads_rows(seed):
    train, test = standard_digits()

    def rows(data):
        x = data[0][:, 0]
        return torch.cat([x, x.transpose(1, 2)], 1), data[1]

    model = Recurrent(nn.RNN(8, 48, batch_first=True), 10)
    nn.init.orthogonal_(model.rnn.weight_hh_l0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches(rows(train), 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *rows(test)))
