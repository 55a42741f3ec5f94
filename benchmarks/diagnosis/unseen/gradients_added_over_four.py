import itertools

import torch
from torch.nn import functional as F

from ..case import Setup, healthy
from ..data import standard_digits
from ..nets import ConvNet
from ..training import batches, missed

NOTE = """Gradients of four batches of 16 are added before each step; the report comes after six
batches, with gradients of two in place and one step made."""


@healthy("CNN, small batches", note=NOTE, trained=6, updates=800)
def gradients_added_over_four(seed):
    train, test = standard_digits()
    model = ConvNet(width=12)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    draw, count = batches(train, 16, seed), itertools.count(1)

    def update():
        x, y = draw()
        value = F.cross_entropy(model(x), y)
        (value / 4).backward()
        if next(count) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
        return value.item()

    return Setup(model, draw(), F.cross_entropy, optimizer, update, missed(model, *test))
