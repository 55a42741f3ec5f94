import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..training import batches, missed, supervised

SOURCE = "https://github.com/BVLC/caffe/issues/1396"
NOTE = """The issue: a net for joints gives the same output to any input; with a weight decay of
0.5, it is said, all weights go to zero, and with 0.0005 it is well. Here the number that was meant
as momentum, 0.9, stands as weight decay, and after 40 updates little is left of the weights; the
repair has 0.9 as momentum and no decay."""


@broken(
    "too much decay",
    "CNN, strided",
    also=("vanishing", "ignores input"),
    source=SOURCE,
    note=NOTE,
    trained=40,
    updates=250,
)
def decay_in_the_place_of_momentum(seed, repaired):
    train, test = standard_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1),
        nn.PReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.PReLU(),
        nn.Flatten(),
        nn.Linear(128, 10),
    )
    momentum, decay = (0.9, 0.0) if repaired else (0.0, 0.9)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=momentum, weight_decay=decay)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
