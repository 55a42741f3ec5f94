import torch
from torch.nn import functional as F

from ..case import healthy
from ..data import poem, windows
from ..nets import GPT
from ..training import entropy, loss_over, supervised

NOTE = """The output layer has the weights of the embedding. The bias of every attention key has a
gradient of zero in theory, as the softmax does not see it."""


@healthy("GPT", note=NOTE, updates=600)
def gpt_with_tied_weights(seed):
    text, symbols = poem()
    model = GPT(symbols)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    fixed = windows(48, 24, 10_000)()
    error = loss_over(entropy(text), model, F.cross_entropy, *fixed)
    return supervised(model, F.cross_entropy, optimizer, windows(48, 12, seed), error)
