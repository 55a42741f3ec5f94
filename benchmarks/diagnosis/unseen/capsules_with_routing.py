import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..training import batches, missed, supervised
from .capsules import lengths, margin_loss, squash

NOTE = """Capsules with three rounds of routing. Lengths are squashed below 1, the routing itself
passes no gradient, and the margin loss of most classes is zero from early on."""


class CapsuleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 24, 3)
        self.primary = nn.Conv2d(24, 24, 3, stride=2)
        self.votes = nn.Parameter(0.1 * torch.randn(12, 10, 8, 8))

    def forward(self, x):
        h = self.primary(F.relu(self.conv(x))).flatten(1)
        u = squash(h.unflatten(1, (12, 8)))
        votes = torch.einsum("nis,ijst->nijt", u, self.votes)
        agreement = torch.zeros(votes.shape[:3])
        for _ in range(2):
            v = squash((agreement.softmax(2)[..., None] * votes.detach()).sum(1))
            agreement = agreement + (votes.detach() * v[:, None]).sum(-1)
        v = squash((agreement.softmax(2)[..., None] * votes).sum(1))
        return lengths(v)


@healthy("capsule net", note=NOTE, trained=100, updates=300)
def capsules_with_routing(seed):
    train, test = standard_digits()
    model = CapsuleNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    draw = batches(train, 48, seed)
    return supervised(model, margin_loss, optimizer, draw, missed(model, *test))
