import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    first_symbol,
    sequences,
)
from ..nets import (
    Recurrent,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """A weight of 10⁻⁹ that was meant for a penalty multiplies the whole loss; Adam does not
mind the size of gradients, until its epsilon is larger than they are. The discussion in the
source: Adam is invariant to a factor of the loss, "not entirely", because of epsilon."""


@broken(
    "below epsilon",
    "GRU",
    also=("step too small",),
    note=NOTE,
    updates=500,
    source="https://github.com/karpathy/nanoGPT/issues/168",
)
def loss_times_a_billionth(seed, repaired):
    task = first_symbol(8, symbols=6)
    model = Recurrent(nn.GRU(6, 32, batch_first=True), 6)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 64, seed)
    factor = 1.0 if repaired else 1e-9

    def loss(out, target):
        return factor * F.cross_entropy(out, target)

    return supervised(model, loss, optimizer, draw, missed(model, *fixed))
