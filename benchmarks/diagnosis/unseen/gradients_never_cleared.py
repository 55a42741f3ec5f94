import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..nets import mlp
from ..training import call, supervised, unexplained

SOURCE = "https://github.com/IBM/aihwkit/issues/446"
NOTE = """The issue: two examples lack ``zero_grad``; in ten updates the loss falls and rises again.
Gradients of all updates so far are added up, as if momentum were 1. Here after 30 updates; the
repair clears them."""


def surface(size, generator):
    x = 2 * torch.rand(size, 2, generator=generator) - 1
    return x, (2 * x.sum(1, keepdim=True)).sin()


@broken(
    "step too large",
    "MLP, regression",
    also=("exploding",),
    source=SOURCE,
    note=NOTE,
    trained=30,
    updates=1500,
)
def gradients_never_cleared(seed, repaired):
    model = mlp(2, 32, 32, 1, activation=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(seed)
    error = unexplained(model, *surface(1024, torch.Generator().manual_seed(10_000)))

    def draw():
        return surface(64, generator)

    setup = supervised(model, F.mse_loss, optimizer, draw, error)

    def update():
        inputs, target = draw()
        value = F.mse_loss(call(model, inputs), target)
        value.backward()
        optimizer.step()
        return value.item()

    if not repaired:
        setup.update = update
    return setup
