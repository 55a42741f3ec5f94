import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """The issue, on a net for audio: "the ReLU layers at the end cut off the entire network
output"; a smaller rate or another activation helps. Here the first 12 updates are made at a rate
of 6 with gradients clipped at norm 1, as without a warm-up; the rate is right afterwards, but
half to nine tenths of the units of a layer are dead. The repair makes those updates at a rate of
0.05, too."""


@broken(
    "dead units",
    "MLP, ReLU",
    also=("ignores input",),
    where=("0", "1", "2", "3", "4", "5"),
    note=NOTE,
    trained=12,
    updates=500,
    source="https://github.com/ibab/tensorflow-wavenet/issues/143",
)
def killed_by_an_early_rate(seed, repaired):
    train, test = standard_digits(flat=True)
    model = mlp(64, 64, 64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    draw = batches(train, 32, seed)
    setup = supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
    count = iter(range(10**9))

    def update():
        early = next(count) < 12 and not repaired
        optimizer.param_groups[0]["lr"] = 6.0 if early else 0.05
        inputs, target = draw()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 0.05
        return loss.item()

    setup.update = update
    return setup
