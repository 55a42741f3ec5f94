import torch
from torch import nn

from ..case import healthy
from ..data import sequences
from ..training import loss_over, supervised

NOTE = """Wide and deep on a table: three columns of categories with an embedding each, rare ones
among them, so that most rows get no gradient in a batch; entry 0 stands for missing and is the
padding, always zero. Outputs are logits of a rare event."""


class WideAndDeep(nn.Module):
    def __init__(self):
        super().__init__()
        counts = (40, 12, 200)
        self.wide = nn.ModuleList([nn.Embedding(n, 1, padding_idx=0) for n in counts])
        self.deep = nn.ModuleList([nn.Embedding(n, 6, padding_idx=0) for n in counts])
        self.norm = nn.BatchNorm1d(3)
        self.body = nn.Sequential(nn.Linear(21, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))

    def forward(self, categories, numbers):
        columns = categories.unbind(1)
        wide = sum(e(c) for e, c in zip(self.wide, columns, strict=True))
        deep = [e(c) for e, c in zip(self.deep, columns, strict=True)]
        return wide + self.body(torch.cat([*deep, self.norm(numbers)], 1))


def rows(size, generator):
    source = torch.Generator().manual_seed(9)
    taste = [2.5 * torch.randn(n, generator=source) for n in (40, 12, 200)]
    share = torch.rand(size, 3, generator=generator)
    categories = (share**2 * torch.tensor([40, 12, 200])).long()
    numbers = torch.randn(size, 3, generator=generator) * torch.tensor([1.0, 50, 1000])
    score = sum(t[c] for t, c in zip(taste, categories.unbind(1), strict=True))
    score = score + numbers[:, 0] * numbers[:, 1] / 25
    return (categories, numbers), (score > 4).float()[:, None]


@healthy("embeddings on a table", note=NOTE, trained=300, updates=1500)
def table_with_embeddings(seed):
    model = WideAndDeep()
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    loss = nn.BCEWithLogitsLoss()
    inputs, target = sequences(rows, 4096, 10_000)()
    share = target.mean()
    constant = nn.functional.binary_cross_entropy(share.expand(4096, 1), target).item()
    draw = sequences(rows, 128, seed)
    return supervised(
        model, loss, optimizer, draw, loss_over(constant, model, loss, inputs, target)
    )
