"""How much a figure takes: one too large for a page is refused as soon as that is certain."""

import math

from .codec import least
from .numbers import digits, told_apart

SURE = 1.1  # what comes later may change how a block is laid out, and save 4 % where it was tried
AGAIN = 1.25  # so much more is kept before it is weighed again: to deflate it takes its time


class TooLarge(ValueError):
    """A figure takes more than it may."""


class Scales:
    """Weigh the frames of a figure while its states are drawn.

    Parameters
    ----------
    grid : Grid
    most : float
        How many bytes the figure may take, compressed.

    Attributes
    ----------
    wait : float
        How many bytes there have to be, before they are deflated, until it is worth a look.
    """

    def __init__(self, grid, most):
        self.grid, self.most = grid, most
        self.wait = SURE * most

    def look(self, kept, slots, done):
        """Raise if the frames of so many states already take too much, whatever comes."""
        size = least(slots)
        if size > SURE * self.most:
            weigh(self.grid, size, self.most, done)
        self.wait = max(AGAIN * kept, SURE * self.most * kept / max(size, 1))


def weigh(grid, size, most, done=None):
    """Raise if the frames of all states, or of those that are done, take too much.

    The message says what to cut.

    Raises
    ------
    TooLarge
    """
    if size <= most:
        return
    takes, allowed = told_apart(size / 1e6, most / 1e6)
    whole, so_far = size, ""
    if done is not None:
        whole = size / done * grid.size
        about = digits(whole / 1e6, 2)
        so_far = f" after {done} of its {grid.size} states, about {about} MB in all"
    raise TooLarge(
        f"the figure takes {takes} MB compressed{so_far}, expected at most {allowed} MB;"
        f" {grid.counts()}: {grid.reduce()}, draw fewer points, or allow more by"
        f" max_bytes={math.ceil(whole / 1e6)}e6"
    )
