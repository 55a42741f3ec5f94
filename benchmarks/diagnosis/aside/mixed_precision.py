import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
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

NOTE = """Weights in float32, the hidden layers computed in bfloat16 by autocast, as in mixed
precision."""


class Autocast(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(64, 96, 96, 10, activation=nn.GELU)

    def forward(self, x):
        with torch.autocast("cpu", torch.bfloat16):
            out = self.net(x)
        return out.float()


@healthy("MLP, autocast", note=NOTE, updates=300)
def mixed_precision(seed):
    train, test = standard_digits(flat=True)
    model = Autocast()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
