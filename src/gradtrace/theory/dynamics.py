"""A recurrent net as a dynamical system: attractors, basins, and the gradient over a map of starts.

A step here is a function of states ``(*grid, n)`` that returns the next states and their Jacobians
``J[i, j] = ∂h'_j/∂h_i`` of shape ``(*grid, n, n)``, so that a small change goes on as
``dh' = dh J``.

Source: Grosse and Ba (2019), "Let's imagine an RNN's behavior as a dynamical system".
"""

from typing import NamedTuple

import numpy as np

from ..expect import expect_callable, expect_floats, expect_positive, expect_size


def tanh_rnn(W, b):
    """The step ``h' = tanh(h W + b)`` and its Jacobian ``J = W diag(1 - h'²)``.

    Parameters
    ----------
    W : ndarray of shape (n, n)
    b : ndarray of shape (n,)

    Returns
    -------
    callable
        Takes ``h`` of shape ``(*grid, n)``, returns ``h'`` and ``J``, for :func:`iterate` and
        :func:`basins`.

    Raises
    ------
    TypeError, ValueError
        ``W`` or ``b`` is no array of finite numbers, or misshapen.

    Notes
    -----
    Source: Grosse and Ba (2019), "Consider an RNN with tanh activation function".

    Examples
    --------
    >>> h, J = tanh_rnn(np.array([[2.0]]), np.zeros(1))(np.array([0.5]))
    >>> h.round(4), J.round(4)                          # tanh 1, and 2 (1 - tanh² 1)
    (array([0.7616]), array([[0.8399]]))
    """
    if np.ndim(W) != 2 or np.shape(W) != 2 * np.shape(b):
        got = f"{np.shape(W)} and {np.shape(b)}"
        raise ValueError(f"W, b: expected shapes (n, n) and (n,), got {got}")
    W, b = expect_floats(W=W, b=b)

    @np.errstate(under="ignore")
    def step(h):
        a = h @ W + b
        e = np.exp(-2 * np.abs(a))
        slope = 4 * e / (1 + e) ** 2  # 1 - tanh² a, right in saturation, too
        J = W * slope[..., None, :]  # W diag(slope): column j times slope j
        return np.tanh(a), J

    return step


class Orbits(NamedTuple):
    """States ``h``, ``(steps + 1, *grid, n)``, and ``ln ‖∂h_t/∂h_0‖``, ``(steps + 1, *grid)``."""

    h: np.ndarray
    log_norm: np.ndarray


def iterate(step, h, steps):
    """Iterate a map from many starts at once, with ``‖∂h_t/∂h_0‖`` past the range of floats.

    With one unit, ``h[T, :, 0]`` is the function of its input that a net computes in ``T``
    iterations.

    Parameters
    ----------
    step : callable
        ``h`` to the next ``h`` and the Jacobian, as :func:`tanh_rnn` makes them.
    h : ndarray of shape (*grid, n)
        The starts.
    steps : int

    Returns
    -------
    Orbits
        The norm is Frobenius', over all entries of the Jacobian; a Jacobian that is exactly zero
        gives ``-inf``.

    Raises
    ------
    TypeError, ValueError
        ``h`` is no array of finite numbers, or ``steps`` no whole number of at least 0.
    FloatingPointError
        A state or a Jacobian overflows.

    Notes
    -----
    Source: Grosse and Ba (2019), "the Jacobians multiply".

    Examples
    --------
    >>> starts = np.array([[-1.0], [1e-9], [1.0]])      # left, near the boundary, right
    >>> orbits = iterate(tanh_rnn(np.array([[2.0]]), np.zeros(1)), starts, 20)
    >>> orbits.h[-1, :, 0].round(3), orbits.log_norm[-1].round(1)
    (array([-0.958,  0.001,  0.958]), array([-36.1,  13.9, -36.1]))
    """
    expect_callable("step", step)
    (h,) = expect_floats(h=h)
    if h.ndim == 0:
        raise ValueError("h: expected shape (*grid, n), got a single number")
    n = h.shape[-1]
    product = np.broadcast_to(np.eye(n, dtype=h.dtype), (*h.shape, n))
    exponent = np.zeros(h.shape[:-1], int)
    states, log_norm = [h], [_log_norm(product, exponent)]
    for t in range(1, expect_size("steps", steps, 0) + 1):
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            h, J = step(h)
            product = product @ J  # ∂h_t/∂h_0 = (∂h_{t-1}/∂h_0) J_t
        if not (np.isfinite(h).all() and np.isfinite(product).all()):
            raise FloatingPointError(
                f"h: expected states and Jacobians within {h.dtype}, got an overflow at step {t}"
            )
        _, power = np.frexp(np.abs(product).max(axis=(-2, -1), initial=0))
        product, exponent = np.ldexp(product, -power[..., None, None]), exponent + power
        states.append(h)
        log_norm.append(_log_norm(product, exponent))
    return Orbits(np.array(states), np.array(log_norm))


class Basins(NamedTuple):
    """``label`` of shape ``(*grid)``, and the ``attractors`` it counts: arrays ``(period, n)``."""

    label: np.ndarray
    attractors: list[np.ndarray]


@np.errstate(under="ignore")
def basins(step, h, longest=8, atol=1e-8, radius=1e-2):
    """Which attractor each start ends in: a stable fixed point or a stable cycle.

    Parameters
    ----------
    step : callable
        As for :func:`iterate`.
    h : ndarray of shape (steps + 1, *grid, n)
        Orbits, from :func:`iterate`.
    longest : int
        The longest cycle to look for.
    atol : float
        An orbit that comes back to within ``atol`` has settled, and tells where an attractor is.
    radius : float
        Starts whose orbits end within ``radius`` of an attractor belong to its basin.

    Returns
    -------
    Basins
        The label is -1 where an orbit ends near no attractor: on a boundary, in chaos, or too
        early.

    Raises
    ------
    TypeError, ValueError
        ``h`` is no array of finite numbers or too short, or ``longest``, ``atol`` or ``radius`` is
        not positive.

    Notes
    -----
    Source: Grosse and Ba (2019), "Let's imagine an RNN's behavior as a dynamical system".

    Examples
    --------
    >>> step = tanh_rnn(np.array([[2.0]]), np.zeros(1))
    >>> found = basins(step, iterate(step, np.array([[-1.0], [0.0], [1.0]]), 100).h)
    >>> found.label                                     # 0 is a fixed point too, not a stable one
    array([ 0, -1,  1])
    """
    expect_callable("step", step)
    (h,), longest = expect_floats(h=h), expect_size("longest", longest)
    atol, radius = expect_positive("atol", atol), expect_positive("radius", radius)
    if h.ndim < 2 or len(h) <= longest:
        raise ValueError(
            f"h: expected shape (steps + 1, *grid, n) with steps of at least {longest},"
            f" got {h.shape}"
        )
    end = h[-1].reshape(-1, h.shape[-1])
    settled = np.zeros(len(end), int)
    for p in range(longest, 0, -1):
        settled[np.abs(end - h[-1 - p].reshape(end.shape)).max(-1, initial=0) <= atol] = p
    label, attractors = np.full(len(end), -1), []
    while settled.any():
        first = np.flatnonzero(settled)[0]
        cycle, product = [end[first]], np.eye(end.shape[1])
        for _ in range(settled[first]):
            following, J = step(cycle[-1])
            cycle.append(following)
            product = product @ J
        cycle = np.array(cycle[:-1])
        near = np.min([np.abs(end - point).max(-1) for point in cycle], axis=0) <= radius
        settled[near] = 0
        if np.abs(np.linalg.eigvals(product)).max() < 1:
            label[near & (label < 0)] = len(attractors)
            attractors.append(cycle)
    return Basins(label.reshape(h.shape[1:-1]), attractors)


def _log_norm(product, exponent):
    with np.errstate(divide="ignore", under="ignore"):
        log_norm = exponent * np.log(2) + np.log((product**2).sum(axis=(-2, -1))) / 2
        return log_norm.astype(product.dtype)
