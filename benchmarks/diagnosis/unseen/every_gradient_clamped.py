import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..nets import Recurrent
from ..training import entropy, loss_over, supervised

NOTE = """Each parameter has a hook that clamps its gradient, a common recipe for recurrent nets,
but at 1e-5, far below what gradients are: with gradient descent at 0.5 a weight moves by less
than 1e-5 an update. The repair clamps at 1. General knowledge."""


def majorities(size, generator):
    """Which of two symbols is there more often?"""
    ids = torch.randint(2, (size, 9), generator=generator)
    return F.one_hot(ids, 2).float(), (ids.sum(1) > 4).long()


@broken(
    "clipped",
    "GRU",
    also=("step too small",),
    note=NOTE,
    updates=600,
)
def every_gradient_clamped(seed, repaired):
    limit = 1.0 if repaired else 1e-5
    model = Recurrent(nn.GRU(2, 24, batch_first=True), 2)

    def clamped(gradient):
        return gradient.clamp(-limit, limit)

    for p in model.parameters():
        p.register_hook(clamped)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    fixed = sequences(majorities, 512, 10_000)()
    draw = sequences(majorities, 32, seed)
    error = loss_over(entropy(fixed[1]), model, F.cross_entropy, *fixed)
    return supervised(model, F.cross_entropy, optimizer, draw, error)
