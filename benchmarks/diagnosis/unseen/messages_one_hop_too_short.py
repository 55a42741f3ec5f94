import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

NOTE = """Nodes on a ring of 14 pass messages to their neighbours. Each node is to name the colour
of the node three steps further; with two rounds it hears of none beyond two. The repair has three
rounds. General knowledge."""


class Ring(nn.Module):
    """Rounds of messages on a ring of nodes (batch, nodes, features)."""

    def __init__(self, rounds, width=24):
        super().__init__()
        self.entry = nn.Linear(4, width)
        self.rounds = nn.ModuleList([nn.Linear(3 * width, width) for _ in range(rounds)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        h = self.entry(x)
        for layer in self.rounds:
            heard = torch.cat([h, h.roll(1, 1), h.roll(-1, 1)], 2)
            h = h + F.relu(layer(self.norm(heard.unflatten(2, (3, -1))).flatten(2)))
        return self.head(h).transpose(1, 2)


def colours(size, generator):
    ids = torch.randint(4, (size, 14), generator=generator)
    return F.one_hot(ids, 4).float(), ids.roll(-3, 1)


@broken(
    "short reach",
    "graph net on a ring",
    also=("ignores input",),
    where=("", "rounds", "head"),
    note=NOTE,
    updates=500,
)
def messages_one_hop_too_short(seed, repaired):
    model = Ring(3 if repaired else 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(colours, 64, 10_000)()
    draw = sequences(colours, 16, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
