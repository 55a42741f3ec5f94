import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..training import batches, missed, supervised

NOTE = """A binary net: weights and activations are signs, with gradients passed straight through
where the number is between -1 and 1 and none elsewhere; batch norm keeps numbers there."""


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x.abs() <= 1)


class BinaryLinear(nn.Linear):
    def forward(self, x):
        return F.linear(x, Sign.apply(self.weight)) / self.in_features**0.5


class BinaryNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = BinaryLinear(64, 96, bias=False)
        self.norm1 = nn.BatchNorm1d(96)
        self.second = BinaryLinear(96, 96, bias=False)
        self.norm2 = nn.BatchNorm1d(96)
        self.head = nn.Linear(96, 10)

    def forward(self, x):
        h = Sign.apply(self.norm1(self.first(x)))
        h = Sign.apply(self.norm2(self.second(h)))
        return self.head(h)


@healthy("binary net", note=NOTE, updates=300)
def weights_of_one_bit(seed):
    train, test = standard_digits(flat=True)
    model = BinaryNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
