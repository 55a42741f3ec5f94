import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..nets import mlp
from ..training import call, evaluating, supervised

SOURCE = "https://github.com/sebastian-hofstaetter/matchmaker/issues/18"
NOTE = """The issue: a student that ranks is taught by ``KLDivLoss`` with the softmax of its scores,
where the logarithm of it is expected. Without it the loss asks for all weight on the teacher's
best item. Here a teacher with gentle preferences; the repair takes ``log_softmax``."""


class Student(nn.Module):
    """Distributions over the items of a list (batch, items, features)."""

    def __init__(self, logarithm):
        super().__init__()
        self.logarithm = logarithm
        self.score = mlp(5, 48, 48, 1, activation=nn.GELU)

    def forward(self, items):
        score = self.score(items)[..., 0]
        return score.log_softmax(1) if self.logarithm else score.softmax(1)


def taught(size, generator):
    items = torch.randn(size, 8, 5, generator=generator)
    return items, (items[..., 0] * items[..., 1] + items[..., 2]).softmax(1)


def divergence(out, target):
    return F.kl_div(out, target, reduction="batchmean")


@broken(
    "missing logarithm",
    "ranking, distilled",
    where=("", "score"),
    source=SOURCE,
    note=NOTE,
    updates=800,
)
def divergence_of_bare_probabilities(seed, repaired):
    model = Student(repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    items, target = sequences(taught, 256, 10_000)()
    even = (target * (target * 8).log()).sum(1).mean()

    def error():
        with evaluating(model):
            out = call(model, items)
        logarithm = out if repaired else out.log()
        return (F.kl_div(logarithm, target, reduction="batchmean") / even).item()

    draw = sequences(taught, 64, seed)
    return supervised(model, divergence, optimizer, draw, error)
