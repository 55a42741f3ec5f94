import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import digits
from ..nets import mlp
from ..training import batches, evaluating, own_loss

SOURCE = "https://github.com/AppliedDataSciencePartners/WorldModels/issues/12"
NOTE = """The issue: the divergence of a VAE falls to 4e-7, its posterior collapses; both losses are
means over their dimensions, where the original sums. So the divergence weighs far too much, and
the latent numbers carry nothing. Here the same on digits, after 200 updates; the repair sums
both."""


class VAE(nn.Module):
    def __init__(self, total):
        super().__init__()
        self.total = total
        self.encoder = mlp(64, 48, 8, activation=nn.SiLU)
        self.decoder = mlp(4, 48, 64, activation=nn.SiLU)

    def forward(self, images, noise):
        mean, log_variance = self.encoder(images).chunk(2, 1)
        z = mean + (log_variance / 2).exp() * noise
        away = (self.decoder(z) - images).square()
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance) / 2
        if self.total:
            return (8 * away.sum(1) + divergence.sum(1)).mean()
        return away.mean() + divergence.mean()


@broken(
    "ignores input",
    "VAE",
    also=("cut off", "vanishing"),
    where=("", "encoder", "decoder"),
    source=SOURCE,
    note=NOTE,
    trained=200,
    updates=1500,
)
def latent_that_carries_nothing(seed, repaired):
    (train, _), (test, _) = digits()
    images, held = (x.flatten(1) / 16 for x in (train, test))
    model = VAE(total=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    rows = batches((images, images), 64, seed)
    generator = torch.Generator().manual_seed(seed)

    def draw():
        return {"images": rows()[0], "noise": torch.randn(64, 4, generator=generator)}

    def error():
        with evaluating(model):
            seen = model.decoder(model.encoder(held)[:, :4])
        return (F.mse_loss(seen, held) / (held - images.mean(0)).square().mean()).item()

    return own_loss(model, optimizer, draw, error)
