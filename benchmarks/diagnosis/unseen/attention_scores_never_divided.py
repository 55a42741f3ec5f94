import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/PAIR-code/tiny-transformers/issues/71"
NOTE = """The issue: raw attention is not divided by the root of the dimension. Here it is even
multiplied by the dimension, and the softmax starts at its ends: it picks one place and gets no
gradient. The task is a look-up of values by keys; the repair divides by the root."""


class LookUp(nn.Module):
    """Attention of one query to pairs of a key and a value."""

    def __init__(self, power, width=64):
        super().__init__()
        self.scale = width**power
        self.key = nn.Embedding(16, width)
        self.value = nn.Embedding(8, width)
        self.to_query = nn.Linear(width, width)
        self.to_key = nn.Linear(width, width)
        self.attention = nn.Softmax(-1)
        self.head = nn.Linear(width, 8)

    def forward(self, keys, values, asked):
        query = self.to_query(self.key(asked))
        scores = torch.einsum("nd,ntd->nt", query, self.to_key(self.key(keys))) * self.scale
        return self.head(torch.einsum("nt,ntd->nd", self.attention(scores), self.value(values)))


def pairs(size, generator):
    keys = torch.rand(size, 16, generator=generator).argsort(1)[:, :8]
    values = torch.randint(8, (size, 8), generator=generator)
    place = torch.randint(8, (size, 1), generator=generator)
    return (keys, values, keys.gather(1, place)[:, 0]), values.gather(1, place)[:, 0]


@broken(
    "saturated",
    "attention, look-up",
    where=("", "attention", "to_query", "to_key"),
    source=SOURCE,
    note=NOTE,
    updates=400,
)
def attention_scores_never_divided(seed, repaired):
    model = LookUp(-0.5 if repaired else 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    fixed = sequences(pairs, 512, 10_000)()
    draw = sequences(pairs, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
