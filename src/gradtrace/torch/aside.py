"""Passes that are made to look at a model: a watch that is under way takes no notice of them."""

from contextlib import contextmanager

UNDER_WAY = []


@contextmanager
def aside():
    """While it lasts, what runs is no training."""
    UNDER_WAY.append(True)
    try:
        yield
    finally:
        UNDER_WAY.pop()
