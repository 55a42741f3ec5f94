import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    first_symbol,
    sequences,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """Truncated backpropagation inside of one forward pass: the state is detached after every
5 steps, so that the gradient never reaches the first symbol of 20, which is asked for. The source
asks what ``detach(states)`` does in a language model, where it is right."""


class Chunked(nn.Module):
    def __init__(self, cut):
        super().__init__()
        self.cut = cut
        self.gru = nn.GRU(4, 32, batch_first=True)
        self.head = nn.Linear(32, 4)
        with torch.no_grad():
            self.gru.bias_ih_l0[32:64] += 2

    def forward(self, x):
        h = None
        for chunk in x.split(5, 1):
            if self.cut and h is not None:
                h = h.detach()
            _, h = self.gru(chunk, h)
        return self.head(h[-1])


@broken(
    "short reach",
    "GRU",
    also=("cut off",),
    where=("gru", ""),
    note=NOTE,
    updates=800,
    source="https://github.com/yunjey/pytorch-tutorial/issues/90",
)
def state_cut_at_every_chunk(seed, repaired):
    task = first_symbol(20)
    model = Chunked(cut=not repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
