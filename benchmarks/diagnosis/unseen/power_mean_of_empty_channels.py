import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..training import batches, missed, supervised

SOURCE = "https://github.com/filipradenovic/cnnimageretrieval-pytorch/issues/73"
NOTE = """The issue asks whether the clamp at 1e-6 in generalised mean pooling throws information
away. Here it is left out: where a channel is zero over a whole image, the third root has an
infinite derivative, and zero times infinity is nan. The repair puts the clamp back."""


class PowerMean(nn.Module):
    """The root of the mean of powers over an image."""

    def __init__(self, least):
        super().__init__()
        self.least = least
        self.p = nn.Parameter(torch.tensor(3.0))

    def forward(self, h):
        return h.clamp(min=self.least).pow(self.p).mean((2, 3)).pow(1 / self.p)


@broken(
    "not finite, backward",
    "CNN, retrieval",
    where=("", "pool", "features"),
    source=SOURCE,
    note=NOTE,
    updates=250,
)
def power_mean_of_empty_channels(seed, repaired):
    train, test = standard_digits()
    model = nn.Sequential()
    model.features = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU()
    )
    model.pool = PowerMean(1e-6 if repaired else 0.0)
    model.head = nn.Linear(64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
