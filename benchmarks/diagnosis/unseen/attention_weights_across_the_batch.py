import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..nets import mlp
from ..training import supervised, unexplained

SOURCE = "https://github.com/PetrochukM/PyTorch-NLP/issues/2"
NOTE = """The issue: the softmax of an attention runs over the first axis, which is that of the
batch, so that weights are 1 if there is one example. Here 32 examples share the weights of each
place: what one example reads depends on the others. The repair runs along the places."""


class Reader(nn.Module):
    """The mean of values, weighted by attention to their keys."""

    def __init__(self, axis):
        super().__init__()
        self.score = mlp(2, 16, 1, activation=nn.Tanh)
        self.attention = nn.Softmax(axis)
        self.value = nn.Linear(2, 16)
        self.head = nn.Linear(16, 1)

    def forward(self, x):
        weight = self.attention(self.score(x)[..., 0])
        return self.head(torch.einsum("nt,ntd->nd", weight, self.value(x)))


def largest(size, generator):
    """Twelve keys and numbers, and the number with the largest key."""
    key = torch.randn(size, 12, generator=generator)
    number = torch.randn(size, 12, generator=generator)
    return torch.stack([number, key], -1), number.gather(1, key.argmax(1, keepdim=True))


@broken(
    "softmax over examples",
    "attention over a set",
    also=("mixed examples",),
    where=("", "attention", "score"),
    source=SOURCE,
    note=NOTE,
    trained=100,
    updates=600,
)
def attention_weights_across_the_batch(seed, repaired):
    model = Reader(1 if repaired else 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    fixed = sequences(largest, 512, 10_000)()
    draw = sequences(largest, 32, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *fixed))
