import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..training import (
    batches,
    supervised,
    unexplained,
)

NOTE = """A sparse autoencoder: of 128 hidden units the 16 largest pass for each image, all others
are set to zero."""


class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(64, 128)
        self.decoder = nn.Linear(128, 64)

    def forward(self, x):
        h = F.relu(self.encoder(x))
        least = h.topk(16, dim=1).values[:, -1:]
        return self.decoder(h * (h >= least))


@healthy("sparse autoencoder", note=NOTE, updates=800)
def only_the_largest_pass(seed):
    (x, _), (held, _) = standard_digits(flat=True)
    model = Sparse()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((x, x), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, held, held))
