import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..training import batches, missed, supervised

NOTE = """A capsule net of three layers without routing. Squashing makes a short vector's length
about its square: of votes drawn too small nothing is left after three layers, neither of the
lengths nor of the gradient. The repair draws the transformations larger. General knowledge."""


def squash(s):
    squared = s.square().sum(-1, keepdim=True)
    return squared / (1 + squared) * s / (squared + 1e-12).sqrt()


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
        return (v.square().sum(-1) + 1e-12).sqrt()


def margin_loss(length, label):
    present = F.one_hot(label, 10)
    short = F.relu(0.9 - length).square()
    long = F.relu(length - 0.1).square()
    return (present * short + 0.5 * (1 - present) * long).sum(1).mean()


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
