import torch
from torch.nn import functional as F

from ..case import broken
from ..data import (
    sequences,
)
from ..nets import (
    Reader,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """The thread: which of True and False means padding in ``key_padding_mask``; a mask the
wrong way round. Here each sequence has 4 places of padding at its end, and the model averages
only what the mask says is not padded, so that it reads padding alone."""


@broken(
    "ignores input",
    "transformer encoder",
    note=NOTE,
    updates=500,
    source="https://github.com/pytorch/pytorch/issues/27968",
)
def mask_the_wrong_way_round(seed, repaired):
    model = Reader(20)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def task(size, generator):
        ids = torch.randint(1, 20, (size, 16), generator=generator)
        ids[:, 12:] = 0
        padded = ids == 0 if repaired else ids != 0
        return (ids, padded), ((ids > 10).sum(1) > 5).long()

    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
