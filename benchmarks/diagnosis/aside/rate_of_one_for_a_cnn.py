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

NOTE = """The issue: at the published rate the loss grows to nan, a tenth of it works. Here plain
gradient descent with momentum at a rate of 1."""


@broken(
    "step too large",
    "CNN",
    note=NOTE,
    updates=300,
    source="https://github.com/potterhsu/SVHNClassifier-PyTorch/issues/12",
)
def rate_of_one_for_a_cnn(seed, repaired):
    train, test = standard_digits()
    model = ConvNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05 if repaired else 1.0, momentum=0.9)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
