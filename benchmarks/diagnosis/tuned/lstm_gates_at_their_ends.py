import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    bags,
    sequences,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """Embeddings are multiplied by 100 (a scale taken over from another model): the gates of
the LSTM stand at 0 or 1 whatever comes. The repair leaves them as they are."""


class Scaled(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.embedding = nn.Embedding(30, 24)
        self.lstm = nn.LSTM(24, 32, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, ids, padded):
        h = self.scale * self.embedding(ids)
        out, _ = self.lstm(h.masked_fill(padded[:, :, None], 0.0))
        return self.head(out[:, -1])


@broken(
    "saturated", "LSTM", also=("input scale",), where=("lstm", "embedding"), note=NOTE, updates=600
)
def lstm_gates_at_their_ends(seed, repaired):
    task = bags(15)
    model = Scaled(1.0 if repaired else 100.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
