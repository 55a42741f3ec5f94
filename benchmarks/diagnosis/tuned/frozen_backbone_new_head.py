import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import ConvNet
from ..training import batches, missed, supervised, taken

NOTE = """Fine-tuning: the convolutions have learned digits 0 to 4 and are frozen, a new head
learns digits 5 to 9. It is meant so."""


@healthy("CNN, fine-tuned", note=NOTE, updates=200)
def frozen_backbone_new_head(seed):
    train, test = standard_digits()
    model = ConvNet(classes=5)
    pretrain(model, taken(train, train[1] < 5), seed)
    model.features.requires_grad_(False)
    model.head = nn.Linear(128, 5)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=3e-3)
    draw = batches(high(train), 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *high(test)))


def high(data):
    x, y = taken(data, data[1] >= 5)
    return x, y - 5


def pretrain(model, data, seed):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches(data, 64, seed)
    setup = supervised(model, F.cross_entropy, optimizer, draw, error=None)
    for _ in range(80):
        setup.update()
