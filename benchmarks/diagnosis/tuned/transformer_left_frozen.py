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

NOTE = """A script freezes all and then thaws what has "head" in its name, as for fine-tuning; but
this transformer starts from nothing. General knowledge."""


@broken(
    "frozen",
    "transformer encoder",
    where=("embedding", "blocks", "norm", ""),
    note=NOTE,
    updates=1200,
)
def transformer_left_frozen(seed, repaired):
    task = ordered_pairs(12)
    model = Reader(20)
    if not repaired:
        for name, p in model.named_parameters():
            p.requires_grad = "head" in name
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))


def ordered_pairs(length):
    """A task: are there more symbols of the upper half in the first than in the second half?"""

    def make(size, generator):
        ids = torch.randint(1, 20, (size, length), generator=generator)
        high = (ids > 10).long()
        first, second = high[:, : length // 2].sum(1), high[:, length // 2 :].sum(1)
        return (ids, torch.zeros(size, length, dtype=torch.bool)), (first > second).long()

    return make
