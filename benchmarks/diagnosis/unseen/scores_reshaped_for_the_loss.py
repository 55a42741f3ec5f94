import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/weirme/FCSN/issues/32"
NOTE = """The issue: scores of shape (batch, classes, frames) are reshaped to rows of classes, where
they would have to be permuted first: a row holds scores of one class at several frames. Here a
net on a signal that finds where it rises; the repair permutes."""


def by_reshape(out, label):
    return F.cross_entropy(out.reshape(-1, out.shape[1]), label.reshape(-1))


def by_permute(out, label):
    return F.cross_entropy(out.permute(0, 2, 1).reshape(-1, out.shape[1]), label.reshape(-1))


def signals(size, generator):
    """A signal of 24 frames, and whether it is low, rising, high or falling there."""
    pace = 0.2 + 0.3 * torch.rand(size, 1, generator=generator)
    angle = 6.3 * torch.rand(size, 1, generator=generator) + pace * torch.arange(24)
    noise = 0.05 * torch.randn(size, 24, generator=generator)
    return (angle.sin() + noise)[:, None], ((angle + 3.1416 / 4) / (3.1416 / 2)).long() % 4


@broken(
    "target shape",
    "CNN, segmentation of signals",
    also=("mixed examples",),
    source=SOURCE,
    note=NOTE,
    updates=400,
)
def scores_reshaped_for_the_loss(seed, repaired):
    model = nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3, padding_mode="reflect"),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Conv1d(16, 16, 5, padding=2, padding_mode="reflect"),
        nn.ReLU(),
        nn.Conv1d(16, 4, 1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = by_permute if repaired else by_reshape
    fixed = sequences(signals, 256, 10_000)()
    draw = sequences(signals, 32, seed)
    return supervised(model, loss, optimizer, draw, missed(model, *fixed))
