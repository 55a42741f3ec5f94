import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    digits,
)
from ..training import (
    batches,
    supervised,
    unexplained,
)

NOTE = """The issue: batch norm was used, erroneously, with batches of one; in evaluation mode the
predictions made no sense. Here the exposure of an image is asked for: normalised by itself alone,
an image looks the same at any exposure. The repair has batches of 16."""


@broken(
    "evaluation mode",
    "CNN, batch norm",
    where=("1", "4"),
    also=("ignores input",),
    note=NOTE,
    updates=600,
    source="https://github.com/wolny/pytorch-3dunet/issues/53",
)
def batches_of_one_image(seed, repaired):
    (x, _), (held, _) = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 12, 3, 2, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(192, 1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches(exposed(x, seed), 16 if repaired else 1, seed)
    error = unexplained(model, *exposed(held, 10_000))
    return supervised(model, F.mse_loss, optimizer, draw, error)


def exposed(x, seed):
    generator = torch.Generator().manual_seed(seed)
    exposure = torch.randn(len(x), 1, generator=generator)
    return x / 8 * (0.7 * exposure).exp()[:, :, None, None], exposure
