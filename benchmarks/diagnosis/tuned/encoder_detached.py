import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..training import batches, missed, supervised

SOURCE = "https://github.com/lucidrains/CoCa-pytorch/issues/6"
NOTE = """The issue: the wrapper that takes features out of an image encoder detaches them, so
that no gradient reaches the encoder. Here the encoder is narrow, and a linear head cannot do
without it."""


class Extractor(nn.Module):
    """Runs a net and hands out a copy of what it computes."""

    def __init__(self, net, attached):
        super().__init__()
        self.net = net
        self.attached = attached

    def forward(self, x):
        features = self.net(x)
        return features.clone() if self.attached else features.clone().detach()


class Classifier(nn.Module):
    def __init__(self, attached):
        super().__init__()
        encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32, 6),
            nn.Tanh(),
        )
        self.extractor = Extractor(encoder, attached)
        self.head = nn.Linear(6, 10)

    def forward(self, x):
        return self.head(self.extractor(x))


@broken("cut off", "CNN", where=("extractor",), source=SOURCE, note=NOTE, updates=800)
def encoder_detached(seed, repaired):
    train, test = standard_digits()
    model = Classifier(attached=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
