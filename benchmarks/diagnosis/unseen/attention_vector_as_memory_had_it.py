import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/huggingface/torchMoji/issues/11"
NOTE = """The issue: the vector of an attention is made without being initialised and has random
values up to 1e38, where the original draws from ±0.05; training from scratch is impossible. Here
it has values up to 1000; the attention picks one symbol and cannot be turned to another. The
repair draws from ±0.05."""


class Attended(nn.Module):
    def __init__(self, most):
        super().__init__()
        self.embedding = nn.Embedding(20, 24)
        self.rnn = nn.LSTM(24, 24, batch_first=True)
        self.vector = nn.Parameter(torch.empty(48).uniform_(-most, most))
        self.head = nn.Linear(48, 2)

    def forward(self, ids):
        x = self.embedding(ids)
        h = torch.cat([self.rnn(x)[0], x], 2)
        weight = (h @ self.vector).softmax(1)
        return self.head((weight[..., None] * h).sum(1))


def moods(size, generator):
    """Are there more happy symbols, the even ones, than others?"""
    ids = torch.randint(20, (size, 17), generator=generator)
    return ids, ((ids % 2 == 0).sum(1) > 8).long()


@broken(
    "loud start",
    "LSTM with attention",
    also=("saturated",),
    where=("",),
    source=SOURCE,
    note=NOTE,
    updates=350,
)
def attention_vector_as_memory_had_it(seed, repaired):
    model = Attended(0.05 if repaired else 1000.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(moods, 512, 10_000)()
    draw = sequences(moods, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
