import torch
from torch import nn

from ..case import broken
from ..data import (
    standard_digits,
)
from ..training import (
    batches,
    supervised,
    unexplained,
)

NOTE = """The issue: predicted maps (N, 1, H, W), true ones (N, H, W): the loss is taken of all
pairs of images, and every prediction becomes the mean of all true maps."""


@broken(
    "target shape",
    "CNN, image regression",
    note=NOTE,
    updates=300,
    source="https://github.com/jiwei0921/CoNet/issues/3",
)
def maps_without_their_channel(seed, repaired):
    (x, _), (held, _) = standard_digits()
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(x.shape, generator=generator)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(16, 1, 1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    target = x if repaired else x[:, 0]
    fixed = held + 0.7 * torch.randn(held.shape, generator=generator)

    def loss(out, target):
        return (out - target).abs().mean()

    draw = batches((x + 0.7 * noise, target), 32, seed)
    return supervised(model, loss, optimizer, draw, unexplained(model, fixed, held))
