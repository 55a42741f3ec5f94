import torch
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..nets import Reader
from ..training import missed, supervised, with_action

NOTE = """A schedule warms up over 60 updates, and the report comes after two: the rate is a
thirtieth of what it will be, which is in ``initial_lr`` of the optimiser's groups."""


def palindromes(size, generator):
    """Are the last four symbols the first four backwards? Nothing is padded."""
    first = torch.randint(5, (size, 4), generator=generator)
    other = torch.randint(5, (size, 4), generator=generator)
    same = torch.rand(size, generator=generator) < 0.5
    ids = torch.cat([first, torch.where(same[:, None], first.flip(1), other)], 1)
    label = (ids[:, :4] == ids[:, 4:].flip(1)).all(1).long()
    return (ids, torch.zeros(size, 8, dtype=torch.bool)), label


@healthy("transformer encoder", note=NOTE, trained=2, updates=700)
def warm_up_just_begun(seed):
    model = Reader(5, width=32, blocks=2, length=8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))

    def warm(n):
        return min(1.0, (n + 1) / 60)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm)
    fixed = sequences(palindromes, 512, 10_000)()
    draw = sequences(palindromes, 64, seed)
    setup = supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
    return with_action(setup, lambda n: schedule.step())
