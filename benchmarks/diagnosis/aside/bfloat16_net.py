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

NOTE = """Weights and activations in bfloat16: two or three digits. Small updates are rounded
away, larger ones are not."""


@healthy("CNN, bfloat16", note=NOTE, updates=300)
def bfloat16_net(seed):
    train, test = standard_digits()
    model = ConvNet(activation=nn.SiLU).to(torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def half(data):
        return data[0].to(torch.bfloat16), data[1]

    draw = batches(half(train), 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *half(test)))
