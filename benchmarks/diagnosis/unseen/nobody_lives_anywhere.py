import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import supervised, unexplained

SOURCE = "https://github.com/jvargasmu/population_estimation/issues/68"
NOTE = """The issue: a net that scales building maps to numbers of people ends with a ReLU, and
sometimes predicts only zeros from the start, so that there are no gradients; a softplus is
proposed. Here its last bias starts at -2; the repair is the softplus."""


class Population(nn.Module):
    """People of an area: the sum over cells of buildings times people for each."""

    def __init__(self, positive):
        super().__init__()
        self.scale = nn.Sequential(nn.Conv2d(2, 16, 1), nn.ReLU(), nn.Conv2d(16, 1, 1))
        nn.init.constant_(self.scale[2].bias, -2.0)
        self.positive = positive

    def forward(self, cells, buildings):
        people = self.positive(self.scale(cells))
        return (people * buildings).sum((2, 3)) / 4


def areas(size, generator):
    cells = 2 * torch.rand(size, 2, 5, 5, generator=generator) - 1
    buildings = (torch.rand(size, 1, 5, 5, generator=generator) < 0.4).float()
    people = 1 + cells[:, :1] + 0.5 * cells[:, 1:].square()
    return (cells, buildings), (people * buildings).sum((2, 3)) / 4


@broken(
    "dead units",
    "CNN, disaggregation",
    also=("output bounded", "cut off"),
    where=("", "positive", "scale"),
    source=SOURCE,
    note=NOTE,
    updates=400,
)
def nobody_lives_anywhere(seed, repaired):
    model = Population(nn.Softplus() if repaired else nn.ReLU())
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(areas, 256, 10_000)()
    draw = sequences(areas, 32, seed)
    return supervised(model, F.huber_loss, optimizer, draw, unexplained(model, *fixed))
