import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..nets import mlp
from ..training import supervised, unexplained

NOTE = """Deep sets: the features of up to 60 elements are added, not averaged, so that the head
sees numbers far above 1; targets are up to 60. Elements beyond the set's end are masked out."""


class DeepSet(nn.Module):
    def __init__(self):
        super().__init__()
        self.each = mlp(3, 32, 32)
        self.all = mlp(32, 32, 1)

    def forward(self, x, there):
        return self.all((self.each(x) * there[..., None]).sum(1))


def crowds(size, generator):
    """How many of the elements lie in a half-space?"""
    x = torch.randn(size, 60, 3, generator=generator)
    there = torch.arange(60) < torch.randint(5, 61, (size, 1), generator=generator)
    inside = (x.sum(2) > 0) & there
    return (x, there), inside.sum(1, keepdim=True).float()


@healthy("deep sets", note=NOTE, updates=400)
def sets_are_added_up(seed):
    model = DeepSet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    fixed = sequences(crowds, 512, 10_000)()
    draw = sequences(crowds, 64, seed)
    return supervised(model, F.l1_loss, optimizer, draw, unexplained(model, *fixed))
