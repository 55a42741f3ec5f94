import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import table
from ..training import batches, missed, supervised

SOURCE = "https://github.com/LaurentMazare/ocaml-torch/issues/36"
NOTE = """The issue: the optimiser was made before the layer, had nothing to train, and the loss
stayed as it was, without an error. Here the hidden layer is made in the forward pass, anew each
time: what the head learns of one is of no use with the next. The repair makes it once."""


class Net(nn.Module):
    def __init__(self, once):
        super().__init__()
        self.entry = nn.Linear(13, 16)
        self.hidden = nn.Linear(16, 16) if once else None
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        hidden = self.hidden or nn.Linear(16, 16)
        return self.head(torch.tanh(3 * hidden(torch.tanh(self.entry(x)))))


@broken(
    "not in optimizer",
    "MLP on a table",
    also=("ignores input",),
    where=("",),
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def layers_made_in_the_forward_pass(seed, repaired):
    train, test = table("wine")
    model = Net(repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
