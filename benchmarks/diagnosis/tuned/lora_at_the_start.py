import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, missed, supervised

NOTE = """Adapters of rank 4 beside frozen linear layers, B zero at the start: A gets no gradient
at the first update. The frozen weights have learned the digits; the task is now the images turned
by a quarter."""


class Adapted(nn.Module):
    """A frozen linear layer plus the product of two small ones."""

    def __init__(self, linear, rank):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x):
        return self.linear(x) + 2 * x @ self.A.T @ self.B.T


@healthy("MLP with LoRA", note=NOTE, updates=400)
def lora_at_the_start(seed):
    train, test = standard_digits()
    model = mlp(64, 96, 96, 10)
    before = learning(model, (train[0].flatten(1), train[1]), None, 1e-3, seed)
    for _ in range(150):
        before.update()
    for i in (0, 2, 4):
        model[i] = Adapted(model[i], rank=4)
    return learning(model, turned(train), turned(test), 5e-3, seed)


def learning(model, train, test, rate, seed):
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(chosen, lr=rate)
    error = test and missed(model, *test)
    return supervised(model, F.cross_entropy, optimizer, batches(train, 64, seed), error)


def turned(data):
    return data[0].rot90(1, (2, 3)).flatten(1), data[1]
