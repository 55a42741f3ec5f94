import torch
from torch import nn

from ..case import broken
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """The issue: a focal loss by hand takes the logarithm of a probability that a softmax has
rounded to 0. Here logits are multiplied by 200, a sharp temperature; the repair adds an epsilon,
as there. The first number that is not finite is born in the loss, in no module."""


class Temperature(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return self.scale * x


def focal(epsilon):
    def loss(logits, target):
        p = logits.softmax(1).gather(1, target[:, None])[:, 0]
        return -((1 - p).square() * (p + epsilon).log()).mean()

    return loss


@broken(
    "not finite, forward",
    "MLP, focal loss",
    note=NOTE,
    updates=1500,
    source="https://github.com/mathiaszinnen/focal_loss_torch/issues/3",
)
def logarithm_of_zero_probability(seed, repaired):
    train, test = standard_digits(flat=True)
    model = nn.Sequential(mlp(64, 64, 10), Temperature(200.0))
    loss = focal(1e-12 if repaired else 0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    draw = batches(train, 64, seed)
    return supervised(model, loss, optimizer, draw, missed(model, *test))
