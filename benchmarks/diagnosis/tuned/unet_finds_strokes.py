import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    digits,
    strokes_in_noise,
)
from ..training import (
    batches,
    binary_entropy,
    loss_over,
    supervised,
)

NOTE = """Segmentation: which pixels belong to the digit, seen through strong noise; one pixel in
three does. Logits with a sigmoid inside the loss, mean over all pixels."""


class UNet(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.down1 = self.double(1, width)
        self.down2 = self.double(width, 2 * width)
        self.bottom = self.double(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.merge2 = self.double(4 * width, 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.merge1 = self.double(2 * width, width)
        self.out = nn.Conv2d(width, 1, 1)

    @staticmethod
    def double(n_in, n_out):
        return nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.BatchNorm2d(n_out),
            nn.SiLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1),
            nn.BatchNorm2d(n_out),
            nn.SiLU(),
        )

    def forward(self, x):
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        bottom = self.bottom(F.max_pool2d(two, 2))
        two = self.merge2(torch.cat([two, self.up2(bottom)], 1))
        one = self.merge1(torch.cat([one, self.up1(two)], 1))
        return self.out(one)


@healthy("U-Net, SiLU", note=NOTE, updates=150)
def unet_finds_strokes(seed):
    train, test = digits()
    x, mask = strokes_in_noise(test, 0.5, 10_000)
    train = strokes_in_noise(train, 0.5, seed)
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = nn.BCEWithLogitsLoss()
    error = loss_over(binary_entropy(mask.flatten()), model, loss, x, mask)
    return supervised(model, loss, optimizer, batches(train, 32, seed), error)
