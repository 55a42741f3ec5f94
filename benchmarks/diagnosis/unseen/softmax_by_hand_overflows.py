import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/pytorch/executorch/pull/18407"
NOTE = """The pull request: a softmax computed as exp(x) / sum(exp(x)) overflows where scores are
above 88.7, and infinity over infinity is nan. Here such a softmax pools a set of readings, some
of which are some 500 strong; the repair subtracts the largest score first."""


class Pooled(nn.Module):
    """A weighted mean over a set, with weights that depend on the readings."""

    def __init__(self, stable):
        super().__init__()
        self.stable = stable
        self.score = nn.Linear(2, 1, bias=False)
        self.value = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32))
        self.head = nn.Linear(32, 4)
        nn.init.constant_(self.score.weight, 0.3)

    def forward(self, x):
        score = self.score(x)
        if self.stable:
            score = score - score.max(1, keepdim=True).values
        power = score.exp()
        weight = power / power.sum(1, keepdim=True)
        return self.head((weight * self.value(x / 100)).sum(1))


def readings(size, generator):
    """Sets of 6 readings of a strength and a hundredfold kind; the strongest one's kind counts."""
    strength = 500 * torch.rand(size, 6, generator=generator)
    kind = torch.randint(4, (size, 6), generator=generator)
    strongest = strength.argmax(1, keepdim=True)
    return torch.stack([strength, 100.0 * kind], -1), kind.gather(1, strongest)[:, 0]


@broken(
    "not finite, forward",
    "attention over a set",
    also=("input scale", "exploding"),
    where=("", "score"),
    source=SOURCE,
    note=NOTE,
    updates=600,
)
def softmax_by_hand_overflows(seed, repaired):
    model = Pooled(repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(readings, 512, 10_000)()
    draw = sequences(readings, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
