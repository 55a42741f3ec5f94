import torch
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..nets import Reader
from ..training import missed, supervised

SOURCE = "https://github.com/Project-MONAI/tutorials/issues/630"
NOTE = """The issue: with a schedule that warms up, the rate is exactly zero for the whole first
epoch. Here all updates lie in that epoch, and the schedule is stepped by epochs; the repair begins
with the first step of the warm-up."""


def which_more(size, generator):
    """Are there more symbols of the first than of the second half? Nothing is padded."""
    ids = torch.randint(12, (size, 15), generator=generator)
    return (ids, torch.zeros(size, 15, dtype=torch.bool)), ((ids < 6).sum(1) > 7).long()


@broken(
    "step too small",
    "transformer encoder",
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def first_epoch_at_rate_zero(seed, repaired):
    model = Reader(12, width=24, blocks=1, length=15)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    begin = 1 if repaired else 0

    def warm(epoch):
        return min(1.0, (epoch + begin) / 4)

    torch.optim.lr_scheduler.LambdaLR(optimizer, warm)
    fixed = sequences(which_more, 512, 10_000)()
    draw = sequences(which_more, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
