import torch
from torch import nn

from ..case import broken
from ..data import sequences
from ..nets import Recurrent
from ..training import supervised, unexplained

SOURCE = "https://github.com/Photon-AI-Research/NeuralSolvers/issues/20"
NOTE = """The issue: a warning that a target of size (batch) differs from an input of size
(batch, 1), which is broadcast, mended by ``reshape(-1)``. Here a loss of its own, for the upper
quartile of a forecast, where no warning is given; the repair makes the target a column."""


def quartile_loss(out, target):
    """Large where an answer is not above three of four targets."""
    away = target - out
    return torch.maximum(0.75 * away, -0.25 * away).mean()


def swings(shape):
    """A swing of 16 steps with noise, and its next value."""

    def make(size, generator):
        pace = 0.3 + 0.5 * torch.rand(size, 1, generator=generator)
        start = 6.3 * torch.rand(size, 1, generator=generator)
        wave = torch.sin(start + pace * torch.arange(17))
        wave = wave + 0.05 * torch.randn(wave.shape, generator=generator)
        return wave[:, :16, None], wave[:, 16].reshape(shape)

    return make


@broken(
    "target shape",
    "GRU, quantile regression",
    also=("mixed examples",),
    source=SOURCE,
    note=NOTE,
    updates=500,
)
def forecast_column_beside_a_row(seed, repaired):
    model = Recurrent(nn.GRU(1, 24, batch_first=True), 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(swings((-1, 1)), 512, 10_000)()
    draw = sequences(swings((-1, 1) if repaired else (-1,)), 64, seed)
    return supervised(model, quartile_loss, optimizer, draw, unexplained(model, *fixed))
