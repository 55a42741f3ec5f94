import torch
from torch.nn import functional as F

from ..case import healthy
from ..data import waves
from ..nets import mlp
from ..training import batches, supervised, unexplained

NOTE = """The targets are some 10⁻³, so that the loss is about 10⁻⁶ from the start. Adam with an
epsilon of 10⁻⁸ still learns. The last layer starts at zero."""


@healthy("MLP, tanh, regression", note=NOTE, updates=1000)
def loss_of_a_millionth(seed):
    x, y = waves(1024)
    y = 1e-3 * y
    model = mlp(1, 64, 64, 1, activation=torch.nn.Tanh)
    torch.nn.init.zeros_(model[-1].weight)
    torch.nn.init.zeros_(model[-1].bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, x, y))
