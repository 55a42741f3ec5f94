import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..training import missed, supervised
from .graphs import averaging, first_of_each, groups

SOURCE = "https://github.com/DropEdge/DropEdge/issues/8"
NOTE = """The issue: on Cora a graph convolutional net of two layers is right in 82.8 % of the
nodes, one of eight layers in 16 %. Each layer averages over neighbours, and after many all nodes
have the same state. Here 16 layers on a graph of 90 nodes; the repair has two."""


class GraphNet(nn.Module):
    def __init__(self, depth, width=24):
        super().__init__()
        self.entry = nn.Linear(8, width)
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.head = nn.Linear(width, 3)

    def forward(self, features, matrix):
        h = self.entry(features)
        for layer in self.layers:
            h = F.relu(layer(matrix @ h))
        return self.head(h)


@broken(
    "ignores input",
    "graph net, deep",
    also=("vanishing",),
    where=("", "layers", "head"),
    source=SOURCE,
    note=NOTE,
    updates=200,
)
def graph_layers_average_it_all_away(seed, repaired):
    features, edges, label = groups()
    model = GraphNet(2 if repaired else 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss = nn.CrossEntropyLoss(ignore_index=-1)
    graph = (features, averaging(edges)), first_of_each(label, 60)
    error = missed(model, graph[0], label)
    return supervised(model, loss, optimizer, lambda: graph, error)
