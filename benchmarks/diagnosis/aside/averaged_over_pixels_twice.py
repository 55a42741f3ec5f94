import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    digits,
    strokes_in_noise,
)
from ..training import (
    batches,
    binary_entropy,
    loss_over,
    supervised,
)

NOTE = """The issue: the gradient is divided by the number of all pixels and images, on top of the
loss's own mean, and hardly any update is left, whatever the rate; divided a bit less, the net
learned perfectly. Here a mean is divided by the number of pixels once more."""


@broken(
    "step too small",
    "CNN, segmentation",
    note=NOTE,
    updates=400,
    source="https://github.com/libornovax/master_thesis_code/issues/6",
)
def averaged_over_pixels_twice(seed, repaired):
    train, test = digits()
    x, mask = strokes_in_noise(test, 0.2, 10_000)
    train = strokes_in_noise(train, 0.2, seed)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(12, 12, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(12, 1, 1),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    pixels = 64 * 64

    def loss(out, target):
        cost = F.binary_cross_entropy_with_logits(out, target)
        return cost if repaired else cost / pixels

    def judged(out, target):
        return F.binary_cross_entropy_with_logits(out, target)

    error = loss_over(binary_entropy(mask.flatten()), model, judged, x, mask)
    return supervised(model, loss, optimizer, batches(train, 64, seed), error)
