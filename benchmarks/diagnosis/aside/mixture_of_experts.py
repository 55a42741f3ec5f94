import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    spirals,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Each point goes to the best of 6 experts: an expert that no point of the batch goes to
has no gradient there."""


class Mixture(nn.Module):
    def __init__(self, experts=6, width=32):
        super().__init__()
        self.router = nn.Linear(2, experts)
        self.experts = nn.ModuleList([mlp(2, width, width, 3) for _ in range(experts)])

    def forward(self, x):
        share = self.router(x).softmax(1)
        best = share.argmax(1)
        out = x.new_zeros(len(x), 3)
        for i, expert in enumerate(self.experts):
            rows = torch.nonzero(best == i)[:, 0]
            if len(rows):
                out = out.index_add(0, rows, share[rows, i : i + 1] * expert(x[rows]))
        return out


@healthy("mixture of experts", note=NOTE, updates=800)
def mixture_of_experts(seed):
    model = Mixture()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    draw = batches(spirals(2048), 128, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *spirals(1024, 1)))
