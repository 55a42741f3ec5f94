import torch
from torch import nn

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

NOTE = """Several issues, this one of a segmentation head: a sigmoid at the end of the net, and
the loss with logits has another one inside: all probabilities are between 0.5 and 0.73, and the
loss of a pixel cannot fall below 0.31, that of the background not below 0.69."""


class Segmenter(nn.Module):
    def __init__(self, squashed):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(16, 1, 1),
        )
        self.squash = nn.Sigmoid() if squashed else nn.Identity()

    def forward(self, x):
        return self.squash(self.body(x))


@broken(
    "double softmax",
    "CNN, segmentation",
    where=("squash",),
    also=("output bounded",),
    note=NOTE,
    updates=300,
    source="https://github.com/hustvl/YOLOP/issues/117",
)
def sigmoid_before_logits_loss(seed, repaired):
    train, test = digits()
    x, mask = strokes_in_noise(test, 0.4, 10_000)
    train = strokes_in_noise(train, 0.4, seed)
    model = Segmenter(squashed=not repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = nn.BCEWithLogitsLoss()
    error = loss_over(binary_entropy(mask.flatten()), model, loss, x, mask)
    return supervised(model, loss, optimizer, batches(train, 32, seed), error)
