import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..nets import mlp
from ..training import missed, supervised

SOURCE = "https://github.com/yanx27/Pointnet_Pointnet2_pytorch/issues/30"
NOTE = """The issue: in a net for clouds of points ``nll_loss`` is given scores that are not
logarithms of probabilities, and the loss falls below zero. It can fall without end: all scores
grow. Here clouds of four shapes; the repair takes ``log_softmax``."""


class PointNet(nn.Module):
    def __init__(self, logarithm):
        super().__init__()
        self.logarithm = logarithm
        self.points = mlp(3, 24, 48)
        self.head = mlp(48, 32, 4)

    def forward(self, cloud):
        scores = self.head(self.points(cloud).amax(1))
        return scores.log_softmax(1) if self.logarithm else scores


def clouds(size, generator):
    """Clouds of 24 points (size, 24, 3), one of: ball, disc, stick, and ball far to one side."""
    shape = torch.randint(4, (size,), generator=generator)
    stretch = torch.tensor([[1.0, 1, 1], [1, 1, 0.1], [0.1, 0.1, 1], [1, 1, 1]])[shape]
    offset = torch.tensor([0.0, 0, 0, 1])[shape][:, None, None]
    cloud = torch.randn(size, 24, 3, generator=generator)
    return cloud * stretch[:, None] + offset, shape


@broken(
    "missing logarithm",
    "net on points",
    also=("exploding", "step too large"),
    where=("", "head"),
    source=SOURCE,
    note=NOTE,
    trained=60,
    updates=400,
)
def likelihood_of_raw_scores(seed, repaired):
    model = PointNet(repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    fixed = sequences(clouds, 512, 10_000)()
    draw = sequences(clouds, 64, seed)
    return supervised(model, F.nll_loss, optimizer, draw, missed(model, *fixed))
