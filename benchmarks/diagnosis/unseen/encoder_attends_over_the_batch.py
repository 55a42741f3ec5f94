import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/Exorust/TorchLeet/issues/5"
NOTE = """The issue: ``TransformerEncoderLayer`` takes (time, batch, width) unless it is told
otherwise; given (batch, time, width) it attends over the examples of a batch, and errors in
training and testing are large. Here one layer; the repair says ``batch_first``."""


class Encoder(nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        self.embedding = nn.Embedding(10, 32)
        self.place = nn.Parameter(0.5 * torch.randn(6, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, ids):
        return self.head(self.encoder(self.embedding(ids) + self.place)[:, 0])


def middles(size, generator):
    """Name the fourth of six symbols."""
    ids = torch.randint(10, (size, 6), generator=generator)
    return ids, ids[:, 3]


@broken(
    "mixed examples",
    "transformer encoder of PyTorch",
    also=("ignores input",),
    where=("", "encoder"),
    source=SOURCE,
    note=NOTE,
    trained=50,
    updates=400,
)
def encoder_attends_over_the_batch(seed, repaired):
    model = Encoder(repaired)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    fixed = sequences(middles, 256, 10_000)()
    draw = sequences(middles, 48, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
