import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    adding,
    sequences,
)
from ..training import (
    supervised,
    unexplained,
)

NOTE = """The issue: "predictions are all zero": LSTMs for a regression with a ReLU at the very
end. Here targets are mostly negative, and the ReLU cannot reach them."""


class Series(nn.Module):
    def __init__(self, rectified):
        super().__init__()
        self.lstm = nn.LSTM(2, 24, batch_first=True)
        self.dense = nn.Linear(24, 1)
        self.last = nn.ReLU() if rectified else nn.Identity()

    def forward(self, x):
        return self.last(self.dense(self.lstm(x)[0][:, -1]))


def negative_sums(size, generator):
    x, total = adding(8)(size, generator)
    return x, 3 * total - 4.5


@broken(
    "output bounded",
    "LSTM, regression",
    where=("last",),
    also=("dead units", "ignores input"),
    note=NOTE,
    updates=600,
    source="https://github.com/keras-team/keras/issues/3687",
)
def relu_where_targets_are_negative(seed, repaired):
    model = Series(rectified=not repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    fixed = sequences(negative_sums, 512, 10_000)()
    draw = sequences(negative_sums, 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
