import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """Two views of 64 images, each to be found among all: a loss of about ln 64 at the start,
with cosines divided by a temperature of 0.1."""


class Pairing(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = mlp(64, 96, 24)
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def forward(self, one, two):
        a, b = F.normalize(self.encoder(one)), F.normalize(self.encoder(two))
        return self.log_scale.exp() * a @ b.T


@healthy("contrastive, two towers", note=NOTE, updates=500)
def contrastive_pairs(seed):
    (x, _), (held, _) = standard_digits()
    model = Pairing()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def made(images, generator):
        flat = images.flatten(1)
        turned = images.rot90(1, (2, 3)).flatten(1)
        return flat + 0.5 * torch.randn(flat.shape, generator=generator), turned

    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(64)

    def draw():
        rows = torch.randint(len(x), (64,), generator=generator)
        return made(x[rows], generator), label

    fixed = made(held[:64], torch.Generator().manual_seed(10_000))
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, fixed, label))
