import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, missed, supervised

NOTE = """The generator's half of a GAN with classes: it learns to draw what the judge, trained
before, takes for the digit that is asked for. The judge is a part of the model that is not given
to the optimiser, but is not frozen, and gets gradients with each backward pass."""


class Adversarial(nn.Module):
    def __init__(self):
        super().__init__()
        self.asked = nn.Embedding(10, 16)
        self.generator = mlp(24, 96, 64, activation=nn.ELU)
        self.judge = mlp(64, 48, 10, activation=nn.ELU)

    def forward(self, asked, noise):
        drawn = self.generator(torch.cat([self.asked(asked), noise], 1)).tanh()
        return self.judge(2 * drawn)


@healthy("generator with a judge", note=NOTE, updates=250)
def generator_against_a_judge(seed):
    model = Adversarial()
    train, _ = standard_digits(flat=True)
    before = torch.optim.Adam(model.judge.parameters(), lr=3e-3)
    lesson = supervised(model.judge, F.cross_entropy, before, batches(train, 64, seed), None)
    for _ in range(150):
        lesson.update()
    own = [*model.asked.parameters(), *model.generator.parameters()]
    optimizer = torch.optim.Adam(own, lr=2e-3, betas=(0.5, 0.999))
    generator = torch.Generator().manual_seed(seed)
    asked = torch.arange(60) % 10

    def draw():
        return (asked, torch.randn(60, 8, generator=generator)), asked

    held = (asked, torch.randn(60, 8, generator=torch.Generator().manual_seed(10_000)))
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, held, asked))
