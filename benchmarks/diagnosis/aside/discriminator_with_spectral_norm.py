import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..training import (
    batches,
    loss_over,
    supervised,
)

NOTE = """Half the images are real, half come from a fixed random generator that has no gradient
and is not trained here; hinge loss, which is flat where the margin is kept; spectral norm in all
layers."""


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.net = nn.Sequential(
            norm(nn.Conv2d(1, 16, 3, 2, 1)),
            nn.LeakyReLU(0.2),
            norm(nn.Conv2d(16, 32, 3, 2, 1)),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            norm(nn.Linear(128, 1)),
        )

    def forward(self, x):
        return self.net(x)[:, 0]


def hinge(score, real):
    sign = 2 * real.float() - 1
    return F.relu(1 - sign * score).mean()


@healthy("GAN discriminator", note=NOTE, trained=50, updates=300)
def discriminator_with_spectral_norm(seed):
    (real, _), _ = standard_digits()
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(real), 8, generator=generator)
    mixing = torch.randn(8, 64, generator=generator)
    fake = (noise @ mixing / 3).tanh().reshape(-1, 1, 8, 8)
    x = torch.cat([real, fake])
    label = torch.arange(2 * len(real)) < len(real)
    model = Discriminator()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, betas=(0.5, 0.9))
    draw = batches((x, label), 64, seed)
    return supervised(model, hinge, optimizer, draw, loss_over(1.0, model, hinge, x, label))
