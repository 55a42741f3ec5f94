import torch
from torch import nn

from ..case import broken
from ..data import standard_digits
from ..training import batches, missed, supervised
from .capsules import lengths, margin_loss, squash

NOTE = """A capsule net of three layers without routing. Squashing makes a short vector's length
about its square: of votes drawn too small nothing is left after three layers, neither of the
lengths nor of the gradient. The repair draws the transformations larger. General knowledge."""


class Capsules(nn.Module):
    """Every capsule below votes for every capsule above, and the votes are added and squashed."""

    def __init__(self, below, above, size, deviation):
        super().__init__()
        self.votes = nn.Parameter(deviation * torch.randn(below, above, size, size))

    def forward(self, u):
        return squash(torch.einsum("nis,ijst->njt", u, self.votes))


class CapsuleNet(nn.Module):
    def __init__(self, deviation):
        super().__init__()
        self.primary = nn.Linear(64, 12 * 6)
        self.first = Capsules(12, 12, 6, deviation)
        self.second = Capsules(12, 12, 6, deviation)
        self.digits = Capsules(12, 10, 6, deviation)

    def forward(self, x):
        u = squash(self.primary(x).unflatten(1, (12, 6)))
        v = self.digits(self.second(self.first(u)))
        return lengths(v)


@broken(
    "vanishing",
    "capsule net",
    also=("below epsilon",),
    where=("", "primary", "first", "second", "digits"),
    note=NOTE,
    updates=400,
)
def capsules_squash_small_votes(seed, repaired):
    train, test = standard_digits(flat=True)
    model = CapsuleNet(0.15 if repaired else 0.005)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches(train, 64, seed)
    return supervised(model, margin_loss, optimizer, draw, missed(model, *test))
