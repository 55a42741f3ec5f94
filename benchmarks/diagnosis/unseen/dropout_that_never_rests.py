import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..training import batches, missed, supervised

SOURCE = "https://github.com/pytorch/pytorch/issues/11999"
NOTE = """The issue: dropout is active though ``eval()`` was called; the function ``F.dropout`` in a
forward pass does not know the mode unless it is told. Here with a share of 0.9, after 200 updates;
the repair passes ``training=self.training``."""


class Net(nn.Module):
    def __init__(self, told):
        super().__init__()
        self.told = told
        self.first = nn.Linear(64, 64)
        self.second = nn.Linear(64, 64)
        self.head = nn.Linear(64, 10)

    def dropped(self, h):
        return F.dropout(h, 0.9, self.training or not self.told)

    def forward(self, x):
        h = self.dropped(F.gelu(self.first(x)))
        return self.head(self.dropped(F.gelu(self.second(h))))


@broken(
    "evaluation mode",
    "MLP with dropout",
    where=("",),
    source=SOURCE,
    note=NOTE,
    trained=200,
    updates=600,
)
def dropout_that_never_rests(seed, repaired):
    train, test = standard_digits(flat=True)
    model = Net(repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
