"""Random numbers for the points of a sweep."""

import hashlib
import math

import numpy as np

from .expect import expect_size, given


def stream(seed, /, **point):
    """A random generator for one point of a sweep, independent of all other points.

    Their number and order do not matter, either. A hash of the point is the ``spawn_key`` of a
    ``numpy.random.SeedSequence``.

    Parameters
    ----------
    seed : int
        From 0, as large as one likes.
    **point : number, str, bool or None
        The parameters of the point; 1 and 1.0 are two points.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError, TypeError
        ``seed`` is no whole number from 0, or a parameter is neither number nor string.

    Examples
    --------
    >>> one, other = stream(0, gain=1.5, n=8), stream(0, n=8, gain=np.float64(1.5))
    >>> one.random() == other.random()
    True
    """
    seed = expect_size("seed", seed, least=0, most=math.inf)
    point = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in sorted(point.items())
    }
    for name, value in point.items():
        if not isinstance(value, int | float | complex | str | None):
            raise TypeError(f"{name}: expected a number or a string, got {given(value)}")
    digest = hashlib.sha256(repr(point).encode()).digest()
    key = np.frombuffer(digest, "<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
