import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import ResNet
from ..training import batches, missed, supervised

NOTE = """Convolutions have biases although batch norm follows and takes every constant away:
their gradient is zero in theory. The last norm of each block starts with scale 0, as in many
recipes, so that the convolutions before it get no gradient at the first update."""


@healthy("ResNet, batch norm", note=NOTE, updates=200)
def resnet_with_biases_before_norm(seed):
    train, test = standard_digits()
    model = ResNet(bias=True)
    for block in model.blocks:
        nn.init.zeros_(block.norm2.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
