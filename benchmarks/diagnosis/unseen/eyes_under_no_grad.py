import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import sequences
from ..training import missed, supervised

SOURCE = "https://github.com/TinyLLaVA/TinyLLaVA_Factory/issues/17"
NOTE = """The issue: the forward pass of a vision tower is under ``torch.no_grad`` though there is
an option to tune it; the line was meant to be taken out. Here a net answers questions about
pictures; its eyes are new and are given to the optimiser. The repair takes the line out."""


class Answers(nn.Module):
    def __init__(self, tuned):
        super().__init__()
        self.tuned = tuned
        self.eyes = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1))
        self.question = nn.Embedding(3, 6)
        self.join = nn.Bilinear(6, 6, 16)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(16, 2))

    def forward(self, image, question):
        with torch.set_grad_enabled(self.tuned and torch.is_grad_enabled()):
            seen = self.eyes(image)[..., 0, 0]
        return self.head(self.join(seen, self.question(question)))


def pictures(size, generator):
    """Three colours of bars, upright or level, in noise: is that of this colour upright?"""
    upright = torch.rand(size, 3, generator=generator) < 0.5
    row = torch.randint(1, 7, (size, 3, 1, 1), generator=generator)
    at = torch.arange(8)
    level = (at[:, None] == row).float().expand(-1, -1, 8, 8)
    image = torch.where(upright[..., None, None], level.transpose(2, 3), level)
    image = image + 0.3 * torch.randn(image.shape, generator=generator)
    question = torch.randint(3, (size,), generator=generator)
    return (image, question), upright.gather(1, question[:, None])[:, 0].long()


@broken(
    "cut off",
    "answers about pictures",
    also=("frozen",),
    where=("", "eyes"),
    source=SOURCE,
    note=NOTE,
    updates=800,
)
def eyes_under_no_grad(seed, repaired):
    model = Answers(tuned=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    fixed = sequences(pictures, 512, 10_000)()
    draw = sequences(pictures, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
