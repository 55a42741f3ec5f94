import torch
from torch import nn

from ..case import broken
from ..nets import mlp
from ..training import call, evaluating, supervised

SOURCE = "https://github.com/pytorch/pytorch/issues/98276"
NOTE = """The issue: ``torch.atan2`` has a gradient of nan where both arguments are exactly zero.
Since then PyTorch has made it zero. Here a net names the direction of a target by ``atan2`` of
its two last outputs, and that layer starts at zero, as is usual for heads: no gradient ever comes.
The repair starts it a little away from zero."""


class Heading(nn.Module):
    """An angle from the difference of two readings."""

    def __init__(self, deviation):
        super().__init__()
        self.body = mlp(4, 48, 48, 2, activation=nn.ELU)
        nn.init.normal_(self.body[4].weight, std=deviation)
        nn.init.zeros_(self.body[4].bias)

    def forward(self, x):
        sine, cosine = self.body(x).unbind(1)
        return torch.atan2(sine, cosine)


def turned_away(angle, target):
    return (1 - torch.cos(angle - target)).mean()


def readings(size, generator):
    x = torch.randn(size, 4, generator=generator)
    return x, torch.atan2(x[:, 0] - x[:, 1], x[:, 2] + x[:, 3])


@broken(
    "symmetric start",
    "regression of angles",
    also=("vanishing", "cut off"),
    where=("", "body"),
    source=SOURCE,
    note=NOTE,
    updates=400,
)
def heading_of_a_zero_vector(seed, repaired):
    model = Heading(0.1 if repaired else 0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(seed)
    x, target = readings(1024, torch.Generator().manual_seed(10_000))

    def error():
        with evaluating(model):
            return turned_away(call(model, x), target).item()

    return supervised(model, turned_away, optimizer, lambda: readings(64, generator), error)
