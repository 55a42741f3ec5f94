import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..training import batches, missed, supervised

NOTE = """Weights, gradients and Adam's averages all in float16, with an epsilon of 1e-4 and a rate
that is large enough for what half precision can tell apart; the loss is times 64, as small
gradients would be lost."""


class HalfNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10)).half()

    def forward(self, x):
        return self.body(x.half()).float()


def scaled(out, label):
    return 64 * F.cross_entropy(out, label)


@healthy("MLP, float16", note=NOTE, updates=300)
def half_precision_with_care(seed):
    train, test = standard_digits(flat=True)
    model = HalfNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, eps=1e-4)
    draw = batches(train, 64, seed)
    return supervised(model, scaled, optimizer, draw, missed(model, *test))
