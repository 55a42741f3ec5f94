import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import table
from ..training import batches, evaluating, own_loss

NOTE = """Two tasks with learned weights: the class of a wine and one of its quantities, far larger
than 1. Logarithms of variances weigh the losses, and the sum may fall below zero."""


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 32), nn.Mish())
        self.kind = nn.Linear(32, 3)
        self.amount = nn.Linear(32, 1)
        self.log_variance = nn.Parameter(torch.zeros(2))

    def forward(self, x, kind, amount):
        h = self.body(x)
        losses = torch.stack(
            [
                F.cross_entropy(self.kind(h), kind),
                F.mse_loss(self.amount(h)[:, 0], amount) / 2,
            ]
        )
        return (torch.exp(-self.log_variance) * losses + self.log_variance / 2).sum()


@healthy("two tasks", note=NOTE, updates=800)
def tasks_weigh_themselves(seed):
    train, (x, kind) = table("wine")
    model = TwoTasks()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    draw = batches(train, 32, seed)

    def keywords():
        rows, label = draw()
        return {"x": rows[:, :12], "kind": label, "amount": 10 * rows[:, 12]}

    def error():
        with evaluating(model):
            h = model.body(x[:, :12])
            wrong = (model.kind(h).argmax(1) != kind).double().mean() / 0.6
            left = (model.amount(h)[:, 0] / 10 - x[:, 12]).square().mean() / x[:, 12].var()
        return (wrong.item() + left.item()) / 2

    return own_loss(model, optimizer, keywords, error)
