import torch
from torch.nn import functional as F

from ..case import broken
from ..data import poem, windows
from ..nets import GPT
from ..training import entropy, loss_over, supervised

SOURCE = "https://github.com/rajveermalviya/language-modeling/issues/3"
NOTE = """The issue: a language model with Adam and a rate of 1.0, made for SGD, in its settings;
the loss hardly falls in many epochs. Adam's own rate of 0.001 repairs it."""


@broken("step too large", "GPT", source=SOURCE, note=NOTE, updates=400)
def adam_with_rate_one(seed, repaired):
    text, symbols = poem()
    model = GPT(symbols, tied=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3 if repaired else 1.0)
    fixed = windows(48, 24, 10_000)()
    error = loss_over(entropy(text), model, F.cross_entropy, *fixed)
    return supervised(model, F.cross_entropy, optimizer, windows(48, 12, seed), error)
