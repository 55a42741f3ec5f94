import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    standard_digits,
)
from ..nets import (
    TransformerBlock,
)
from ..training import (
    batches,
    missed,
    supervised,
)

NOTE = """Patches of 2 by 2 pixels and a class token. The head starts at zero, so that all logits
are equal and nothing before the head has a gradient at the first update."""


class ViT(nn.Module):
    def __init__(self, width=32, blocks=3):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(17, width))
        self.blocks = nn.Sequential(*[TransformerBlock(width) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        h = self.patches(x).flatten(2).transpose(1, 2)
        h = torch.cat([self.token.expand(len(x), -1, -1), h], 1) + self.position
        return self.head(self.norm(self.blocks(h))[:, 0])


@healthy("ViT", note=NOTE, updates=300)
def vit_with_zero_head(seed):
    train, test = standard_digits()
    model = ViT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    draw = batches(train, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *test))
