import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..nets import ConvNet
from ..training import batches, missed, supervised

NOTE = """The biases of the second convolution start at -3 (a slip of sign or of size in one's own
initialisation): hardly any unit is ever above zero, and what is dead gets no gradient."""


@broken(
    "dead units",
    "CNN",
    also=("ignores input",),
    where=("features.3", "features.4"),
    note=NOTE,
    updates=300,
)
def relu_dead_by_its_bias(seed, repaired):
    train, test = standard_digits()
    model = ConvNet()
    nn.init.constant_(model.features[3].bias, 0.0 if repaired else -3.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
