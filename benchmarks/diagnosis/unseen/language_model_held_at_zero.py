import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import poem, windows
from ..training import entropy, loss_over, supervised

SOURCE = "https://github.com/deeplearningathome/pytorch-language-model/issues/1"
NOTE = """The issue: a language model does not learn once its own update is replaced by Adam with
a weight decay of 0.01; the author finds the decay too strong. In Adam the decay is part of the
gradient, and what is small beside it does not count. Here 0.1, so that a few hundred updates show
it. The repair has none."""


class Speller(nn.Module):
    def __init__(self, symbols):
        super().__init__()
        self.embedding = nn.Embedding(symbols, 32)
        self.rnn = nn.GRU(32, 64, batch_first=True)
        self.head = nn.Linear(64, symbols)

    def forward(self, ids):
        return self.head(self.rnn(self.embedding(ids))[0]).transpose(1, 2)


@broken(
    "too much decay",
    "GRU, language model",
    source=SOURCE,
    note=NOTE,
    trained=200,
    updates=600,
)
def language_model_held_at_zero(seed, repaired):
    text, symbols = poem()
    model = Speller(symbols)
    decay = 0.0 if repaired else 0.1
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3, weight_decay=decay)
    draw = windows(32, 16, seed)
    error = loss_over(entropy(text), model, F.cross_entropy, *windows(32, 32, 10_000)())
    return supervised(model, F.cross_entropy, optimizer, draw, error)
