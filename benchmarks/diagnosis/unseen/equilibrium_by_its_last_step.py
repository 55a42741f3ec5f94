import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..training import batches, missed, supervised

NOTE = """A deep equilibrium model: one layer is applied 12 times without gradient, until its state
hardly changes, and once more with one; the loss reaches the weights by this last step alone."""


class Equilibrium(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.entry = nn.Linear(64, width)
        self.layer = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def step(self, z, x):
        return self.norm(torch.tanh(self.layer(z) + x))

    def forward(self, image):
        x = self.entry(image)
        z = torch.zeros_like(x)
        with torch.no_grad():
            for _ in range(12):
                z = self.step(z, x)
        return self.head(self.step(z, x))


@healthy("equilibrium model", note=NOTE, updates=300)
def equilibrium_by_its_last_step(seed):
    train, test = standard_digits(flat=True)
    model = Equilibrium()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
