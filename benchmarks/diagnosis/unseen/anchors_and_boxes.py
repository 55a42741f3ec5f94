import math

import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..training import call, evaluating, supervised

NOTE = """A detection head on 25 anchors, of which one or two have an object: focal loss for all,
boxes for these alone, so that most box outputs get no gradient. The bias of the head starts at
-ln 99, as the focal loss has it."""


class Detector(nn.Module):
    """For each cell of 5 × 5 a logit and an offset in two numbers, (batch, 3, 5, 5)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.GroupNorm(4, 16),
            nn.ReLU(),
            nn.Conv2d(16, 24, 4, stride=2, padding=1),
            nn.GroupNorm(4, 24),
            nn.ReLU(),
        )
        self.object = nn.Conv2d(24, 1, 3, padding=1)
        self.offset = nn.Conv2d(24, 2, 3, padding=1)
        nn.init.normal_(self.object.weight, std=0.01)
        nn.init.constant_(self.object.bias, -math.log(99))

    def forward(self, image):
        h = self.features(image)
        return torch.cat([self.object(h), self.offset(h)], 1)


def detection_loss(out, target):
    there = target[:, :1]
    p = out[:, :1].sigmoid()
    plain = F.binary_cross_entropy_with_logits(out[:, :1], there, reduction="none")
    focal = (plain * torch.where(there > 0, 0.25 * (1 - p) ** 2, 0.75 * p**2)).sum()
    away = (there * F.smooth_l1_loss(out[:, 1:], target[:, 1:], reduction="none")).sum()
    return (focal + away) / there.sum()


def dots(size, generator):
    """Images of 10 × 10 with two dots of light; in which cell they are and where in it."""
    cells = torch.rand(size, 25, generator=generator).argsort(1)[:, :2]
    inside = torch.rand(size, 2, 2, generator=generator)
    row, column = cells // 5, cells % 5
    y, x = 2 * (row + inside[..., 0]), 2 * (column + inside[..., 1])
    place = torch.arange(10) + 0.5
    far = (place[:, None] - y[..., None, None]) ** 2 + (place - x[..., None, None]) ** 2
    image = torch.exp(-far).sum(1, keepdim=True)
    target = torch.zeros(size, 3, 25)
    values = torch.cat([torch.ones(size, 1, 2), inside.transpose(1, 2) - 0.5], 1)
    target.scatter_(2, cells[:, None].expand(-1, 3, -1), values)
    return image, target.unflatten(2, (5, 5))


@healthy("detection head", note=NOTE, updates=300)
def anchors_and_boxes(seed):
    model = Detector()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-4)
    image, target = sequences(dots, 128, 10_000)()

    def error():
        with evaluating(model):
            out = call(model, image)
        found = out[:, 0].flatten(1).topk(2, 1).indices.sort(1).values
        there = target[:, 0].flatten(1).topk(2, 1).indices.sort(1).values
        return (found != there).double().mean().item()

    return supervised(model, detection_loss, optimizer, sequences(dots, 32, seed), error)
