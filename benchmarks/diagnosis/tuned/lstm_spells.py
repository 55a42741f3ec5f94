import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    poem,
    windows,
)
from ..training import (
    entropy,
    loss_over,
    supervised,
)

NOTE = """Two layers of LSTM with dropout between them predict the next character of a poem.
Trained for 100 updates."""


class Speller(nn.Module):
    def __init__(self, symbols):
        super().__init__()
        self.embedding = nn.Embedding(symbols, 24)
        self.lstm = nn.LSTM(24, 64, num_layers=2, dropout=0.2, batch_first=True)
        self.head = nn.Linear(64, symbols)

    def forward(self, ids):
        out, _ = self.lstm(self.embedding(ids))
        return self.head(out).transpose(1, 2)


@healthy("LSTM, stacked", note=NOTE, trained=100, updates=700)
def lstm_spells(seed):
    text, symbols = poem()
    model = Speller(symbols)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    fixed = windows(32, 32, 10_000)()
    error = loss_over(entropy(text), model, F.cross_entropy, *fixed)
    setup = supervised(model, F.cross_entropy, optimizer, windows(32, 16, seed), error)
    return setup
