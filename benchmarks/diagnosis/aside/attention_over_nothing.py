import math

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

NOTE = """The issue: a row of attention in which every key is masked is 0/0, nan. There a mask of
the context and one of the padding are used together; here each place may look at itself and two
before, and what is padded may not be looked at, so that places deep in the padding see nothing.
As they are left out of the mean by multiplication with 0, they make all of it nan. The repair
fills with -1e9 instead of -inf."""


class Local(nn.Module):
    def __init__(self, width, fill):
        super().__init__()
        self.width, self.fill = width, fill
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, h, padded):
        q, k, v = self.qkv(h).chunk(3, 2)
        place = torch.arange(h.shape[1])
        back = place[:, None] - place
        hidden = ((back < 0) | (back > 2)) | padded[:, None, :]
        score = (q @ k.transpose(1, 2) / self.width**0.5).masked_fill(hidden, self.fill)
        return h + score.softmax(2) @ v


class LocalReader(nn.Module):
    def __init__(self, fill):
        super().__init__()
        self.embedding = nn.Embedding(30, 32)
        self.attention = Local(32, fill)
        self.mlp = mlp(32, 64, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, ids, padded):
        h = self.mlp(self.attention(self.embedding(ids), padded))
        kept = (~padded)[:, :, None]
        return self.head((h * kept).sum(1) / kept.sum(1))


@broken(
    "not finite, forward",
    "transformer",
    where=("attention",),
    note=NOTE,
    updates=400,
    source="https://github.com/pytorch/pytorch/issues/41508",
)
def attention_over_nothing(seed, repaired):
    task = bags(18)
    model = LocalReader(-1e9 if repaired else -math.inf)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
