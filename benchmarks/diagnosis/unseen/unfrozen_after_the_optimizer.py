import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised, with_action

SOURCE = "https://github.com/skorch-dev/skorch/issues/261"
NOTE = """The issue: how frozen parameters are to be left out of the optimiser; a parameter's
``requires_grad`` counts only when the optimiser is made. Here the reader of a sequence is frozen
for the first ten updates, as the head is new, and is unfrozen then, but the optimiser was made
without it; the repair gives it all parameters."""


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.reader = nn.Sequential(nn.Conv1d(6, 8, 3), nn.ReLU(), nn.Conv1d(8, 8, 3), nn.ReLU())
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.reader(x).amax(2))


def motifs(size, generator):
    """Does the motif 0 1 2 3 stand somewhere in a sequence of six symbols?"""
    ids = torch.randint(6, (size, 16), generator=generator)
    has = torch.rand(size, generator=generator) < 0.5
    place = torch.randint(13, (size, 1), generator=generator) + torch.arange(4)
    ids = torch.where(has[:, None], ids.scatter(1, place, torch.arange(4).expand(size, 4)), ids)
    found = (ids.unfold(1, 4, 1) == torch.arange(4)).all(2).any(1)
    return F.one_hot(ids, 6).float().transpose(1, 2), found.long()


@broken(
    "not in optimizer",
    "CNN on sequences",
    where=("reader",),
    source=SOURCE,
    note=NOTE,
    trained=12,
    updates=800,
)
def unfrozen_after_the_optimizer(seed, repaired):
    model = Reader()
    model.reader.requires_grad_(False)
    chosen = [p for p in model.parameters() if p.requires_grad or repaired]
    optimizer = torch.optim.Adam(chosen, lr=1e-2)
    fixed = sequences(motifs, 512, 10_000)()
    draw = sequences(motifs, 64, seed)
    setup = supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))

    def action(n):
        if n == 10:
            model.reader.requires_grad_(True)

    return with_action(setup, action)
