import torch
from torch import nn

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

NOTE = """Dropout of one half before the head, GELU, label smoothing: the loss cannot come near
0."""


@healthy("CNN, GELU", note=NOTE, updates=300)
def cnn_with_dropout(seed):
    train, test = standard_digits()
    model = ConvNet(activation=nn.GELU)
    model.head = nn.Sequential(nn.Dropout(0.5), model.head)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    return supervised(model, loss, optimizer, batches(train, 64, seed), missed(model, *test))
