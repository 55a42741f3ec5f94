import torch
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

NOTE = """Trained until hardly anything is left to learn: the loss is below 10⁻³ and all gradients
are small, as they should be."""


@healthy("MLP, ReLU", note=NOTE, trained=1200, updates=1400)
def converged(seed):
    (x, y), _ = standard_digits(flat=True)
    x, y = x[:256], y[:256]
    model = mlp(64, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, x, y))
