from torch import nn

from ..case import broken
from ..data import (
    quarter_turned,
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    learning_digits,
)

NOTE = """The issue: two layers in a row that both start at zero; neither ever has a gradient, and
if only the second is zero, it works. Here the two matrices of a low-rank adapter of a frozen net,
which has to learn the images turned by a quarter."""


class Adapter(nn.Module):
    def __init__(self, linear, rank, both):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.down = nn.Linear(linear.in_features, rank, bias=False)
        self.up = nn.Linear(rank, linear.out_features, bias=False)
        nn.init.zeros_(self.up.weight)
        if both:
            nn.init.zeros_(self.down.weight)

    def forward(self, x):
        return self.linear(x) + self.up(self.down(x))


@broken(
    "symmetric start",
    "MLP with adapters",
    also=("cut off",),
    where=("0", "2", "4"),
    note=NOTE,
    updates=500,
    source="https://github.com/yz93/LAVT-RIS/issues/25",
)
def adapter_with_both_ends_zero(seed, repaired):
    train, test = standard_digits()
    model = mlp(64, 64, 64, 10)
    upright = [(x.flatten(1), y) for x, y in (train, test)]
    before = learning_digits(model, *upright, 2e-3, seed)
    for _ in range(120):
        before.update()
    for i in (0, 2, 4):
        model[i] = Adapter(model[i], 6, both=not repaired)
    return learning_digits(model, quarter_turned(train), quarter_turned(test), 5e-3, seed)
