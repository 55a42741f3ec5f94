import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..training import missed, supervised
from .graphs import averaging, first_of_each, groups

NOTE = """A graph net of eight layers that adds what all neighbours say. With some 40 neighbours
each layer makes the states an order larger, and the first loss is in the millions. The repair
takes the mean. General knowledge."""


class GraphLayer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.own = nn.Linear(width, width)
        self.neighbours = nn.Linear(width, width)

    def forward(self, h, matrix):
        return F.relu(self.own(h) + matrix @ self.neighbours(h))


class GraphNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.entry = nn.Linear(8, width)
        self.layers = nn.ModuleList([GraphLayer(width) for _ in range(8)])
        self.head = nn.Linear(width, 3)

    def forward(self, features, matrix):
        h = self.entry(features)
        for layer in self.layers:
            h = layer(h, matrix)
        return self.head(h)


@broken(
    "exploding",
    "graph net, sums",
    also=("loud start",),
    where=("", "layers", "head"),
    note=NOTE,
    updates=200,
)
def graph_layers_add_all_neighbours(seed, repaired):
    features, edges, label = groups(inside=0.7, outside=0.3)
    matrix = averaging(edges) if repaired else edges
    model = GraphNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss = nn.CrossEntropyLoss(ignore_index=-1)
    graph = (features, matrix), first_of_each(label, 60)
    error = missed(model, graph[0], label)
    return supervised(model, loss, optimizer, lambda: graph, error)
