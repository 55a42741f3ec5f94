import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import supervised, unexplained

SOURCE = "https://github.com/philipperemy/keras-tcn/issues/1"
NOTE = """The issue: how the dilations of a temporal net are to be chosen; the receptive field must
cover what the answer depends on, and a test is told in which it is the first entry. Here five
causal layers of two taps without dilation see six steps back, and the answer stands 20 steps
back; the repair dilates by 1, 2, 4, 8 and 16."""


class Causal(nn.Module):
    def __init__(self, dilations, width=16):
        super().__init__()
        self.entry = nn.Conv1d(1, width, 1)
        self.layers = nn.ModuleList([nn.Conv1d(width, width, 2, dilation=d) for d in dilations])
        self.head = nn.Conv1d(width, 1, 1)

    def forward(self, x):
        h = self.entry(x)
        for layer in self.layers:
            h = h + torch.tanh(layer(F.pad(h, (layer.dilation[0], 0))))
        return self.head(h)[:, :, 20:]


def echoes(size, generator):
    sound = torch.randn(size, 1, 60, generator=generator)
    return sound, sound[:, :, :40] * 0.8


@broken(
    "short reach",
    "causal convolutions",
    also=("ignores input",),
    where=("", "layers", "head"),
    source=SOURCE,
    note=NOTE,
    trained=100,
    updates=400,
)
def convolutions_never_dilated(seed, repaired):
    model = Causal([1, 2, 4, 8, 16] if repaired else [1, 1, 1, 1, 1])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(echoes, 64, 10_000)()
    draw = sequences(echoes, 16, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
