import torch
from torch import nn

from ..case import broken
from ..nets import mlp
from ..training import supervised, unexplained

NOTE = """The loss is summed over a batch of 256 and three outputs, and the rate of gradient
descent is one for means, 0.05: a step is some 700 times too large, and the first ones end in
infinity. The repair takes the mean. General knowledge."""


def robot(size, generator):
    """Two angles of an arm with two parts, and where its hand and elbow height are."""
    angles = 3 * torch.rand(size, 2, generator=generator) - 1.5
    both = angles.sum(1)
    x = angles[:, 0].cos() + both.cos()
    y = angles[:, 0].sin() + both.sin()
    return angles, torch.stack([x, y, angles[:, 0].sin()], 1)


@broken(
    "step too large",
    "MLP, kinematics",
    also=("exploding",),
    note=NOTE,
    updates=800,
)
def sum_of_losses_with_a_rate_for_means(seed, repaired):
    model = mlp(2, 48, 3, activation=nn.ELU)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loss = nn.MSELoss(reduction="mean" if repaired else "sum")
    generator = torch.Generator().manual_seed(seed)
    error = unexplained(model, *robot(1024, torch.Generator().manual_seed(10_000)))
    return supervised(model, loss, optimizer, lambda: robot(256, generator), error)
