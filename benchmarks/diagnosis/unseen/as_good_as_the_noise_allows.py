import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..nets import Recurrent
from ..training import call, evaluating, supervised

NOTE = """A forecast of a process of which four fifths of the variance are chance: after 400
updates the loss is where it stays, near 1, and nothing is wrong. Judged by the part that can be
foretold."""


def process(size, generator):
    shocks = torch.randn(size, 24, generator=generator)
    known = (0.5 * shocks[:, -2] + 0.3 * shocks[:, -3].abs() - 0.24)[:, None]
    x = shocks[:, :-1, None]
    return x, known + shocks[:, -1:], known


@healthy("LSTM, forecast", note=NOTE, trained=400, updates=600)
def as_good_as_the_noise_allows(seed):
    model = Recurrent(nn.LSTM(1, 16, batch_first=True), 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = sequences(process, 64, seed)
    x, _, known = sequences(process, 1024, 10_000)()

    def error():
        with evaluating(model):
            return ((call(model, x) - known).square().mean() / known.var()).item()

    return supervised(model, F.mse_loss, optimizer, lambda: draw()[:2], error)
