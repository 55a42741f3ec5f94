import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from ..case import healthy
from ..data import (
    bags,
    sequences,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """Rows of different lengths, packed, read in both directions by two layers of GRU."""


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 16, padding_idx=0)
        self.gru = nn.GRU(16, 24, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(48, 2)

    def forward(self, ids, padded):
        lengths = (~padded).sum(1)
        packed = pack_padded_sequence(
            self.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
        _, last = self.gru(packed)
        return self.head(torch.cat([last[-2], last[-1]], 1))


@healthy("GRU, bidirectional, packed", note=NOTE, updates=400)
def packed_bidirectional_gru(seed):
    task = bags(15)
    model = Packed()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
