import torch
from torch.nn import functional as F

from ..case import broken
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

NOTE = """The issue quotes an optimiser's documentation: 1.0 or 0.1 is a good epsilon for Adam
with an Inception network, and weighs that updates shrink with it. In a small net whose gradients
are some 10⁻² an epsilon of 1 leaves a hundredth of each update. The repair is 10⁻⁸."""


@broken(
    "below epsilon",
    "CNN",
    also=("step too small",),
    note=NOTE,
    updates=400,
    source="https://github.com/ibab/tensorflow-wavenet/issues/149",
)
def epsilon_of_one(seed, repaired):
    train, test = standard_digits()
    model = ConvNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-8 if repaired else 1.0)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
