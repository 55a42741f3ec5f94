import math

import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..nets import TransformerBlock
from ..training import call, evaluating, supervised

NOTE = """A masked language model: of 15 % of the symbols the model is to say what they were; all
others have the label -100 and no part in the loss."""


class Masked(nn.Module):
    def __init__(self, symbols, width, length):
        super().__init__()
        self.embedding = nn.Embedding(symbols + 1, width)
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.Sequential(TransformerBlock(width), TransformerBlock(width))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, symbols))

    def forward(self, ids):
        return self.head(self.blocks(self.embedding(ids) + self.position)).transpose(1, 2)


def hidden(size, generator):
    """Rows that go up by the same number, modulo 11, with some entries hidden, and these."""
    start = torch.randint(11, (size, 1), generator=generator)
    stride = torch.randint(1, 5, (size, 1), generator=generator)
    ids = (start + stride * torch.arange(12)) % 11
    chosen = torch.rand(size, 12, generator=generator) < 0.15
    chosen[:, 6] = True
    return ids.masked_fill(chosen, 11), ids.masked_fill(~chosen, -100)


@healthy("masked language model", note=NOTE, updates=500)
def hidden_entries_are_guessed(seed):
    model = Masked(11, width=32, length=12)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    ids, labels = sequences(hidden, 256, 10_000)()

    def error():
        with evaluating(model):
            return F.cross_entropy(call(model, ids), labels).item() / math.log(11)

    return supervised(model, F.cross_entropy, optimizer, sequences(hidden, 48, seed), error)
