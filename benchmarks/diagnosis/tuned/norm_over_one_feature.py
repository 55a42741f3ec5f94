import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    waves,
)
from ..nets import (
    mlp,
)
from ..training import (
    batches,
    supervised,
    unexplained,
)

NOTE = """A layer norm stands after the last layer, which has one output: what is normalised over
a single number is 0, and the model predicts the norm's bias. The repair normalises before the
last layer. General knowledge; a batch norm over a single number is the same in d2l-en 1722."""


class Regressor(nn.Module):
    def __init__(self, before):
        super().__init__()
        self.body = mlp(2, 48, 48, activation=nn.GELU)
        self.before = nn.LayerNorm(48) if before else nn.Identity()
        self.last = nn.Linear(48, 1)
        self.after = nn.Identity() if before else nn.LayerNorm(1)

    def forward(self, x):
        return self.after(self.last(self.before(F.gelu(self.body(x)))))


@broken("ignores input", "MLP, regression", where=("after",), note=NOTE, updates=1500)
def norm_over_one_feature(seed, repaired):
    x, y = waves(1024, inputs=2)
    model = Regressor(before=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = batches((x, y), 64, seed)
    return supervised(model, F.mse_loss, optimizer, draw, unexplained(model, x, y))
