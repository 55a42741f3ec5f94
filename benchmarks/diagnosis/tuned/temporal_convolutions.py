import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    sequences,
)
from ..training import (
    supervised,
    unexplained,
)

NOTE = """Dilated causal convolutions with skip connections and weight norm forecast a noisy wave;
the regression's targets are of size one."""


class Temporal(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.entry = nn.Conv1d(1, width, 1)
        norm = nn.utils.parametrizations.weight_norm
        self.layers = nn.ModuleList(
            [norm(nn.Conv1d(width, width, 2, dilation=2**i)) for i in range(5)]
        )
        self.out = nn.Conv1d(width, 1, 1)

    def forward(self, x):
        h = self.entry(x)
        for i, layer in enumerate(self.layers):
            h = h + F.relu(layer(F.pad(h, (2**i, 0))))
        return self.out(h)


def forecasts(size, generator):
    frequency = 0.1 + 0.3 * torch.rand(size, 1, 1, generator=generator)
    phase = 6.3 * torch.rand(size, 1, 1, generator=generator)
    wave = torch.sin(frequency * torch.arange(65) + phase)
    wave = wave + 0.05 * torch.randn(wave.shape, generator=generator)
    return wave[:, :, :-4], wave[:, :, 4:]


@healthy("temporal convolutions", note=NOTE, updates=400)
def temporal_convolutions(seed):
    model = Temporal()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    fixed = sequences(forecasts, 128, 10_000)()
    draw = sequences(forecasts, 16, seed)
    return supervised(model, F.smooth_l1_loss, optimizer, draw, unexplained(model, *fixed))
