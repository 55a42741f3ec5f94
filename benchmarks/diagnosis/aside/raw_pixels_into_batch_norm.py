import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    digits,
)
from ..nets import (
    ConvNet,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Pixels from 0 to 255, not centred: a batch norm is the first layer and sees to that."""


@healthy("CNN, batch norm", note=NOTE, updates=250)
def raw_pixels_into_batch_norm(seed):
    train, test = digits()
    model = nn.Sequential(nn.BatchNorm2d(1), ConvNet(activation=nn.SiLU))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def raw(data):
        return 255 / 16 * data[0], data[1]

    draw = batches(raw(train), 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *raw(test)))
