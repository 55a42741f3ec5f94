"""Parameters for a step, drawn at random."""

import numpy as np

from ..expect import expect_array, expect_rng
from .init import ones, xavier, zeros

FACTORS = {"gamma", "g"}                        # vectors that multiply; the others are added, and start at zero


def draw(step, rng, weights=xavier, *, gain=1.0, dtype=np.float64, **by_name):
    """Parameters for ``step``: matrices from ``weights`` times ``gain``, biases zero, factors (``gamma``, ``g``) one.

    Parameters
    ----------
    step : Step
    rng : numpy.random.Generator
    weights : callable
        ``(rng, shape) -> array`` for every parameter of two axes or more.
    gain : float or ndarray of shape (*sweep,)
        Factor on those matrices. An array puts its axes in front: 41 gains give matrices ``(41, n, m)`` that
        share one draw, ready to be swept in a single pass.
    dtype : numpy dtype
    **by_name : callable
        Another initialiser for the parameter of that name; ``gain`` does not apply to it.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    TypeError, ValueError
        ``rng`` is not a Generator, ``gain`` is not finite, or ``by_name`` names no parameter of ``step``.

    Notes
    -----
    Source: Lee, "Weight Initialization".

    Examples
    --------
    >>> p = draw(Dense(3, 4), np.random.default_rng(0), init.he, gain=np.array([0.5, 1.0]))
    >>> p["W"].shape, p["b"].shape
    ((2, 3, 4), (4,))
    """
    expect_rng("rng", rng)
    gain = expect_array("gain", np.asarray(gain, dtype=float) if np.ndim(gain) == 0 and not isinstance(gain, str)
                        else gain)
    shapes = step.shapes()
    for name in by_name.keys() - shapes.keys():
        raise ValueError(f"{name}: expected one of {sorted(shapes)}, the parameters of {step}")
    p = {}
    for name, shape in shapes.items():
        if name in by_name:
            value = by_name[name](rng, shape)
        elif len(shape) == 1:
            value = (ones if name.rsplit(".")[-1] in FACTORS else zeros)(rng, shape)
        else:
            value = gain[(...,) + (None,) * len(shape)] * weights(rng, shape)
        p[name] = expect_array(name, np.asarray(value, dtype=dtype), shape)
    return p
