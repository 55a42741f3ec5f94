import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, missed, supervised

SOURCE = "https://github.com/nikhilsinghmus/image2reverb/issues/37"
NOTE = """The issue: in the generator's step its output is detached before the discriminator
judges it, so that this loss trains the generator not at all; the author calls it a bug. Here the
judge is a classifier, trained before, and the generator draws the digit that is asked for; only
the generator is given to the optimiser, as it should be. The repair does not detach."""


class Adversarial(nn.Module):
    """A generator of digits, and the judge of what it draws."""

    def __init__(self, detach):
        super().__init__()
        self.detach = detach
        self.generator = nn.Sequential(nn.Embedding(10, 24), mlp(24, 64, 64))
        self.judge = mlp(64, 48, 10)

    def forward(self, asked):
        drawn = self.generator(asked)
        return self.judge(drawn.detach() if self.detach else drawn)


@broken(
    "cut off",
    "generator with a judge",
    where=("", "generator"),
    source=SOURCE,
    note=NOTE,
    updates=300,
)
def generator_detached_from_its_judge(seed, repaired):
    model = Adversarial(detach=not repaired)
    train, _ = standard_digits(flat=True)
    before = torch.optim.Adam(model.judge.parameters(), lr=3e-3)
    lesson = supervised(model.judge, F.cross_entropy, before, batches(train, 64, seed), None)
    for _ in range(150):
        lesson.update()
    model.zero_grad()
    optimizer = torch.optim.Adam(model.generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    asked = torch.arange(40) % 10
    error = missed(model, asked, asked)
    return supervised(model, F.cross_entropy, optimizer, lambda: (asked, asked), error)
