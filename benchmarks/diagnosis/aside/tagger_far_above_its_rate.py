import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    sequences,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """The issue: a tagger with an LSTM learns with Adam at 0.001; at 0.01 and 0.1 the loss
falls first and then rises, to nan in the end. Here at 1, after 30 updates."""


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 16)
        self.lstm = nn.LSTM(16, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, 3)

    def forward(self, ids):
        return self.head(self.lstm(self.embedding(ids))[0]).transpose(1, 2)


def comparisons(size, generator):
    """Is each symbol smaller than, equal to or larger than the one before it?"""
    ids = torch.randint(12, (size, 12), generator=generator)
    before = torch.cat([ids[:, :1], ids[:, :-1]], 1)
    return ids, (ids - before).sign() + 1


@broken(
    "step too large",
    "LSTM, bidirectional",
    also=("saturated",),
    note=NOTE,
    trained=30,
    updates=600,
    source="https://github.com/guillaumegenthial/sequence_tagging/issues/47",
)
def tagger_far_above_its_rate(seed, repaired):
    model = Tagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005 if repaired else 1.0)
    fixed = sequences(comparisons, 256, 10_000)()
    draw = sequences(comparisons, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
