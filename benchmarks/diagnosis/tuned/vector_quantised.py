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
    evaluating,
    own_loss,
)

NOTE = """A code book of 32 vectors: the nearest is taken, and the gradient is handed past the
choice (straight through), with two detached terms by design. The model returns its loss. Codes
that no image of the batch chooses have no gradient."""


class Quantised(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = mlp(64, 64, 16)
        self.codes = nn.Embedding(32, 4)
        nn.init.normal_(self.codes.weight, std=0.5)
        self.decoder = mlp(16, 64, 64)

    def reconstruct(self, x):
        z = self.encoder(x).reshape(-1, 4)
        nearest = torch.cdist(z.detach(), self.codes.weight.detach()).argmin(1)
        code = self.codes(nearest)
        through = z + (code - z).detach()
        return z, code, self.decoder(through.reshape(len(x), 16))

    def forward(self, images):
        z, code, seen = self.reconstruct(images)
        commitment = F.mse_loss(z, code.detach())
        return F.mse_loss(seen, images) + F.mse_loss(code, z.detach()) + 0.25 * commitment


@healthy("VQ-VAE", note=NOTE, updates=1200)
def vector_quantised(seed):
    (x, _), (held, _) = standard_digits(flat=True)
    model = Quantised()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    rows = batches((x, x), 64, seed)
    spread = (held - held.mean(0)).square().mean()

    def error():
        with evaluating(model):
            return ((model.reconstruct(held)[2] - held).square().mean() / spread).item()

    return own_loss(model, optimizer, lambda: {"images": rows()[0]}, error)
