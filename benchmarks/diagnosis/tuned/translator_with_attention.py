import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    reversal,
    sequences,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """Encoder and decoder of one GRU each with dot-product attention: it turns a sequence
round. Two inputs: the sequence, and the answer shifted by one."""


class Translator(nn.Module):
    def __init__(self, symbols, width=32):
        super().__init__()
        self.source = nn.Embedding(symbols, width)
        self.target = nn.Embedding(symbols + 1, width)
        self.encoder = nn.GRU(width, width, batch_first=True)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(2 * width, symbols)

    def forward(self, source, before):
        seen, last = self.encoder(self.source(source))
        out, _ = self.decoder(self.target(before), last)
        weights = (out @ seen.transpose(1, 2)).softmax(2)
        return self.head(torch.cat([out, weights @ seen], 2)).transpose(1, 2)


def shifted(length, symbols):
    task = reversal(length, symbols)

    def make(size, generator):
        ids, answer = task(size, generator)
        before = torch.cat([torch.full((size, 1), symbols), answer[:, :-1]], 1)
        return (ids, before), answer

    return make


@healthy("encoder-decoder, GRU", note=NOTE, updates=1000)
def translator_with_attention(seed):
    task = shifted(8, 8)
    model = Translator(8)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 256, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
