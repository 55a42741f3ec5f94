import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..case import healthy
from ..training import (
    missed,
    supervised,
)

NOTE = """One graph of 120 nodes is the whole batch; labels of one node in four are given, the
others are -1 and left out of the loss."""


class GraphNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.first = nn.Linear(120, width)
        self.second = nn.Linear(width, 3)

    def forward(self, features, adjacency):
        h = F.relu(adjacency @ self.first(features))
        return adjacency @ self.second(h)


def communities(seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=120)
    chance = np.where(label[:, None] == label, 0.25, 0.03)
    edges = np.triu(rng.uniform(size=(120, 120)) < chance, 1)
    edges = edges + edges.T + np.eye(120)
    adjacency = edges / np.sqrt(edges.sum(0)[:, None] * edges.sum(1))
    known = torch.tensor(np.where(rng.uniform(size=120) < 0.25, label, -1))
    graph = torch.eye(120), torch.tensor(adjacency, dtype=torch.float32)
    return graph, known, torch.tensor(label)


@healthy("graph net", note=NOTE, updates=200)
def graph_net_finds_communities(seed):
    graph, known, label = communities(0)
    model = GraphNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-3)
    loss = nn.CrossEntropyLoss(ignore_index=-1)

    def draw():
        return graph, known

    return supervised(model, loss, optimizer, draw, missed(model, graph, label))
