import torch
from torch import nn

from ..case import healthy
from ..data import quarter_turned, standard_digits
from ..nets import mlp
from ..training import learning_digits

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
    upright = [(x.flatten(1), y) for x, y in (train, test)]
    before = learning_digits(model, *upright, 1e-3, seed)
    for _ in range(150):
        before.update()
    for i in (0, 2, 4):
        model[i] = Adapted(model[i], rank=4)
    return learning_digits(model, quarter_turned(train), quarter_turned(test), 5e-3, seed)
