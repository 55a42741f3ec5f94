import torch
from torch import nn
from torch.nn import functional as F

from ..case import Setup, healthy
from ..data import waves
from ..nets import mlp
from ..training import unexplained

NOTE = """All data in one batch and L-BFGS, which calls the model several times in a step; its rate
is 1, as is usual for it."""


@healthy("MLP, L-BFGS", note=NOTE, updates=30)
def curve_by_second_order_steps(seed):
    batch = waves(200, seed=1)
    model = mlp(1, 20, 20, 1, activation=nn.Tanh)
    optimizer = torch.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = F.mse_loss(model(batch[0]), batch[1])
        value.backward()
        return value

    def update():
        return optimizer.step(closure).item()

    return Setup(model, batch, F.mse_loss, optimizer, update, unexplained(model, *waves(200)))
