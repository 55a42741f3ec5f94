import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..case import broken
from ..training import (
    missed,
    supervised,
)

NOTE = """Each node's message is divided by the root of the sum of its squares; nodes without
neighbours have a message of exactly 0, a finite output, as an epsilon is added outside of the
root, and the gradient 0 · inf. The repair puts the epsilon under the root. General knowledge; the
root at 0 is that of the siamese nets' issue."""


class Messages(nn.Module):
    def __init__(self, n_in, n_out, inside):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out, bias=False)
        self.inside = inside

    def forward(self, h, adjacency):
        message = adjacency @ self.linear(h)
        squared = message.square().sum(1, keepdim=True)
        length = (squared + 1e-6).sqrt() if self.inside else squared.sqrt() + 1e-6
        return message / length


class GraphNet(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.first = Messages(8, 24, inside)
        self.second = Messages(24, 24, inside)
        self.head = nn.Linear(24, 3)

    def forward(self, features, adjacency):
        h = F.relu(self.first(features, adjacency))
        return self.head(self.second(h, adjacency))


def graph(seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=150)
    chance = np.where(label[:, None] == label, 0.2, 0.02)
    edges = np.triu(rng.uniform(size=(150, 150)) < chance, 1)
    edges[:, :4] = edges[:4] = False
    edges = edges + edges.T
    means = rng.standard_normal((3, 8))
    features = means[label] + 1.5 * rng.standard_normal((150, 8))
    inputs = (features, edges / np.maximum(edges.sum(1, keepdims=True), 1))
    return tuple(torch.tensor(part, dtype=torch.float32) for part in inputs), torch.tensor(label)


@broken("not finite, backward", "graph net", where=("second",), note=NOTE, updates=150)
def norm_of_an_empty_node(seed, repaired):
    inputs, label = graph(0)
    model = GraphNet(inside=repaired)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def draw():
        return inputs, label

    return supervised(model, F.cross_entropy, optimizer, draw, missed(model, inputs, label))
