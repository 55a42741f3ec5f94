import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import table
from ..training import batches, supervised, unexplained

SOURCE = "https://github.com/yzhao062/pyod/issues/314"
NOTE = """The issue: an autoencoder standardises its table, so that values are below 0 and above 1,
and ends with a sigmoid. Here the same on another table; the repair has no sigmoid."""


class Autoencoder(nn.Module):
    def __init__(self, last):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(30, 24), nn.ELU(), nn.Linear(24, 10))
        self.decoder = nn.Sequential(nn.ELU(), nn.Linear(10, 24), nn.ELU(), nn.Linear(24, 30))
        self.last = last

    def forward(self, x):
        return self.last(self.decoder(self.encoder(x)))


@broken(
    "output bounded",
    "autoencoder on a table",
    where=("", "last"),
    source=SOURCE,
    note=NOTE,
    trained=300,
    updates=1000,
)
def standard_scores_from_a_sigmoid(seed, repaired):
    train, test = ((x, x) for x, _ in table("breast_cancer"))
    model = Autoencoder(nn.Identity() if repaired else nn.Sigmoid())
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, *test))
