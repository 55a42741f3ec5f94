import torch
from torch.nn import functional as F

from ..case import healthy
from ..data import bags, sequences
from ..nets import Reader
from ..training import missed, supervised

NOTE = """Rows of different lengths with a mask of the padding. Key biases have a gradient of zero
in theory."""


@healthy("transformer encoder, pre-LN", note=NOTE, updates=400)
def reader_with_padding(seed):
    task = bags(24)
    model = Reader(30)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    fixed = sequences(task, 512, 10_000)()
    return supervised(
        model, F.cross_entropy, optimizer, sequences(task, 32, seed), missed(model, *fixed)
    )
