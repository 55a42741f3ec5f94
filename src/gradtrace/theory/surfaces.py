"""Landscapes of two numbers, with their exact slopes, on which rules of descent can be watched."""

from typing import NamedTuple

import numpy as np

from ..expect import expect_floats, expect_number, expect_positive, expect_size


class Surface(NamedTuple):
    """The loss and its derivatives by ``x`` and by ``y``, each of the shape of the grid."""

    loss: np.ndarray
    dx: np.ndarray
    dy: np.ndarray


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def valley(x, y, steep=25.0, turn=0.0):
    """A long valley, ``½ (u² + κ v²)``, where ``u`` and ``v`` are ``x`` and ``y`` turned.

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
    Source: Goodfellow et al. (2016), figure 4.6; Lee (n.d.), "Advanced Methods in Gradient Update".

    Examples
    --------
    >>> valley(2.0, 1.0, steep=25.0)
    Surface(loss=np.float64(14.5), dx=np.float64(2.0), dy=np.float64(25.0))
    """
    x, y = np.broadcast_arrays(*expect_floats(x=x, y=y))
    steep = expect_positive("steep", steep)
    angle = np.radians(expect_number("turn", turn))
    c, s = x.dtype.type(np.cos(angle)), x.dtype.type(np.sin(angle))
    u, v = c * x + s * y, c * y - s * x
    du, dv = u, x.dtype.type(steep) * v
    return _within_range("x, y", (u * du + v * dv) / 2, c * du - s * dv, s * du + c * dv)


@np.errstate(over="ignore", under="ignore")
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

    Examples
    --------
    >>> saddle(1.0, 0.0)
    Surface(loss=np.float64(1.5), dx=np.float64(1.0), dy=np.float64(0.0))
    """
    x, y = np.broadcast_arrays(*expect_floats(x=x, y=y))
    return _within_range("x, y", x * x / 2 + np.cos(y), x + 0 * y, -np.sin(y) + 0 * x)


def _within_range(names, *parts):
    """The :class:`Surface` of a loss and two slopes, if all are finite."""
    if not all(np.isfinite(part).all() for part in parts):
        raise FloatingPointError(
            f"{names}: expected a loss within {parts[0].dtype}, got an overflow"
        )
    return Surface(*(part[()] for part in parts))


class Cliff(NamedTuple):
    """The loss and its derivatives by ``w`` and by ``b``, each of the shape of the grid."""

    loss: np.ndarray
    dw: np.ndarray
    db: np.ndarray


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def cliff(w, b, x0=0.5, target=0.7, steps=50):
    """The loss ``(σ(x_T) - target)²`` of one unit, ``x_t = w σ(x_{t-1}) + b``, and its gradient.

    All but ``steps`` broadcast: a grid of ``w`` and ``b`` draws the surface, a further axis of
    ``x0`` the losses of many examples, whose mean over that axis is the cost.

    Parameters
    ----------
    w, b, x0, target : float or ndarray
    steps : int

    Returns
    -------
    Cliff

    Raises
    ------
    TypeError, ValueError
        An argument is no finite number, or ``steps`` no whole number of at least 1.
    FloatingPointError
        The gradient overflows.

    Notes
    -----
    Source: Pascanu et al. (2013), eq. 8 and figure 6; Grosse and Ba (2019), "Cliffs make it hard to
    estimate the true cost gradient".

    Examples
    --------
    >>> c = cliff(w=4.38, b=np.array([-2.40, -2.23, -2.00]))          # flat, a wall, flat
    >>> c.loss.round(3), c.db.round(2)
    (array([0.305, 0.091, 0.021]), array([ -0.31, -57.7 ,   0.09]))
    """
    w, b, x, target = np.broadcast_arrays(*expect_floats(w=w, b=b, x0=x0, target=target))
    s, slopes = [], []
    for _ in range(expect_size("steps", steps)):
        value, slope = _sigmoid(x)
        s.append(value)
        slopes.append(slope)
        x = w * value + b  # x_t = w σ(x_{t-1}) + b
    y, slope = _sigmoid(x)
    g, dw, db = 2 * (y - target) * slope, np.zeros_like(x), np.zeros_like(x)  # g = ∂L/∂x_T
    for value, slope in zip(reversed(s), reversed(slopes), strict=True):
        dw, db = dw + g * value, db + g  # this step's share of ∂L/∂w and ∂L/∂b
        g = g * w * slope  # ∂L/∂x_{t-1}
    loss = (y - target) ** 2
    if not all(np.isfinite(part).all() for part in (loss, dw, db)):
        raise FloatingPointError(
            f"w, b, target: expected a loss and a gradient within {dw.dtype}, got an overflow"
        )
    return Cliff(loss[()], dw[()], db[()])


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1).astype(x.dtype) / (1 + e), e / (1 + e) ** 2
