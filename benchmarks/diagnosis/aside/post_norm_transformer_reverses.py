import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    reversal,
    sequences,
)
from ..nets import (
    TransformerBlock,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """Blocks normalised after the skip connection, as in the first transformers; the biases of
the keys have a gradient of zero in theory."""


class Reverser(nn.Module):
    def __init__(self, symbols, length, width=32):
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.position = nn.Parameter(torch.randn(length, width))
        self.blocks = nn.ModuleList([TransformerBlock(width, before=False) for _ in range(2)])
        self.head = nn.Linear(width, symbols)

    def forward(self, ids):
        h = self.embedding(ids) + self.position
        for block in self.blocks:
            h = block(h)
        return self.head(h).transpose(1, 2)


@healthy("transformer, post-LN", note=NOTE, updates=500)
def post_norm_transformer_reverses(seed):
    task = reversal(10)
    model = Reverser(8, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    fixed = sequences(task, 256, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
