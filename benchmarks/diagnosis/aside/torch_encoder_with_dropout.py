import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..data import (
    bags,
    sequences,
)
from ..training import (
    missed,
    supervised,
)

NOTE = """PyTorch's own TransformerEncoder with its own settings: normalised after, dropout 0.1,
ReLU, and a mask of the padding."""


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 32, padding_idx=0)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 2)

    def forward(self, ids, padded):
        h = self.encoder(self.embedding(ids), src_key_padding_mask=padded)
        kept = (~padded)[:, :, None]
        return self.head((h * kept).sum(1) / kept.sum(1))


@healthy("transformer encoder of PyTorch", note=NOTE, updates=400)
def torch_encoder_with_dropout(seed):
    task = bags(20)
    model = Encoder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    fixed = sequences(task, 512, 10_000)()
    draw = sequences(task, 32, seed)
    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, *fixed))
