import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import table
from ..training import batches, missed, supervised

SOURCE = "https://github.com/tensorflow/tensorflow/issues/33027"
NOTE = """The issue: batch normalisation does not scale features up whose own scale is small. Here a
table in units in which all values are some millionths: the epsilon in the root is larger than
their variance, and little is left of them. The repair lowers epsilon to 1e-14."""


@broken(
    "below epsilon",
    "MLP, batch norm, on a table",
    also=("input scale", "ignores input", "vanishing"),
    where=("", "norm"),
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def norm_adds_more_than_there_is(seed, repaired):
    train, test = ((2e-6 * x, y) for x, y in table("breast_cancer"))
    model = nn.Sequential()
    model.norm = nn.BatchNorm1d(30, eps=1e-14 if repaired else 1e-5)
    model.hidden = nn.Linear(30, 24)
    model.activation = nn.Softplus()
    model.head = nn.Linear(24, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
