import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    digits,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    evaluating,
    own_loss,
)

NOTE = """The model returns its loss itself, reconstruction plus divergence in nats per image,
some 45 at the start; logarithms of variances start at about 0."""


class VAE(nn.Module):
    def __init__(self, latent=6):
        super().__init__()
        self.encoder = mlp(64, 64, 2 * latent, activation=nn.Tanh)
        self.decoder = mlp(latent, 64, 64, activation=nn.Tanh)

    def forward(self, images):
        mean, log_variance = self.encoder(images - 0.3).chunk(2, 1)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        logits = self.decoder(z)
        seen = F.binary_cross_entropy_with_logits(logits, images, reduction="none").sum(1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return (seen + divergence).mean()


@healthy("VAE", note=NOTE, updates=1500)
def vae_computes_its_loss(seed):
    train, test = digits()
    images = train[0].flatten(1) / 16
    held = test[0].flatten(1) / 16
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    rows = batches((images, images), 64, seed)

    def error():
        with evaluating(model):
            mean, _ = model.encoder(held - 0.3).chunk(2, 1)
            seen = model.decoder(mean).sigmoid()
        return ((seen - held).square().mean() / (held - held.mean(0)).square().mean()).item()

    return own_loss(model, optimizer, lambda: {"images": rows()[0]}, error)
