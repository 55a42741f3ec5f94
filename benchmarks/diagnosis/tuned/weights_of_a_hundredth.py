import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Twelve plain convolutions, all weights drawn with a deviation of 0.01, as once for
AlexNet and copied since: activations on their way forward and their gradients on the way back
fade by a factor of about ten per layer. The repair is Kaiming's initialisation, which the source
also advises where plain ReLU does not train at all."""


def conv_stack(width=16, layers=12):
    parts = []
    for i in range(layers):
        parts += [nn.Conv2d(1 if i == 0 else width, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10))


@broken(
    "vanishing",
    "deep CNN, ReLU",
    also=("ignores input",),
    note=NOTE,
    updates=250,
    source="https://github.com/adambielski/siamese-triplet/issues/17",
)
def weights_of_a_hundredth(seed, repaired):
    train, test = standard_digits()
    model = conv_stack()
    for module in model:
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.bias)
            if repaired:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            else:
                nn.init.normal_(module.weight, std=0.01)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
