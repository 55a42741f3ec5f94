import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    sequences,
)
from ..nets import (
    mlp,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """The issue: a speech pipeline calls its encoder with ``feats.detach()``, so that what
makes the features, here a learned filter bank, gets no gradient. Two filters at random cannot
tell six frequencies apart; learned ones can."""


class FilterBank(nn.Module):
    def __init__(self):
        super().__init__()
        self.filters = nn.Conv1d(1, 2, 16, stride=4)

    def forward(self, wave):
        return self.filters(wave).square().mean(2).add(1e-3).log()


class Pipeline(nn.Module):
    def __init__(self, attached):
        super().__init__()
        self.attached = attached
        self.features = FilterBank()
        self.encoder = mlp(2, 16, 6)

    def forward(self, wave):
        features = self.features(wave)
        return self.encoder(features if self.attached else features.detach())


def tones(size, generator):
    label = torch.randint(6, (size,), generator=generator)
    phase = 6.3 * torch.rand(size, 1, generator=generator)
    wave = torch.sin(0.3 + 0.35 * label[:, None] * torch.arange(64) + phase)
    return (wave + 0.5 * torch.randn(size, 64, generator=generator))[:, None], label


@broken(
    "cut off",
    "1-D CNN",
    where=("features",),
    note=NOTE,
    updates=1500,
    source="https://github.com/speechbrain/speechbrain/issues/1396",
)
def features_detached_for_the_encoder(seed, repaired):
    model = Pipeline(attached=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    fixed = sequences(tones, 512, 10_000)()
    draw = sequences(tones, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
