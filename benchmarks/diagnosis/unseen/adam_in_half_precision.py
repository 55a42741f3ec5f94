import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import table
from ..training import batches, missed, supervised

SOURCE = "https://github.com/pytorch/pytorch/issues/8860"
NOTE = """The issue: in half precision with Adam the loss is nan after a few updates; with an
epsilon of 1e-4 it is well. The default, 1e-8, is zero in half precision, and a gradient of zero is
divided by zero. Here a small net wholly in half precision; the repair sets 1e-4."""


class HalfNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3)).half()

    def forward(self, x):
        return self.body(x.half()).float()


@broken(
    "lost to rounding",
    "MLP, float16",
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def adam_in_half_precision(seed, repaired):
    train, test = table("wine")
    model = HalfNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, eps=1e-4 if repaired else 1e-8)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
