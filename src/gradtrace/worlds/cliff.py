"""One unit that is iterated, and the cliff in its loss: flat, a wall, flat.

Source: Pascanu et al. 2013, eq. 8 and figure 6. Taught in: notebook 13.
"""

from typing import NamedTuple

import numpy as np

from ..expect import expect_size, floats


class Cliff(NamedTuple):
    """The loss and its derivatives by ``w`` and by ``b``, each of the shape of the grid; see :func:`cliff`."""

    loss: np.ndarray
    dw: np.ndarray
    db: np.ndarray


def cliff(w, b, x0=0.5, target=0.7, steps=50):
    """The loss ``(σ(x_T) - target)²`` of one unit, ``x_t = w σ(x_{t-1}) + b``, and its exact gradient.

    All but ``steps`` broadcast: a grid of ``w`` and ``b`` draws the surface, a further axis of ``x0`` the losses of
    many examples, whose mean over that axis is the cost.

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
    Source: Pascanu et al. 2013, eq. 8 and figure 6; Grosse–Ba, "Cliffs make it hard to estimate
    the true cost gradient". Taught in: notebook 13.

    Examples
    --------
    >>> c = cliff(w=4.38, b=np.array([-2.40, -2.23, -2.00]))          # flat, a wall, flat
    >>> c.loss.round(3), c.db.round(2)
    (array([0.305, 0.091, 0.021]), array([ -0.31, -57.7 ,   0.09]))
    """
    w, b, x, target = np.broadcast_arrays(*floats(w=w, b=b, x0=x0, target=target))
    s, slopes = [], []
    for _ in range(expect_size("steps", steps)):
        value, slope = _sigmoid(x)
        s.append(value)
        slopes.append(slope)
        x = w * value + b                               # x_t = w σ(x_{t-1}) + b
    y, slope = _sigmoid(x)
    g, dw, db = 2 * (y - target) * slope, np.zeros_like(x), np.zeros_like(x)      # g = ∂L/∂x_T
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for value, slope in zip(reversed(s), reversed(slopes), strict=True):
            dw, db = dw + g * value, db + g             # this step's share of ∂L/∂w and ∂L/∂b
            g = g * w * slope                           # ∂L/∂x_{t-1}
    if not (np.isfinite(dw).all() and np.isfinite(db).all()):
        raise FloatingPointError(f"w, b: the gradient overflows {dw.dtype}")
    return Cliff(((y - target) ** 2)[()], dw[()], db[()])


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1).astype(x.dtype) / (1 + e), e / (1 + e) ** 2
