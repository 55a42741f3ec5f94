import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, missed, supervised

SOURCE = "https://github.com/shaoxiongji/federated-learning/issues/9"
NOTE = """The issue: an MLP for digits with a softmax at its end, trained with cross-entropy,
which has one inside; without it accuracy went from 90 to 95 %. Here with plain SGD, as there."""


@broken("double softmax", "MLP, ReLU", where=("5",), source=SOURCE, note=NOTE, updates=400)
def softmax_before_cross_entropy(seed, repaired):
    train, test = standard_digits(flat=True)
    model = mlp(64, 64, 64, 10)
    model.append(nn.Identity() if repaired else nn.Softmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
