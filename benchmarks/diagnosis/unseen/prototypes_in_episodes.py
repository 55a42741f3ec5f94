import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..training import call, evaluating, supervised

NOTE = """Few-shot learning: each batch is an episode of four digits with three examples each, whose
mean is the class's prototype; labels are new in each episode, and examples of a batch belong
together. Stripes lie over all images. Judged on episodes of other images."""


class Prototypes(nn.Module):
    """Logits of queries (episode's queries, 4): minus distances to the means of the support."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(1, 24, 3),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 24, 3),
            nn.Flatten(),
        )

    def forward(self, support, query):
        count, shots = support.shape[:2]
        h = self.embed(torch.cat([support.flatten(0, 1), query]))
        centre = h[: count * shots].unflatten(0, (count, shots)).mean(1)
        return -(h[count * shots :, None] - centre).square().sum(2)


def episodes(data, digits, seed, queries=5):
    x, y = data
    generator = torch.Generator().manual_seed(seed)
    members = [torch.nonzero(y == digit)[:, 0] for digit in digits]

    def striped(images):
        return images + 2.5 * torch.randn(*images.shape[:-1], 1, generator=generator)

    def draw():
        rows = []
        for place in torch.randperm(len(members), generator=generator)[:4]:
            own = members[place]
            rows.append(own[torch.randperm(len(own), generator=generator)[: 3 + queries]])
        rows = torch.stack(rows)
        label = torch.arange(len(rows)).repeat_interleave(queries)
        return (striped(x[rows[:, :3]]), striped(x[rows[:, 3:].flatten()])), label

    return draw


@healthy("few-shot learning", note=NOTE, updates=250)
def prototypes_in_episodes(seed):
    train, test = standard_digits()
    model = Prototypes()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    fresh = episodes(test, range(10), 10_000, queries=15)
    held = [fresh() for _ in range(5)]

    def error():
        with evaluating(model):
            wrong = [(call(model, x).argmax(1) != y).double().mean() for x, y in held]
        return sum(wrong).item() / 5 / 0.75

    draw = episodes(train, range(10), seed)
    return supervised(model, F.cross_entropy, optimizer, draw, error)
