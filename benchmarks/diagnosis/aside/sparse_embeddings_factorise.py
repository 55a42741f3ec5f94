import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..training import (
    batches,
    supervised,
    taken,
    unexplained,
)

NOTE = """Matrix factorisation: 2000 users and 1000 items with sparse gradients; a batch of 64
touches few rows, all others get no gradient at all. SparseAdam."""


class Factors(nn.Module):
    def __init__(self, users=2000, items=1000, width=8):
        super().__init__()
        self.users = nn.Embedding(users, width, sparse=True)
        self.items = nn.Embedding(items, width, sparse=True)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, user, item):
        return (self.users(user) * self.items(item)).sum(1)


def ratings(n, seed):
    generator = torch.Generator().manual_seed(0)
    user_taste = torch.randn(2000, 2, generator=generator)
    item_taste = torch.randn(1000, 2, generator=generator)
    generator.manual_seed(seed)
    user = torch.randint(2000, (n,), generator=generator)
    item = torch.randint(1000, (n,), generator=generator)
    return (user, item), (user_taste[user] * item_taste[item]).sum(1)


@healthy("embeddings, sparse", note=NOTE, updates=2500)
def sparse_embeddings_factorise(seed):
    train = ratings(60_000, 1)
    model = Factors()
    optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=2e-2)
    draw = batches(train, 64, seed)
    error = unexplained(model, *taken(train, torch.arange(4096)))
    return supervised(model, F.mse_loss, optimizer, draw, error)
