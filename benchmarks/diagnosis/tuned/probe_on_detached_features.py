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
    batches,
    missed,
    own_loss,
)

NOTE = """An autoencoder, and beside it a linear probe that classifies its detached features: the
probe's loss must not reach the encoder, the reconstruction's does. Loss inside the model."""


class Probed(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = mlp(64, 64, 16)
        self.decoder = mlp(16, 64, 64)
        self.probe = nn.Linear(16, 10)

    def forward(self, images, labels):
        code = self.encoder(images)
        seen = F.mse_loss(self.decoder(code), images)
        return seen + F.cross_entropy(self.probe(code.detach()), labels)


@healthy("autoencoder with a probe", note=NOTE, updates=800)
def probe_on_detached_features(seed):
    train, (held, labels) = standard_digits(flat=True)
    model = Probed()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    rows = batches(train, 64, seed)

    def draw():
        images, labels = rows()
        return {"images": images, "labels": labels}

    error = missed(nn.Sequential(model.encoder, model.probe), held, labels)
    return own_loss(model, optimizer, draw, error)
