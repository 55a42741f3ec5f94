import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..nets import mlp
from ..training import supervised, unexplained

SOURCE = "https://github.com/kwea123/nerf_pl/issues/75"
NOTE = """The issue: the loss of a radiance field does not drop on some scenes; the author restarts
until the start is a lucky one, or replaces the density's ReLU by a softplus, which makes training
stable. Where the ReLU is below zero everywhere, no ray gets a gradient. Here a scene of two
dimensions is seen along 24 parallel rays and the last bias starts at -1.5."""


class Field(nn.Module):
    """Density and brightness of points, and what is seen along rays of points (rays, points, 2)."""

    def __init__(self, activation):
        super().__init__()
        self.register_buffer("frequencies", 2.0 ** torch.arange(4))
        self.body = mlp(16, 48, 48, 2)
        self.density = activation
        with torch.no_grad():
            self.body[4].weight[0] *= 0.3
            self.body[4].bias[0] = -1.5

    def forward(self, points):
        angles = (points[..., None] * self.frequencies).flatten(-2)
        raw = self.body(torch.cat([angles.sin(), angles.cos()], -1))
        opaque = 1 - torch.exp(-self.density(raw[..., 0]))
        clear = F.pad((1 - opaque).cumprod(-1)[:, :-1], (1, 0), value=1.0)
        return (clear * opaque * raw[..., 1].sigmoid()).sum(-1, keepdim=True)


def views():
    """Rays from the left and from below, and their brightness: a disc of light in the dark."""
    place = torch.linspace(-1, 1, 24)
    x, y = torch.meshgrid(place, place, indexing="ij")
    grid = torch.stack([x, y], -1)
    rays = torch.cat([grid, grid.transpose(0, 1)])
    inside = (rays - torch.tensor([0.2, -0.3])).square().sum(-1) < 0.3
    return rays, inside.any(1, keepdim=True).float() * 0.9


@broken(
    "dead units",
    "radiance field",
    also=("output bounded", "cut off"),
    where=("", "density", "body.4", "body"),
    source=SOURCE,
    note=NOTE,
    updates=200,
)
def density_field_starts_empty(seed, repaired):
    model = Field(nn.Softplus() if repaired else nn.ReLU())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scene = views()
    error = unexplained(model, *scene)
    return supervised(model, F.mse_loss, optimizer, lambda: scene, error)
