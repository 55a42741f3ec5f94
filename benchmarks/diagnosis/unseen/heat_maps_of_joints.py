import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..training import call, evaluating, supervised

NOTE = """Heat maps: the target is zero but for a small bell around a point, so that the mean
squared error of a map of zeros is 0.016 and hardly to be told from none. Judged by where the
largest value is."""


def net(width=20):
    layers = [nn.Conv2d(1, width, 5, padding=2)]
    for _ in range(2):
        layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
    return nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 1, 1))


def crosses(size, generator):
    """Images of 14 × 14 with a bar across another, in noise, and a bell where they meet."""
    place = torch.randint(2, 12, (size, 2), generator=generator)
    at = torch.arange(14)
    row, column = at == place[:, :1], at == place[:, 1:]
    image = (row[:, :, None] | column[:, None, :]).float()
    image = image + 0.2 * torch.randn(image.shape, generator=generator)
    far = (at - place[:, :1])[:, :, None] ** 2 + (at - place[:, 1:])[:, None, :] ** 2
    return image[:, None], torch.exp(-far / 2)[:, None]


@healthy("heat maps", note=NOTE, updates=200)
def heat_maps_of_joints(seed):
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    image, target = sequences(crosses, 64, 10_000)()

    def error():
        with evaluating(model):
            found = call(model, image).flatten(1).argmax(1)
        return (found != target.flatten(1).argmax(1)).double().mean().item()

    return supervised(model, F.mse_loss, optimizer, sequences(crosses, 16, seed), error)
