import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..training import (
    evaluating,
    own_loss,
)

NOTE = """Two noisy views of an image; the branch without predictor is detached by design. The
model returns its loss, a negative cosine. Judged by whether the nearest other view of an image is
its own, among 256."""


class SimSiam(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 96),
            nn.BatchNorm1d(96),
            nn.ReLU(),
            nn.Linear(96, 32),
            nn.BatchNorm1d(32, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 32)
        )

    def forward(self, one, two):
        z1, z2 = self.encoder(one), self.encoder(two)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        agreement = F.cosine_similarity(p1, z2.detach()) + F.cosine_similarity(p2, z1.detach())
        return -agreement.mean() / 2


def views(x, generator):
    kept = (torch.rand(x.shape, generator=generator) > 0.15).float()
    return x * kept + 0.2 * torch.randn(x.shape, generator=generator)


@healthy("SimSiam", note=NOTE, updates=800)
def simsiam_stops_the_gradient(seed):
    (x, _), (held, _) = standard_digits(flat=True)
    model = SimSiam()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)
    generator = torch.Generator().manual_seed(seed)
    fixed = torch.Generator().manual_seed(10_000)
    one, two = views(held[:256], fixed), views(held[:256], fixed)

    def draw():
        rows = torch.randint(len(x), (128,), generator=generator)
        return {"one": views(x[rows], generator), "two": views(x[rows], generator)}

    def error():
        with evaluating(model):
            a, b = F.normalize(model.encoder(one)), F.normalize(model.encoder(two))
        return ((a @ b.T).argmax(1) != torch.arange(256)).float().mean().item()

    return own_loss(model, optimizer, draw, error)
