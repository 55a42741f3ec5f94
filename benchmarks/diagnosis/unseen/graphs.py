"""One graph with noisy features, as cases on graphs use it."""

import torch
from torch.nn import functional as F


def groups(nodes=90, count=3, inside=0.3, outside=0.04, noise=1.0, seed=0):
    """Features (nodes, 8), edges (nodes, nodes) of 0 and 1 with all loops, and labels.

    Nodes of one group have the same mean features and more edges among them.
    """
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(nodes) % count
    chance = torch.where(label[:, None] == label, inside, outside)
    upper = (torch.rand(nodes, nodes, generator=generator) < chance).triu(1).float()
    means = torch.randn(count, 8, generator=generator)
    features = means[label] + noise * torch.randn(nodes, 8, generator=generator)
    return features, upper + upper.T + torch.eye(nodes), label


def averaging(edges):
    """The matrix that takes the mean over the neighbours of each node."""
    return edges / edges.sum(1, keepdim=True)


def first_of_each(label, known):
    """The labels of the first ``known`` nodes, and -1 for all others."""
    return F.pad(label[:known], (0, len(label) - known), value=-1)
