import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..nets import (
    ConvNet,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """An auxiliary head for another stage of training: it is registered and given to the
optimiser, and the loss of this stage does not use it."""


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = ConvNet(classes=32)
        self.classify = nn.Linear(32, 10)
        self.auxiliary = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 64))

    def forward(self, x, with_auxiliary=False):
        h = F.relu(self.body(x))
        return (self.classify(h), self.auxiliary(h)) if with_auxiliary else self.classify(h)


@healthy("CNN with two heads", note=NOTE, updates=300)
def unused_auxiliary_head(seed):
    train, test = standard_digits()
    model = TwoHeads()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
