import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..nets import mlp
from ..training import call, evaluating, supervised

SOURCE = "https://github.com/adambielski/siamese-triplet/issues/18"
NOTE = """The issue: the contrastive loss has the root of the squared distance, and its derivative
is nan when both images of a pair are the same. They were so in the data of who reported it; here
one pair in the batch is an image with itself. The repair adds an epsilon under the root."""


class Siamese(nn.Module):
    """The distance of two images in a learned space."""

    def __init__(self, epsilon):
        super().__init__()
        self.epsilon = epsilon
        self.embed = mlp(64, 64, 8)

    def forward(self, a, b):
        squared = (self.embed(a) - self.embed(b)).square().sum(1)
        return (squared + self.epsilon).sqrt()


def contrastive(distance, same):
    apart = F.relu(2 - distance).square()
    return torch.where(same, distance.square(), apart).mean()


def pairs(data, size, seed, twins):
    """A function that draws pairs, half of them of one class; the first ``twins`` are one image."""
    x, y = data
    generator = torch.Generator().manual_seed(seed)
    members = [torch.nonzero(y == digit)[:, 0] for digit in range(10)]

    def draw():
        first = torch.randint(len(y), (size,), generator=generator)
        second = torch.randint(len(y), (size,), generator=generator)
        for row in range(size // 2):
            own = members[y[first[row]]]
            second[row] = own[torch.randint(len(own), (), generator=generator)]
        second[:twins] = first[:twins]
        return (x[first], x[second]), y[first] == y[second]

    return draw


@broken(
    "not finite, backward",
    "siamese MLP",
    where=("", "embed"),
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def siamese_distance_of_twins(seed, repaired):
    train, test = standard_digits(flat=True)
    model = Siamese(1e-6 if repaired else 0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    inputs, same = pairs(test, 400, 10_000, twins=0)()

    def error():
        with evaluating(model):
            distance = call(model, inputs)
        wrong = ((distance < 1) != same).double().mean()
        wrong = wrong / (~same).double().mean().clamp(max=0.5)
        return wrong.item() if distance.isfinite().all() else float("nan")

    draw = pairs(train, 64, seed, twins=1)
    return supervised(model, contrastive, optimizer, draw, error)
