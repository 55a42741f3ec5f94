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
    supervised,
    unexplained,
)

NOTE = """Targets are pixels from 0 to 1, many of them exactly 0 and 1, behind a sigmoid with a
squared error: it may come near its ends, and that is what is asked for."""


@healthy("autoencoder", note=NOTE, updates=1000)
def autoencoder_with_sigmoid(seed):
    train, test = digits()
    images = train[0].flatten(1) / 16
    held = test[0].flatten(1) / 16
    encoder = mlp(64, 64, 12)
    decoder = mlp(12, 64, 64)
    model = nn.Sequential(encoder, nn.ReLU(), decoder, nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = batches((images, images), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, held, held))
