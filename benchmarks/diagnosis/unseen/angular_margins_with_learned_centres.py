import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, call, evaluating, supervised

NOTE = """Metric learning with an angular margin: the loss is a module with parameters of its own,
the centres of classes, which are given to the optimiser and are no part of the model. With a scale
of 16 the first loss is well above that of guessing."""


class AngularMargin(nn.Module):
    def __init__(self, classes, width, scale=16.0, margin=0.3):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, width))
        self.scale = scale
        self.margin = margin

    def cosines(self, out):
        return F.normalize(out) @ F.normalize(self.centres).T

    def forward(self, out, label):
        cosine = self.cosines(out).clamp(-1 + 1e-6, 1 - 1e-6)
        own = F.one_hot(label, len(self.centres))
        return F.cross_entropy(self.scale * torch.cos(cosine.acos() + self.margin * own), label)


@healthy("metric learning", note=NOTE, updates=300)
def angular_margins_with_learned_centres(seed):
    train, (x, y) = standard_digits(flat=True)
    model = mlp(64, 64, 12, activation=nn.PReLU)
    loss = AngularMargin(10, 12)
    optimizer = torch.optim.Adam([*model.parameters(), *loss.parameters()], lr=2e-3)

    def error():
        with evaluating(model):
            named = loss.cosines(call(model, x)).argmax(1)
        return (named != y).double().mean().item() / 0.9

    return supervised(model, loss, optimizer, batches(train, 64, seed), error)
