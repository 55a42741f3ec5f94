import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..nets import mlp
from ..training import supervised, unexplained

SOURCE = "https://github.com/wandb/senpai/pull/978"
NOTE = """The pull request: every batch's gradient is clipped, from a norm of 20 to one of 1, and
steps are 20 times smaller than the rate says. Here the optimiser itself clips before
its step, to a norm of 1e-4, where gradients have about 1; the repair clips to 10."""


class Clipped(torch.optim.SGD):
    """Gradient descent that shortens the gradient to a largest norm before each step."""

    def __init__(self, parameters, lr, most):
        super().__init__(parameters, lr=lr)
        self.most = most

    def step(self, closure=None):
        chosen = [p for group in self.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(chosen, self.most)
        return super().step(closure)


def flow(size, generator):
    """Points of a pipe and the speed of what runs through it there, 8 times a parabola."""
    x = 2 * torch.rand(size, 3, generator=generator) - 1
    radius = x[:, 1:].square().sum(1, keepdim=True)
    return x, 8 * (0.7 - radius) * (1 + 0.3 * x[:, :1])


@broken(
    "clipped",
    "MLP, regression of a flow",
    also=("step too small",),
    source=SOURCE,
    note=NOTE,
    updates=600,
)
def optimizer_that_clips_each_step(seed, repaired):
    model = mlp(3, 48, 48, 1, activation=nn.SiLU)
    optimizer = Clipped(model.parameters(), lr=0.02, most=10.0 if repaired else 1e-4)
    generator = torch.Generator().manual_seed(seed)
    error = unexplained(model, *flow(1024, torch.Generator().manual_seed(10_000)))
    return supervised(model, F.mse_loss, optimizer, lambda: flow(64, generator), error)
