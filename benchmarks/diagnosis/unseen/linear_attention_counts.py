import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import sequences
from ..training import missed, supervised

NOTE = """Causal attention without a softmax: running sums of keys and values, with a small epsilon
in the divisor. Trained in double precision."""


class LinearAttention(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.embedding = nn.Embedding(6, width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, 6))

    def forward(self, ids):
        x = self.embedding(ids)
        q, k = F.elu(self.query(x)) + 1, F.elu(self.key(x)) + 1
        memory = torch.einsum("ntd,nte->ntde", k, self.value(x)).cumsum(1)
        read = torch.einsum("ntd,ntde->nte", q, memory)
        read = read / (q * k.cumsum(1)).sum(-1, keepdim=True).clamp(min=1e-6)
        return self.head(torch.cat([self.norm(read), x], -1)[:, -1])


def last_of_a_kind(size, generator):
    """How often was the last of six symbols there before?"""
    ids = torch.randint(6, (size, 6), generator=generator)
    ids = torch.where(torch.rand(size, 6, generator=generator) < 0.4, ids[:, -1:], ids)
    return ids, (ids[:, :-1] == ids[:, -1:]).sum(1)


@healthy("linear attention", note=NOTE, updates=600)
def linear_attention_counts(seed):
    model = LinearAttention().double()
    optimizer = torch.optim.NAdam(model.parameters(), lr=5e-3)
    fixed = sequences(last_of_a_kind, 512, 10_000)()
    draw = sequences(last_of_a_kind, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
