import math

import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..nets import mlp
from ..training import loss_over, supervised

SOURCE = "https://github.com/gitabcworld/MatchingNetworks/issues/5"
NOTE = """The issue: a matching network takes a softmax of similarities to the examples of a set,
and its loss is a cross-entropy, which takes another. Here a query is matched with one of eight
candidates; the repair has no softmax in the model."""


class Matching(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.embed = mlp(10, 48, 16)
        self.attention = attention

    def forward(self, query, candidates):
        a, b = self.embed(query), self.embed(candidates)
        return self.attention(torch.einsum("nd,nkd->nk", a, b))


def matches(size, generator):
    """A query, eight candidates, and which of them is the query under noise, turned around."""
    query = torch.randn(size, 10, generator=generator)
    candidates = torch.randn(size, 8, 10, generator=generator)
    label = torch.randint(8, (size,), generator=generator)
    noise = 0.3 * torch.randn(size, 10, generator=generator)
    candidates[torch.arange(size), label] = query.flip(1) + noise
    return (query, candidates), label


@broken(
    "double softmax",
    "matching net",
    also=("output bounded",),
    where=("", "attention"),
    source=SOURCE,
    note=NOTE,
    updates=600,
)
def similarities_softmaxed_twice(seed, repaired):
    model = Matching(nn.Identity() if repaired else nn.Softmax(1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    fixed = sequences(matches, 512, 10_000)()
    draw = sequences(matches, 64, seed)
    error = loss_over(math.log(8), model, F.cross_entropy, *fixed)
    return supervised(model, F.cross_entropy, optimizer, draw, error)
