import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import digits
from ..training import supervised, unexplained

NOTE = """A decoder of digits from a learned code for each image. All weights are drawn with a
deviation of 0.02, as for large generators with batch norm; this one is narrow, deep and has none,
so that neither codes nor gradients get through. The repair draws weights for their size. General
knowledge."""


class Decoder(nn.Module):
    def __init__(self, small):
        super().__init__()
        self.codes = nn.Embedding(64, 12)
        self.grow = nn.Sequential(
            nn.Linear(12, 64),
            nn.Unflatten(1, (16, 2, 2)),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(16, 16, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 1, 3, padding=1),
        )
        for layer in self.grow:
            if hasattr(layer, "weight") and small:
                nn.init.normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
            elif hasattr(layer, "weight"):
                nn.init.kaiming_normal_(layer.weight, 0.2, mode="fan_in")

    def forward(self, number):
        return self.grow(self.codes(number))


@broken(
    "vanishing",
    "decoder, transposed convolutions",
    also=("ignores input",),
    where=("", "grow", "codes"),
    note=NOTE,
    updates=500,
)
def decoder_drawn_as_for_a_gan(seed, repaired):
    (images, _), _ = digits()
    batch = torch.arange(64), images[:64] / 8 - 1
    model = Decoder(small=not repaired)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    error = unexplained(model, *batch)
    return supervised(model, F.mse_loss, optimizer, lambda: batch, error)
