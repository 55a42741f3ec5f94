import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    table,
)
from ..training import (
    batches,
    missed,
    supervised,
)


@healthy("MLP, weight norm", updates=500)
def weight_norm_net(seed):
    train, test = table("wine")
    norm = nn.utils.parametrizations.weight_norm
    model = nn.Sequential(
        norm(nn.Linear(13, 32)), nn.ELU(), norm(nn.Linear(32, 32)), nn.ELU(), nn.Linear(32, 3)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
