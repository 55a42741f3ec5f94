import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """The issue: parameter groups are written out by hand, and the module ``down`` between
backbone and head is in none of them, so that it stays as it was drawn. Here it is narrow and at
the front."""


class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 1, 4, stride=4)
        self.neck = mlp(4, 64)
        self.head = mlp(64, 64, 10)

    def forward(self, x):
        return self.head(F.relu(self.neck(self.down(x).flatten(1))))


@broken(
    "not in optimizer",
    "CNN",
    where=("down",),
    note=NOTE,
    updates=1500,
    source="https://github.com/ohhhyeahhh/SiamCAR/issues/18",
)
def module_left_out_of_the_groups(seed, repaired):
    train, test = standard_digits()
    model = Tracker()
    groups = [{"params": model.neck.parameters()}, {"params": model.head.parameters()}]
    if repaired:
        groups.append({"params": model.down.parameters()})
    optimizer = torch.optim.Adam(groups, lr=5e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
