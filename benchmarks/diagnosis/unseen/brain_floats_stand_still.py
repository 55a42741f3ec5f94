import math

import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..nets import mlp
from ..training import supervised, unexplained

SOURCE = "https://github.com/pytorch/ao/pull/1124"
NOTE = """The pull request: bfloat16 has some three decimal digits; an update below a thousandth of
the weight changes nothing, and training wholly in it needs random rounding. Here weights are about
1, as in nets with an equalised learning rate, and updates 0.001. The repair has float32."""


class Equalised(nn.Module):
    """A linear layer with weights of deviation one, scaled when it is used."""

    def __init__(self, n_in, n_out):
        super().__init__()
        sign = torch.randn(n_out, n_in).sign()
        self.weight = nn.Parameter(sign * (0.5 + torch.rand(n_out, n_in)))
        self.bias = nn.Parameter(torch.full((n_out,), 0.5))
        self.scale = math.sqrt(2 / n_in)

    def forward(self, x):
        return F.linear(x, self.weight * self.scale, self.bias - 0.5)


class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.body = nn.Sequential(
            Equalised(8, 64),
            nn.LeakyReLU(0.2),
            Equalised(64, 64),
            nn.LeakyReLU(0.2),
            Equalised(64, 1),
        )
        self.body.to(kind)
        self.kind = kind

    def forward(self, x):
        return self.body(x.to(self.kind)).float()


def measured(size, generator):
    x = torch.randn(size, 8, generator=generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(77)
        teacher = mlp(8, 16, 1, activation=nn.Tanh).requires_grad_(False)
    return x, 4 * teacher(x)


@broken(
    "lost to rounding",
    "MLP, bfloat16, regression",
    also=("step too small",),
    where=("", "body", "body.0", "body.2", "body.4"),
    source=SOURCE,
    note=NOTE,
    updates=800,
)
def brain_floats_stand_still(seed, repaired):
    model = Net(torch.float32 if repaired else torch.bfloat16)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    held = measured(1024, torch.Generator().manual_seed(10_000))
    error = unexplained(model, *held)
    return supervised(model, F.mse_loss, optimizer, lambda: measured(64, generator), error)
