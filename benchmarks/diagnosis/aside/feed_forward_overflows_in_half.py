import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..data import (
    standard_digits,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """The issue: T5 in half precision; the output of the second linear map of a feed-forward
block is 66246, above the largest number of float16, 65504, becomes inf, and the loss nan. Here
such a block has weights from training in bfloat16; the repair computes in bfloat16."""


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.wi = nn.Linear(width, 4 * width)
        self.wo = nn.Linear(4 * width, width)

    def forward(self, h):
        return h + self.wo(F.relu(self.wi(self.norm(h))))


class HalfNet(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.entry = nn.Linear(64, 32)
        self.blocks = nn.Sequential(FeedForward(32), FeedForward(32))
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, 10)
        with torch.no_grad():
            self.blocks[1].wi.weight *= 700
            self.blocks[1].wo.weight *= 300
        self.kind = kind
        self.blocks.to(kind)

    def forward(self, x):
        h = self.blocks(self.entry(x).to(self.kind))
        return self.head(self.norm(h.float()))


@broken(
    "not finite, forward",
    "MLP, float16",
    where=("blocks.1.wo",),
    note=NOTE,
    updates=300,
    source="https://github.com/huggingface/transformers/issues/5651",
)
def feed_forward_overflows_in_half(seed, repaired):
    train, test = standard_digits(flat=True)
    model = HalfNet(torch.bfloat16 if repaired else torch.float16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    draw = batches(train, 64, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
