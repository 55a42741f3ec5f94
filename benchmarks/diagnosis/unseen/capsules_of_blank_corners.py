import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import digits
from ..training import batches, missed, supervised

SOURCE = "https://github.com/jindongwang/Pytorch-CapsuleNet/issues/13"
NOTE = """The issue: the loss of a capsule net is nan after a few epochs; ``torch.norm`` in place of
the root of the sum of squares in the squashing solves it. Here capsules of places of an image,
with no bias: where the image is blank the vector is zero, and the root's derivative infinite. The
repair takes the norm, whose derivative PyTorch has as zero there."""


class CapsuleNet(nn.Module):
    def __init__(self, by_norm):
        super().__init__()
        self.by_norm = by_norm
        self.primary = nn.Conv2d(1, 24, 2, stride=2, bias=False)
        self.head = nn.Sequential(nn.Linear(384, 48), nn.ReLU(), nn.Linear(48, 10))

    def squash(self, s):
        squared = s.square().sum(1, keepdim=True)
        length = s.norm(dim=1, keepdim=True) if self.by_norm else squared.sqrt()
        return squared / (1 + squared) * s / (length + 1e-8)

    def forward(self, image):
        return self.head(self.squash(self.primary(image / 16)).flatten(1))


@broken(
    "not finite, backward",
    "capsules of places",
    where=("", "primary"),
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def capsules_of_blank_corners(seed, repaired):
    train, test = digits()
    model = CapsuleNet(by_norm=repaired)
    optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
