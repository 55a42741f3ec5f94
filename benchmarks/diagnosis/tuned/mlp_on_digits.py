import torch
from torch.nn import functional as F

from ..case import healthy
from ..data import standard_digits
from ..nets import mlp
from ..training import batches, missed, supervised


@healthy("MLP, ReLU", updates=300)
def mlp_on_digits(seed):
    train, test = standard_digits(flat=True)
    model = mlp(64, 64, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
