import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    table,
)
from ..nets import (
    mlp,
    scaled_normal,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Sixteen layers of SELU with LeCun's weights and alpha dropout."""


@healthy("deep MLP, SELU", note=NOTE, updates=500)
def self_normalising(seed):
    train, test = table("breast_cancer")
    model = mlp(30, *([32] * 16), 2, activation=nn.SELU)
    for layer in model[::2]:
        scaled_normal(layer)
    model.insert(len(model) - 1, nn.AlphaDropout(0.05))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    (x, y), (held, label) = train, test
    draw = batches((x, y.long()), 32, seed)
    error = missed(model, held, label.long())
    return supervised(model, F.cross_entropy, optimizer, draw, error)
