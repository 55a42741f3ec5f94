import torch

from ..case import broken
from ..data import waves
from ..nets import mlp
from ..training import batches, supervised, unexplained

SOURCE = "https://discuss.pytorch.org/t/148155"
NOTE = """The thread: predictions of shape (1024, 1), targets of shape (1024,); the squared error
is taken of all pairs, and the best answer is the mean. There a linear model of three inputs."""


@broken("target shape", "MLP, tanh, regression", source=SOURCE, note=NOTE, updates=1500)
def column_against_row(seed, repaired):
    x, y = waves(1024, inputs=2)
    target = y if repaired else y[:, 0]
    model = mlp(2, 64, 64, 1, activation=torch.nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((x, target), 64, seed)
    return supervised(model, squared, optimizer, draw, unexplained(model, x, y))


def squared(out, target):
    return (out - target).square().mean()
