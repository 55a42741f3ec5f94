"""Two iterated functions, the logistic map and Mandelbrot's, and how fast their gradients grow.

Source: Grosse and Ba (2019), "Iterated Functions".
"""

from typing import NamedTuple

import numpy as np

from ..expect import expect_floats, expect_positive, expect_size


@np.errstate(under="ignore")
def logistic(r, x0, steps):
    """``x_t = r x_{t-1} (1 - x_{t-1})`` for ``t = 0 … steps``, the logistic map.

    Parameters
    ----------
    r : float or ndarray
        From 0 to 4, which keeps ``x`` between 0 and 1.
    x0 : float or ndarray
        From 0 to 1; broadcasts with ``r``.
    steps : int

    Returns
    -------
    ndarray of shape (steps + 1, *grid)

    Raises
    ------
    TypeError, ValueError
        ``r`` or ``x0`` is no number or out of its range, or ``steps`` is no whole number of at
        least 0.

    Notes
    -----
    Source: Grosse and Ba (2019), "Iterated Functions" (the slide has lost an x of ``3.5 x (1 -
    x)``).

    Examples
    --------
    >>> logistic(3.5, 0.3, 1000)[-4:].round(4)          # a cycle of four
    array([0.8269, 0.5009, 0.875 , 0.3828])
    """
    r, x = _expect_logistic(r, x0)
    xs = [x]
    for _ in range(expect_size("steps", steps, 0)):
        xs.append(r * xs[-1] * (1 - xs[-1]))
    return np.array(xs)


@np.errstate(under="ignore")
def bifurcation(r, x0=0.3, skip=1000, keep=100):
    """Where the logistic map ends up: its states after ``skip`` steps, for each ``r``.

    Parameters
    ----------
    r, x0 : float or ndarray
        As for :func:`logistic`.
    skip, keep : int
        Steps to forget, and states to return.

    Returns
    -------
    ndarray of shape (keep, *grid)

    Raises
    ------
    TypeError, ValueError
        As for :func:`logistic`, or ``skip`` or ``keep`` is no whole number, or too small.

    Notes
    -----
    Source: Grosse and Ba (2019), "Iterated Functions".

    Examples
    --------
    >>> bifurcation(np.array([2.8, 3.2]), keep=3).round(4)          # one point, then a cycle of two
    array([[0.6429, 0.7995],
           [0.6429, 0.513 ],
           [0.6429, 0.7995]])
    """
    r, x = _expect_logistic(r, x0)
    for _ in range(expect_size("skip", skip, 0)):
        x = r * x * (1 - x)
    return logistic(r, x, expect_size("keep", keep) - 1)


@np.errstate(under="ignore")
def logistic_exponent(r, x0=0.3, skip=1000, steps=10_000):
    """The Lyapunov exponent of the logistic map, the mean of ``ln |r (1 - 2 x_t)|``.

    It is the logarithm of the gradient's factor per step.

    Parameters
    ----------
    r, x0 : float or ndarray
        As for :func:`logistic`.
    skip, steps : int
        Steps to forget, and steps to average over.

    Returns
    -------
    ndarray of shape (*grid)
        Below 0 the gradient ``∂x_T/∂x_0`` vanishes, above 0 it explodes and the map is chaotic;
        ``-inf`` where an orbit meets ``x = ½``, where the slope is 0. It is ln 2 at ``r = 4`` for
        almost every ``x0``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`bifurcation`.

    Notes
    -----
    Source: Grosse and Ba (2019), "Iterated Functions".

    Examples
    --------
    >>> logistic_exponent(np.array([2.8, 3.5, 4.0])).round(2)
    array([-0.22, -0.87,  0.69])
    """
    r, x = _expect_logistic(r, x0)
    for _ in range(expect_size("skip", skip, 0)):
        x = r * x * (1 - x)
    log_slope = np.zeros_like(x)
    with np.errstate(divide="ignore"):
        for _ in range(expect_size("steps", steps)):
            log_slope += np.log(np.abs(r * (1 - 2 * x)))
            x = r * x * (1 - x)
    return (log_slope / steps)[()]


@np.errstate(under="ignore")
def period(x, longest=64, atol=1e-6):
    """The smallest ``p`` with ``x_{t+p} = x_t`` for the last ``longest`` states of an orbit.

    Parameters
    ----------
    x : ndarray of shape (steps + 1, *grid)
        At least ``2 longest`` states.
    longest : int
        The longest period to look for.
    atol : float
        How near counts as equal.

    Returns
    -------
    ndarray of int, of shape (*grid)
        0 where there is none: chaos, a longer cycle, or an orbit that has not settled.

    Raises
    ------
    TypeError, ValueError
        ``x`` is no array of finite numbers or too short, or ``longest`` or ``atol`` is not
        positive.

    Examples
    --------
    >>> period(logistic(np.array([2.8, 3.2, 3.5, 3.83, 4.0]), 0.3, 2000))
    array([1, 2, 4, 3, 0])
    """
    (x,) = expect_floats(x=x)
    longest, atol = expect_size("longest", longest), expect_positive("atol", atol)
    if x.ndim == 0 or len(x) < 2 * longest:
        raise ValueError(
            f"x: expected at least {2 * longest} states, twice the longest period,"
            f" got shape {x.shape}"
        )
    found = np.zeros(x.shape[1:], int)
    for p in range(longest, 0, -1):
        later, earlier = x[-longest:], x[-longest - p : len(x) - p]
        found[(np.abs(later - earlier) <= atol).all(0)] = p
    return found[()]


class Escape(NamedTuple):
    """Of each ``c``: the step at which it escaped, and the log of the gradient up to there."""

    step: np.ndarray
    log_slope: np.ndarray


def mandelbrot(c, steps):
    """When ``z_n = z_{n-1}² + c`` leaves the disk of radius 2, and the gradient it then has.

    ``z_0`` is 0. A ``c`` whose ``z_n`` never leave belongs to the Mandelbrot set. As in a recurrent
    net the gradient is a product over time, ``∂z_n/∂z_1 = Π 2 z_t``: it vanishes inside the set and
    explodes outside and on its boundary.

    Parameters
    ----------
    c : complex, float or ndarray of shape (*grid)
    steps : int
        The last ``n`` to look at.

    Returns
    -------
    Escape
        ``step``, the first ``n`` with ``|z_n| > 2``, or -1; ``log_slope``, ``ln |∂z_n/∂z_1|`` then
        or at the end.

    Raises
    ------
    TypeError, ValueError
        ``c`` is no array of finite numbers, or ``steps`` no whole number of at least 1.

    Notes
    -----
    Source: Grosse and Ba (2019), "Iterated Functions".

    Examples
    --------
    >>> mandelbrot(np.array([0.0, -1.0, 0.25, 0.26, 1.0]), 100).step
    array([-1, -1, -1, 30,  3])
    """
    for part in (np.real(c), np.imag(c)) if np.iscomplexobj(c) else (c,):
        expect_floats(c=part)
    grid = np.asarray(c, np.result_type(c, 0j))
    last = expect_size("steps", steps)
    escape, log_slope = np.full(grid.size, -1), np.zeros(grid.size, grid.real.dtype)
    inside, c = np.arange(grid.size), grid.ravel()
    z = c
    for n in range(1, last + 1):
        out = np.abs(z) > 2
        escape[inside[out]] = n
        inside, c, z = inside[~out], c[~out], z[~out]  # go on with those that are still inside
        if n == last or not inside.size:
            break
        with np.errstate(divide="ignore", under="ignore"):
            log_slope[inside] += np.log(2 * np.abs(z))  # ∂z_{n+1}/∂z_n = 2 z_n
            z = z * z + c
    return Escape(escape.reshape(grid.shape)[()], log_slope.reshape(grid.shape)[()])


def _expect_logistic(r, x0):
    """``r`` and ``x0`` with one dtype and shape, checked."""
    r, x0 = np.broadcast_arrays(*expect_floats(r=r, x0=x0))
    for name, value, most in (("r", r, 4), ("x0", x0, 1)):
        if ((value < 0) | (value > most)).any():
            bad = value[(value < 0) | (value > most)][0]
            raise ValueError(f"{name}: expected numbers from 0 to {most}, got {bad}")
    return r, x0
