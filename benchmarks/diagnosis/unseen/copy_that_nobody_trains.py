import copy

import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/skorch-dev/skorch/issues/317"
NOTE = """The issue: after a deep copy of a net with its optimiser, the copy's weights stay as they
are, as the optimiser still holds those of the first. Here the copy is trained, too, with the
optimiser of the first; the repair makes the optimiser from the copy."""


class Mixer(nn.Module):
    """A gated unit over the places of a short sequence."""

    def __init__(self, width=24):
        super().__init__()
        self.embedding = nn.Embedding(5, width)
        self.gate = nn.Linear(5 * width, 2 * width)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 5)

    def forward(self, ids):
        return self.head(self.norm(F.glu(self.gate(self.embedding(ids).flatten(1)))))


def commonest(size, generator):
    ids = torch.randint(5, (size, 5), generator=generator)
    return ids, F.one_hot(ids, 5).sum(1).argmax(1)


@broken(
    "not in optimizer",
    "gated MLP",
    source=SOURCE,
    note=NOTE,
    updates=500,
)
def copy_that_nobody_trains(seed, repaired):
    first = Mixer()
    model = copy.deepcopy(first)
    trained = model if repaired else first
    optimizer = torch.optim.Adam(trained.parameters(), lr=3e-3)
    fixed = sequences(commonest, 512, 10_000)()
    draw = sequences(commonest, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
