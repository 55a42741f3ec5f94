import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..nets import (
    ResNet,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Fine-tuning as in object detection: the net has learned digits upright; batch norms then
stay in evaluation mode with their statistics and scales frozen, all else learns the images turned
upside down."""


@healthy("ResNet, fine-tuned", note=NOTE, updates=150)
def norms_frozen_by_design(seed):
    train, test = standard_digits()
    model = ResNet(width=12, blocks=2)
    before = learning(model, train, test, 0.05, seed)
    for _ in range(120):
        before.update()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval().requires_grad_(False)
    return learning(model, turned(train), turned(test), 0.02, seed)


def learning(model, train, test, rate, seed):
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(chosen, lr=rate, momentum=0.9)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))


def turned(data):
    return data[0].flip(2), data[1]
