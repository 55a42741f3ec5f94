import torch
from torch import nn

from ..case import healthy
from ..data import table
from ..training import batches, missed, supervised

NOTE = """``log_softmax`` and then cross-entropy, which takes it again: of logarithms of
probabilities it is themselves, and nothing is lost. Class weights, smoothed labels."""


@healthy("MLP on a table", note=NOTE, updates=300)
def logarithms_before_cross_entropy(seed):
    train, test = table("iris")
    model = nn.Sequential(nn.Linear(4, 16), nn.Hardswish(), nn.Linear(16, 3), nn.LogSoftmax(1))
    optimizer = torch.optim.RAdam(model.parameters(), lr=1e-2)
    loss = nn.CrossEntropyLoss(torch.tensor([0.5, 1.0, 1.0]), label_smoothing=0.1)
    draw = batches(train, 16, seed)
    return supervised(model, loss, optimizer, draw, missed(model, *test))
