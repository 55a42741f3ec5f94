"""Clipping: what to do with a gradient that is too long.

Clipping acts on the gradient and leaves the weights alone. A constraint such as ``‖W‖₂ ≤ 1`` acts
on the weights and bounds every later gradient; :func:`~gradtrace.init.spectral` starts there. The
two are not the same.
"""

import numpy as np

from ..steps.arrays import log_norm
from .params import align_sweep, expect_dict, expect_rate, expect_sweep_axes, sweep_shape


@np.errstate(under="ignore")
def total_log_norm(grads, sweep=0):
    """``ln ‖g‖`` over all parameters together, one for each sweep member, safe from overflow.

    Parameters
    ----------
    grads : dict of str to ndarray
    sweep : int
        How many leading axes are sweep axes; all arrays share them.

    Returns
    -------
    ndarray of shape (*sweep,)

    Notes
    -----
    Source: Pascanu et al. (2013), algorithm 1.

    Examples
    --------
    >>> total_log_norm({"W": np.array([[3.0]]), "b": np.array([4.0])}).round(4)       # ln 5
    np.float64(1.6094)
    """
    shape = sweep_shape("grads", expect_dict("grads", grads), sweep)
    logs = [log_norm(g.reshape(*shape, -1).astype(np.float64), 1) for g in grads.values()]
    return 0.5 * np.logaddexp.reduce([2 * log for log in logs], axis=0)  # ln ‖g‖ = ½ ln Σ ‖g_k‖²


@np.errstate(under="ignore")
def clip_norm(grads, limit, sweep=0):
    """``g ← c g / ‖g‖`` if ``‖g‖ > c``: a shorter gradient of the same direction.

    The mean of clipped gradients is not the clipped mean: where the samples differ, the direction
    of descent is biased.

    Parameters
    ----------
    grads : dict of str to ndarray
        ``‖g‖`` is taken over all of them together.
    limit : float or ndarray of shape (*sweep,)
        c.
    sweep : int
        How many leading axes are sweep axes; all arrays share them.

    Returns
    -------
    clipped : dict of str to ndarray
        Bit for bit ``grads`` where the norm is at most c.
    before : ndarray of shape (*sweep,)
        ``ln ‖g‖`` before clipping, ``-inf`` for a gradient of zero.

    Notes
    -----
    Source: Pascanu et al. (2013), algorithm 1; Grosse and Ba (2019), "gradient clipping".

    Examples
    --------
    >>> clipped, before = clip_norm({"w": np.array([3.0, 4.0])}, 1.0)
    >>> clipped["w"], np.exp(before).round(4)
    (array([0.6, 0.8]), np.float64(5.0))
    """
    before = total_log_norm(grads, sweep)
    limit = _expect_limit(limit, grads, sweep)
    excess = np.minimum(0.0, np.log(limit) - before)
    half = np.exp(0.5 * excess)  # √(c / ‖g‖), at most 1
    clipped = {}
    for name, g in grads.items():
        factor = np.asarray(align_sweep(half, g), dtype=g.dtype)
        # the root twice, as c / ‖g‖ itself may underflow
        clipped[name] = np.asarray(g * factor * factor)
    return clipped, before


@np.errstate(over="ignore", under="ignore")
def clip_value(grads, limit, sweep=0):
    """``g ← min(max(g, −c), c)``, entry by entry: the direction changes, towards a diagonal.

    Parameters ``grads``, ``limit`` and ``sweep``, and what it returns: as for :func:`clip_norm`.

    Source: Mikolov (2012), as Pascanu et al. (2013) say beside their algorithm 1.

    Examples
    --------
    >>> clipped, before = clip_value({"w": np.array([3.0, 0.4])}, 1.0)
    >>> clipped["w"]
    array([1. , 0.4])
    """
    before, limit = total_log_norm(grads, sweep), _expect_limit(limit, grads, sweep)
    clipped = {}
    for name, g in grads.items():
        most = align_sweep(limit, g)
        clipped[name] = np.asarray(np.clip(g, -most, most))
    return clipped, before


def _expect_limit(limit, grads, sweep):
    if np.any(np.asarray(expect_rate("limit", limit)) == 0):
        raise ValueError("limit: expected numbers above 0, got 0")
    if np.ndim(limit) not in (0, sweep):
        raise ValueError(
            f"limit: expected one number, or one for each member of {sweep} sweep axes,"
            f" got shape {np.shape(limit)}"
        )
    for name, g in grads.items():
        expect_sweep_axes("limit", limit, f"grads[{name!r}]", g)
    return limit
