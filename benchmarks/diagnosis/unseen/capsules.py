"""What capsule nets share: how a vector is squashed, and the loss of the lengths of classes."""

from torch.nn import functional as F


def squash(s):
    """Vectors of length |s|² / (1 + |s|²) along the last axis, in the directions of ``s``."""
    squared = s.square().sum(-1, keepdim=True)
    return squared / (1 + squared) * s / (squared + 1e-9).sqrt()


def lengths(v):
    return (v.square().sum(-1) + 1e-9).sqrt()


def margin_loss(length, label):
    """The class that is there is to be longer than 0.9, all others shorter than 0.1."""
    present = F.one_hot(label, length.shape[1])
    short = F.relu(0.9 - length).square()
    long = F.relu(length - 0.1).square()
    return (present * short + 0.5 * (1 - present) * long).sum(1).mean()
