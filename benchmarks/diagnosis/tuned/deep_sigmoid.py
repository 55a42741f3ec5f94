import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import standard_digits
from ..nets import mlp, scaled_normal
from ..training import batches, missed, supervised

NOTE = """Twelve layers of sigmoids with PyTorch's own initialisation: the gradient fades by a
factor of about seven per layer. The repair is tanh with weights of a scale that keeps it."""


@broken("vanishing", "deep MLP, sigmoid", also=("ignores input",), note=NOTE, updates=400)
def deep_sigmoid(seed, repaired):
    train, test = standard_digits(flat=True)
    sizes = (64,) + 12 * (48,) + (10,)
    model = mlp(*sizes, activation=nn.Tanh if repaired else nn.Sigmoid)
    if repaired:
        for layer in model[::2]:
            scaled_normal(layer)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
