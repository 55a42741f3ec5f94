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

NOTE = """The whole loss is multiplied by 10⁻⁶: gradients are just below 10⁻⁸, as small as Adam's
epsilon, which makes updates about half as large and does no more."""


@healthy("CNN, tanh", note=NOTE, updates=400)
def cnn_with_a_loss_of_a_millionth(seed):
    train, test = standard_digits()
    model = ConvNet(activation=nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    draw = batches(train, 64, seed)

    def loss(out, target):
        return 1e-6 * F.cross_entropy(out, target)

    return supervised(model, loss, optimizer, draw, missed(model, *test))
