import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..training import missed, supervised
from .graphs import first_of_each, groups

NOTE = """A graph attention net of two heads, dropout of 0.5 on features and attention; scores of
pairs without an edge are minus infinity. Labels of half of the nodes are given."""


class Attention(nn.Module):
    def __init__(self, n_in, n_out, heads=2):
        super().__init__()
        self.value = nn.Linear(n_in, heads * n_out, bias=False)
        self.source, self.sink = (nn.Parameter(0.3 * torch.randn(heads, n_out)) for _ in range(2))

    def forward(self, h, edges):
        v = self.value(F.dropout(h, 0.5, self.training)).unflatten(1, self.sink.shape)
        score = (v * self.sink).sum(2)[:, None] + (v * self.source).sum(2)
        score = F.leaky_relu(score, 0.2).masked_fill(edges[..., None] == 0, float("-inf"))
        weight = F.dropout(score.softmax(1), 0.5, self.training)
        return torch.einsum("ijh,jhd->ihd", weight, v)


class GraphNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Attention(8, 12)
        self.second = Attention(24, 3)

    def forward(self, features, edges):
        h = F.elu(self.first(features, edges).flatten(1))
        return self.second(h, edges).mean(1)


@healthy("graph attention", note=NOTE, updates=200)
def attention_on_a_graph(seed):
    features, edges, label = groups()
    model = GraphNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=5e-4)
    loss = nn.CrossEntropyLoss(ignore_index=-1)
    graph = (features, edges), first_of_each(label, 45)
    error = missed(model, graph[0], label)
    return supervised(model, loss, optimizer, lambda: graph, error)
