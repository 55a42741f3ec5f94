import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """One net chooses a word, another reads the chosen word: the choice by argmax has no
gradient, and the first net never learns. The repair hands the softmax on instead of the
choice."""


class Chooser(nn.Module):
    def __init__(self, soft):
        super().__init__()
        self.soft = soft
        self.speaker = mlp(64, 32, 6)
        self.words = nn.Embedding(6, 8)
        self.listener = mlp(8, 32, 10)

    def forward(self, x):
        score = self.speaker(x)
        choice = F.one_hot(score.argmax(1), 6).float()
        return self.listener((score.softmax(1) if self.soft else choice) @ self.words.weight)


@broken("cut off", "two MLPs", where=("speaker",), note=NOTE, updates=1500)
def argmax_between_two_nets(seed, repaired):
    train, test = standard_digits(flat=True)
    model = Chooser(soft=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
