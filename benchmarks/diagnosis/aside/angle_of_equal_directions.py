import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..training import (
    batches,
    supervised,
    unexplained,
)

NOTE = """The model says by which angle a direction turns, computed as the arccos of a cosine: its
slope is infinite at 1, where nothing turns. A tenth of the pairs do not. The repair clamps the
cosine just below 1. General knowledge."""


class Turn(nn.Module):
    """The angle between two vectors in a learned plane."""

    def __init__(self, limit):
        super().__init__()
        self.limit = limit
        self.plane = nn.Linear(6, 2, bias=False)

    def forward(self, before, after):
        a, b = F.normalize(self.plane(before)), F.normalize(self.plane(after))
        cosine = (a * b).sum(1, keepdim=True).clamp(-self.limit, self.limit)
        return torch.acos(cosine)


def turns(n, seed):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    start = 6.3 * torch.rand(n, 1, generator=generator)
    turn = 3 * torch.rand(n, 1, generator=generator)
    turn[: n // 10] = 0
    seen = [torch.cat([a.cos(), a.sin()], 1) @ mixing for a in (start, start + turn)]
    return tuple(seen), turn


@broken(
    "not finite, backward", "siamese net, regression", where=("", "plane"), note=NOTE, updates=600
)
def angle_of_equal_directions(seed, repaired):
    data = turns(2048, 1)
    model = Turn(1 - 1e-4 if repaired else 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    draw = batches(data, 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *data))
