import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    bags,
    sequences,
)
from ..nets import (
    mlp,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """The issue: ``torch.std`` of a single number is nan, as it divides by one less than there
are. Here each row is standardised over the words it has, and some rows have only one. The repair
divides by their number."""


class PerRow(nn.Module):
    """Standardises each row over the places that are not padded."""

    def __init__(self, less):
        super().__init__()
        self.less = less

    def forward(self, h, padded):
        kept = (~padded)[:, :, None]
        count = kept.sum(1, keepdim=True)
        mean = (h * kept).sum(1, keepdim=True) / count
        away = (h - mean) * kept
        variance = away.square().sum(1, keepdim=True) / (count - self.less)
        return away / (variance + 1e-5).sqrt()


class Tagger(nn.Module):
    def __init__(self, less):
        super().__init__()
        self.embedding = nn.Embedding(30, 24)
        self.mix = mlp(24, 48, 24)
        self.standardise = PerRow(less)
        self.head = mlp(48, 32, 2)

    def forward(self, ids, padded):
        h = self.mix(self.embedding(ids))
        kept = (~padded)[:, :, None]
        mean = (h * kept).sum(1) / kept.sum(1)
        top = self.standardise(h, padded).masked_fill(padded[:, :, None], -9.0).max(1).values
        return self.head(torch.cat([mean, top], 1))


def with_short_rows(length):
    task = bags(length)

    def make(size, generator):
        (ids, padded), label = task(size, generator)
        short = torch.rand(size, generator=generator) < 0.1
        padded[:, 1:] |= short[:, None]
        label = torch.where(short, (ids[:, 0] > 15).long(), label)
        return (ids.masked_fill(padded, 0), padded), label

    return make


@broken(
    "not finite, forward",
    "text classifier",
    where=("standardise",),
    note=NOTE,
    updates=400,
    source="https://github.com/pytorch/pytorch/issues/29372",
)
def deviation_of_a_single_number(seed, repaired):
    task = with_short_rows(18)
    model = Tagger(0 if repaired else 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
