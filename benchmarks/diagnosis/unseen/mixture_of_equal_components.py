import math

import torch
from torch import nn
from torch.distributions import Categorical, Laplace, MixtureSameFamily

from ..case import broken
from ..nets import mlp
from ..training import call, evaluating, supervised

NOTE = """A net that answers with a mixture of three distributions, for a target with three
branches. The head starts at zero: all components are the same, get the same gradient and stay
the same. The repair sets their centres apart. General knowledge."""


class Mixture(nn.Module):
    def __init__(self, zero):
        super().__init__()
        self.body = nn.Sequential(mlp(1, 48, 48, activation=nn.Tanh), nn.Tanh())
        self.head = nn.Linear(48, 9)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        if not zero:
            with torch.no_grad():
                self.head.bias[3:6] = torch.tensor([-1.0, 0.0, 1.0])

    def forward(self, x):
        return self.head(self.body(x))


def mixture(out):
    share, centre, width = out.chunk(3, -1)
    parts = Laplace(centre, width.exp())
    return MixtureSameFamily(Categorical(logits=share), parts)


def unlikely(out, target):
    return -mixture(out).log_prob(target).mean()


def branches(size, generator):
    x = 2 * torch.rand(size, 1, generator=generator) - 1
    branch = torch.randint(3, (size,), generator=generator) - 1
    y = branch * (1.5 + x[:, 0]) + 0.03 * torch.randn(size, generator=generator)
    return x, y


@broken(
    "symmetric start",
    "mixture density net",
    where=("", "head"),
    note=NOTE,
    updates=1200,
)
def mixture_of_equal_components(seed, repaired):
    model = Mixture(zero=not repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(seed)
    x, y = branches(2048, torch.Generator().manual_seed(10_000))
    spread = (y - y.median()).abs().mean()
    constant = -Laplace(y.median(), spread).log_prob(y).mean().item()
    width = 0.03 * math.sqrt(2 / math.pi)
    best = 1 + math.log(2 * width) + math.log(3)

    def error():
        with evaluating(model):
            return (unlikely(call(model, x), y).item() - best) / (constant - best)

    return supervised(model, unlikely, optimizer, lambda: branches(128, generator), error)
