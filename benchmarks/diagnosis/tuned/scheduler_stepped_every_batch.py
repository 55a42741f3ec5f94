import torch
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..nets import (
    ConvNet,
)
from ..training import (
    batches,
    missed,
    supervised,
    with_action,
)

NOTE = """The issue: the printed rate is 0.000000 after some epochs and the loss stays where it
is. Here a scheduler that is meant to be stepped once an epoch, a tenth each time, is stepped
after every batch: after 9 updates the rate is 10⁻¹¹. The repair does not step it."""


@broken(
    "step too small",
    "CNN",
    note=NOTE,
    trained=9,
    updates=300,
    source="https://github.com/pytorch/vision/issues/2007",
)
def scheduler_stepped_every_batch(seed, repaired):
    train, test = standard_digits()
    model = ConvNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
    draw = batches(train, 64, seed)
    setup = supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))

    def action(n):
        if not repaired:
            scheduler.step()

    return with_action(setup, action)
