"""Whether two values are the same, and orders in which they never are."""

import math

import torch

from ..nested import has_slopes, tensors

SEED = 0  # of the order in which examples are shuffled


def alike(one, other, digits=1e-5):
    """Whether all tensors in two values are the same, to five digits of their size."""
    pairs = list(zip(tensors(one), tensors(other), strict=True))
    for a, b in pairs:
        a, b = a.detach(), b.detach()
        if a.shape != b.shape:
            return False
        if has_slopes(a):
            size = a.abs().max() if a.numel() else 0
            if a.numel() and (a - b).abs().max() > digits * size:
                return False
        elif not torch.equal(a, b):
            return False
    return bool(pairs)


def order(count):
    """A fixed order of ``count`` examples that leaves none in its place."""
    generator = torch.Generator().manual_seed(SEED)
    places = torch.randperm(count, generator=generator)
    found = torch.empty_like(places)
    found[places] = places.roll(1)
    return found


def finite_of(numbers):
    return [number for number in numbers if math.isfinite(number)]
