import torch
from torch import nn

from ..case import broken
from ..data import (
    bags,
    sequences,
)
from ..nets import (
    mlp,
)
from ..training import (
    supervised,
    unexplained,
)

NOTE = """The issue: the model's head squeezes its output to (N,), labels are (N, 1), "incorrect
results due to broadcasting"; a text model of a real number there."""


class Rater(nn.Module):
    def __init__(self, squeezed):
        super().__init__()
        self.squeezed = squeezed
        self.embedding = nn.EmbeddingBag(30, 24, mode="mean", padding_idx=0)
        self.regress = mlp(24, 32, 1)

    def forward(self, ids):
        out = self.regress(self.embedding(ids))
        return out.squeeze(1) if self.squeezed else out


def scored(size, generator):
    (ids, _), _ = bags(12)(size, generator)
    worth = torch.linspace(-2, 2, 30)[ids] * (ids > 0)
    return ids, worth.sum(1, keepdim=True) / (ids > 0).sum(1, keepdim=True)


@broken(
    "target shape",
    "text regression",
    note=NOTE,
    updates=600,
    source="https://github.com/deepset-ai/FARM/issues/229",
)
def squeezed_by_the_model(seed, repaired):
    model = Rater(squeezed=not repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(scored, 512, 10_000)()
    draw = sequences(scored, 64, seed)

    def squared(out, target):
        return (out - target).square().mean()

    return supervised(model, squared, optimizer, draw, unexplained(model, *fixed))
