import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/tensorflow/tensorflow/issues/36785"
NOTE = """The issue: the default rate of Adadelta has become 0.001, as for other optimisers, where
the paper's rule has none, that is 1. With it training hardly moves. The repair has 1."""


class Mixer(nn.Module):
    """One block of an MLP-Mixer over patches (batch, patches, features)."""

    def __init__(self, patches=9, width=24):
        super().__init__()
        self.entry = nn.Linear(4, width)
        self.norm1 = nn.LayerNorm(width)
        self.across = nn.Sequential(nn.Linear(patches, 32), nn.GELU(), nn.Linear(32, patches))
        self.norm2 = nn.LayerNorm(width)
        self.within = nn.Sequential(nn.Linear(width, 48), nn.GELU(), nn.Linear(48, width))
        self.head = nn.Linear(patches * width, 9)

    def forward(self, x):
        h = self.entry(x)
        h = h + self.across(self.norm1(h).transpose(1, 2)).transpose(1, 2)
        h = h + self.within(self.norm2(h))
        return self.head(h.flatten(1))


def brightest(size, generator):
    """Nine patches of four numbers, and which of them is the brightest."""
    patches = torch.randn(size, 9, 4, generator=generator)
    return patches, patches.sum(2).argmax(1)


@broken(
    "step too small",
    "MLP-Mixer",
    source=SOURCE,
    note=NOTE,
    updates=600,
)
def adadelta_with_the_rate_of_adam(seed, repaired):
    model = Mixer()
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0 if repaired else 1e-3)
    fixed = sequences(brightest, 512, 10_000)()
    draw = sequences(brightest, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
