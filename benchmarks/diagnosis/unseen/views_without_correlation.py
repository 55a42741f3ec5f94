import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, evaluating, own_loss

NOTE = """Self-supervision by the correlations of features over a batch (Barlow twins): the loss is
a sum over a matrix that all examples share, and starts near the width. Judged by the nearest of
the classes' means."""


class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = mlp(64, 96, 32)
        self.project = nn.Sequential(nn.ReLU(), nn.Linear(32, 32), nn.BatchNorm1d(32, affine=False))

    def forward(self, one, two):
        a, b = (self.project(self.embed(x)) for x in (one, two))
        matrix = a.T @ b / len(a)
        off = matrix - matrix.diag().diag()
        return (1 - matrix.diag()).square().sum() + 0.02 * off.square().sum()


def seen(x, generator):
    """The images moved aside by up to a pixel, under stripes and with pixels left out."""
    move = int(torch.randint(-1, 2, (), generator=generator))
    x = x.roll(move, 3) + 1.2 * torch.randn(len(x), 1, 8, 1, generator=generator)
    return (x * (torch.rand(x.shape, generator=generator) > 0.1)).flatten(1)


@healthy("self-supervised", note=NOTE, updates=800)
def views_without_correlation(seed):
    train, (x, y) = standard_digits()
    generator = torch.Generator().manual_seed(seed)
    model = Twins()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-6)
    rows = batches(train, 128, seed)
    held = seen(x, torch.Generator().manual_seed(10_000))

    def draw():
        images, _ = rows()
        return {"one": seen(images, generator), "two": seen(images, generator)}

    def error():
        with evaluating(model):
            h = F.normalize(model.embed(held))
        centre = F.normalize(torch.stack([h[y == digit].mean(0) for digit in range(10)]))
        return ((h @ centre.T).argmax(1) != y).double().mean().item() / 0.9

    return own_loss(model, optimizer, draw, error)
