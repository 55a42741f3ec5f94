import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    loss_over,
    supervised,
)

NOTE = """A vocabulary of 50257, of which the data holds 40 words: a loss of ln 50257 = 10.8 at
the start, and nearly all rows of the tied embedding are only ever pushed away."""


class WordModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50257, 5)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.mlp = mlp(5, 64, 64, 5, activation=nn.GELU)
        self.norm = nn.LayerNorm(5)

    def forward(self, ids):
        return 4 * self.norm(self.mlp(self.embedding(ids))) @ self.embedding.weight.T


@healthy("language model, 50257 classes", note=NOTE, updates=250)
def fifty_thousand_classes(seed):
    rng = np.random.default_rng(0)
    words = torch.tensor(rng.choice(50257, 40, replace=False))
    following = words[torch.tensor(rng.permutation(40))]
    model = WordModel()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    error = loss_over(math.log(40), model, F.cross_entropy, words, following)
    draw = batches((words, following), 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, error)
