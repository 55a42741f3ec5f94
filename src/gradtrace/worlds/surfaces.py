"""Landscapes of two numbers, with their exact slopes, on which rules of descent can be watched."""

from typing import NamedTuple

import numpy as np

from ..expect import expect_number, floats


class Surface(NamedTuple):
    """The loss and its derivatives by ``x`` and by ``y``, each of the shape of the grid; see :func:`valley`."""

    loss: np.ndarray
    dx: np.ndarray
    dy: np.ndarray


def valley(x, y, steep=25.0, turn=0.0):
    """A long valley, ``½ (u² + κ v²)``, where ``u`` and ``v`` are ``x`` and ``y`` turned by an angle.

    ``κ`` is its condition number. Without a turn the floor of the valley lies along ``x``.

    Parameters
    ----------
    x, y : float or ndarray
        They broadcast.
    steep : float
        κ, above 0.
    turn : float
        In degrees, anticlockwise.

    Returns
    -------
    Surface

    Raises
    ------
    TypeError, ValueError
        An argument is no finite number, or ``steep`` not above 0.
    FloatingPointError
        The loss overflows.

    Notes
    -----
    Source: Goodfellow et al. 2016, figure 4.6; Lee, "Advanced Methods in Gradient Update". Taught in: notebook 20.

    Examples
    --------
    >>> valley(2.0, 1.0, steep=25.0)
    Surface(loss=np.float64(14.5), dx=np.float64(2.0), dy=np.float64(25.0))
    """
    x, y = np.broadcast_arrays(*floats(x=x, y=y))
    if expect_number("steep", steep) <= 0:
        raise ValueError(f"steep: expected a number above 0, came {steep}")
    angle = np.radians(expect_number("turn", turn))
    c, s = x.dtype.type(np.cos(angle)), x.dtype.type(np.sin(angle))
    with np.errstate(over="raise", invalid="raise"):
        u, v = c * x + s * y, c * y - s * x
        du, dv = u, x.dtype.type(steep) * v
        return Surface(((u * du + v * dv) / 2)[()], (c * du - s * dv)[()], (s * du + c * dv)[()])


def saddle(x, y):
    """A pass between two valleys, ``½ x² + cos y``: level at the origin, lowest at ``y = ±π``.

    Parameters
    ----------
    x, y : float or ndarray
        They broadcast.

    Returns
    -------
    Surface

    Raises
    ------
    TypeError, ValueError
        An argument is no finite number.
    FloatingPointError
        The loss overflows.

    Notes
    -----
    Source: this book's own form. Taught in: notebook 20.

    Examples
    --------
    >>> saddle(1.0, 0.0)
    Surface(loss=np.float64(1.5), dx=np.float64(1.0), dy=np.float64(0.0))
    """
    x, y = np.broadcast_arrays(*floats(x=x, y=y))
    with np.errstate(over="raise"):
        return Surface((x * x / 2 + np.cos(y))[()], (x + 0 * y)[()], (-np.sin(y) + 0 * x)[()])
