import torch
from torch.nn import functional as F

from ..case import broken
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    supervised,
    unexplained,
)

NOTE = """A series over the years 1990 to 2020, the year itself as the input: it is large and
hardly varies. The repair subtracts 2005 and divides by 10. General knowledge."""


@broken(
    "input scale",
    "MLP, ReLU, regression",
    also=("loud start",),
    where=("0", ""),
    note=NOTE,
    updates=1500,
)
def years_far_from_zero(seed, repaired):
    generator = torch.Generator().manual_seed(0)
    year = 1990 + 30 * torch.rand(1024, 1, generator=generator)
    y = torch.sin((year - 2005) / 3)
    x = (year - 2005) / 10 if repaired else year
    model = mlp(1, 64, 64, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, x, y))
