import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..training import batches, evaluating, supervised

NOTE = """Three exits, each with a loss, added up with small weights for the early ones; outputs
come as a stack. Judged by the last."""


class Exits(nn.Module):
    """Logits of three exits, (3, batch, classes)."""

    def __init__(self, width=40):
        super().__init__()
        self.stages = nn.ModuleList([nn.Linear(64, width), nn.Linear(width, width)])
        self.stages.append(nn.Linear(width, width))
        self.exits = nn.ModuleList([nn.Linear(width, 10) for _ in range(3)])

    def forward(self, h):
        out = []
        for stage, leave in zip(self.stages, self.exits, strict=True):
            h = F.silu(stage(h))
            out.append(leave(h))
        return torch.stack(out)


def weighted(out, label):
    losses = [F.cross_entropy(logits, label) for logits in out]
    return 0.1 * losses[0] + 0.3 * losses[1] + losses[2]


@healthy("MLP with early exits", note=NOTE, updates=300)
def exits_on_the_way(seed):
    train, (x, y) = standard_digits(flat=True)
    model = Exits()
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)

    def error():
        with evaluating(model):
            return (model(x)[2].argmax(1) != y).double().mean().item() / 0.9

    return supervised(model, weighted, optimizer, batches(train, 64, seed), error)
