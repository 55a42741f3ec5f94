import torch
from torch.nn import functional as F

from ..case import broken
from ..data import (
    poem,
    windows,
)
from ..nets import (
    GPT,
)
from ..training import (
    entropy,
    loss_over,
    supervised,
)

NOTE = """Two issues (the other is syncdoth/RetNet 31, where the first loss of a large model is
above 3000): an embedding keeps PyTorch's standard normal weights; where the output layer shares
them, logits are as large as the root of the width and more. The repair draws them with a
deviation of 0.02."""


@broken(
    "loud start",
    "GPT",
    where=("head", "embedding"),
    note=NOTE,
    updates=350,
    source="https://github.com/pytorch/pytorch/issues/3121",
)
def embedding_of_deviation_one(seed, repaired):
    text, symbols = poem()
    model = GPT(symbols, width=96, blocks=1, deviation=0.02 if repaired else 1.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    fixed = windows(48, 24, 10_000)()
    error = loss_over(entropy(text), model, F.cross_entropy, *fixed)
    return supervised(model, F.cross_entropy, optimizer, windows(48, 16, seed), error)
