import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    adding,
    sequences,
)
from ..nets import (
    Recurrent,
)
from ..training import (
    supervised,
    unexplained,
)

NOTE = """A rate of 10⁻⁷, a slip of the exponent: thousands of updates would not move the weights
by a hundredth of their size. General knowledge."""


@broken("step too small", "GRU, regression", note=NOTE, updates=800)
def adam_with_a_rate_of_a_ten_millionth(seed, repaired):
    task = adding(10)
    model = Recurrent(nn.GRU(2, 32, batch_first=True), 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2 if repaired else 1e-7)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
