import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import table
from ..training import batches, missed, supervised

SOURCE = "https://github.com/timeseriesAI/tsai/issues/506"
NOTE = """The issue: all outputs are nan on one data set; the commonest reason, it is said, is that
the inputs hold nan. Here one value in fifty of a table is missing, as a reader of files marks it;
the repair sets these to 0, the mean."""


class Tabular(nn.Module):
    def __init__(self):
        super().__init__()
        self.entry = nn.Linear(30, 32)
        self.norm = nn.BatchNorm1d(32)
        self.head = nn.Sequential(nn.SiLU(), nn.Linear(32, 2))

    def forward(self, x):
        return self.head(self.norm(self.entry(x)))


def with_gaps(data, filled):
    x, y = data
    gaps = torch.rand(x.shape, generator=torch.Generator().manual_seed(3)) < 0.02
    return x.masked_fill(gaps, 0.0 if filled else float("nan")), y


@broken(
    "not finite, forward",
    "MLP on a table",
    also=("input scale",),
    where=("", "entry"),
    source=SOURCE,
    note=NOTE,
    updates=200,
)
def columns_with_missing_values(seed, repaired):
    train, test = (with_gaps(data, repaired) for data in table("breast_cancer"))
    model = Tabular()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
