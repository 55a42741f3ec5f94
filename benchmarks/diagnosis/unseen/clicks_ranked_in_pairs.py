import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..training import evaluating, own_loss

NOTE = """A recommender by pairs: what a user has taken is to rank above what he has not. Biases of
users cancel and never get a gradient; the decay is by hand, on the rows of the batch."""


class Pairs(nn.Module):
    def __init__(self):
        super().__init__()
        self.users = nn.Embedding(80, 8)
        self.items = nn.Embedding(50, 8)
        self.user_bias = nn.Embedding(80, 1)
        self.item_bias = nn.Embedding(50, 1)
        for table in self.children():
            nn.init.normal_(table.weight, std=0.05)

    def score(self, user, item):
        match = (self.users(user) * self.items(item)).sum(1)
        return match + self.user_bias(user)[:, 0] + self.item_bias(item)[:, 0]

    def forward(self, user, taken, other):
        margin = self.score(user, taken) - self.score(user, other)
        size = self.users(user).square().mean() + self.items(taken).square().mean()
        return -F.logsigmoid(margin).mean() + 0.005 * size


def tastes():
    source = torch.Generator().manual_seed(6)
    return torch.randn(80, 3, generator=source) @ torch.randn(3, 50, generator=source)


@healthy("recommender", note=NOTE, trained=300, updates=600)
def clicks_ranked_in_pairs(seed):
    generator = torch.Generator().manual_seed(seed)
    model = Pairs()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    liking = tastes()

    def draw():
        user = torch.randint(80, (128,), generator=generator)
        pair = torch.randint(50, (128, 2), generator=generator)
        better = liking[user[:, None], pair].argmax(1, keepdim=True)
        taken, other = pair.gather(1, better)[:, 0], pair.gather(1, 1 - better)[:, 0]
        return {"user": user, "taken": taken, "other": other}

    def error():
        user = torch.arange(80).repeat_interleave(50)
        with evaluating(model):
            score = model.score(user, torch.arange(50).repeat(80)).unflatten(0, (80, 50))
        above = liking[:, :, None] > liking[:, None]
        return 2 * (score[:, :, None] < score[:, None])[above].double().mean().item()

    return own_loss(model, optimizer, draw, error)
