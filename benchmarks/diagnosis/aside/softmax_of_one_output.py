import torch
from torch import nn

from ..case import broken
from ..data import (
    table,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    evaluating,
    supervised,
)

NOTE = """The issue of another library: a softmax over a single output is always 1, whatever the
input ("actually correct; it is not a decision function"). The gradient is exactly zero, too. The
repair is a sigmoid."""


@broken(
    "ignores input",
    "MLP, binary",
    where=("4", "5"),
    also=("output bounded", "saturated"),
    note=NOTE,
    updates=400,
    source="https://github.com/marian-nmt/marian-dev/issues/21",
)
def softmax_of_one_output(seed, repaired):
    train, test = table("breast_cancer")
    model = mlp(30, 32, 32, 1)
    model.append(nn.Sigmoid() if repaired else nn.Softmax(1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    (x, y), (held, label) = train, test

    def error():
        with evaluating(model):
            said = model(held)[:, 0] > 0.5
        wrong = (said != (label > 0.5)).float().mean()
        return (wrong / label.float().mean().clamp(max=1 - label.float().mean())).item()

    draw = batches((x, y.float()[:, None]), 32, seed)
    return supervised(model, nn.BCELoss(), optimizer, draw, error)
