import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..training import supervised, unexplained

NOTE = """An echo state net: a recurrent net with random weights, scaled to a spectral radius of 0.9
and frozen on purpose; only the readout is trained, and only it is given to the optimiser."""


class Reservoir(nn.Module):
    def __init__(self, width=100):
        super().__init__()
        self.rnn = nn.RNN(1, width, batch_first=True).requires_grad_(False)
        with torch.no_grad():
            weight = torch.randn(width, width)
            self.rnn.weight_hh_l0.copy_(0.9 * weight / torch.linalg.eigvals(weight).abs().max())
            self.rnn.weight_ih_l0.uniform_(-0.3, 0.3)
        self.readout = nn.Linear(width, 1)

    def forward(self, x):
        return self.readout(self.rnn(x)[0][:, 20:])


def delayed(size, generator):
    x = 2 * torch.rand(size, 60, 1, generator=generator) - 1
    return x, x[:, 16:-4] + x[:, 18:-2] * 0.5


@healthy("echo state net", note=NOTE, trained=200, updates=600)
def reservoir_that_is_never_trained(seed):
    model = Reservoir()
    optimizer = torch.optim.Adam(model.readout.parameters(), lr=1e-2)
    fixed = sequences(delayed, 32, 10_000)()
    draw = sequences(delayed, 8, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
