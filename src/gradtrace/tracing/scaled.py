"""Gradients with a power of two kept apart, one for each sweep member: ``g 2^exponent``."""

import math

import numpy as np

from ..steps.arrays import log_norm

# Squares of norms in this range are exact, and nothing that matters in them has underflowed.
SAFE = {kind: (float(np.finfo(kind).tiny) / float(np.finfo(kind).eps) ** 2,
               float(np.finfo(kind).max) * float(np.finfo(kind).eps) ** 2) for kind in "fdFD"}


def rescale(g, exponent):
    """Divide each sweep member by the power of two at its largest entry, and add that power to ``exponent``."""
    _, power = np.frexp(np.abs(g).max(axis=_members(g, exponent), initial=0.0))
    return shift(g, -power), exponent + power


def add_scaled(g, exponent, extra):
    """``g 2^exponent + extra``, written with the larger of their two exponents."""
    extra, power = rescale(extra, np.zeros_like(exponent))
    nothing = np.iinfo(int).min // 4
    top = np.maximum(np.where(np.any(g, axis=_members(g, exponent)), exponent, nothing),
                     np.where(np.any(extra, axis=_members(g, exponent)), power, nothing))
    top = np.where(top == nothing, 0, top)
    return shift(g, exponent - top) + shift(extra, power - top), top


def _members(g, exponent):
    """The axes of ``g`` within one sweep member."""
    return tuple(range(exponent.ndim, g.ndim))


def shift(g, power):
    """``g 2^power``, exact while it stays in the float range."""
    power = power[(...,) + (None,) * (g.ndim - power.ndim)]
    if np.abs(power).max(initial=0) < 100:
        return g * np.ldexp(np.ones((), g.dtype), power)    # the same, and much faster
    return np.ldexp(g, np.clip(power, -10_000, 10_000))


def log_scaled(g, exponent):
    flat = g.reshape(*exponent.shape, math.prod(g.shape[exponent.ndim:]))
    with np.errstate(all="ignore"):
        squares, (low, high) = np.vecdot(flat, flat).real, SAFE[g.dtype.char]
        if ((low < squares) & (squares < high)).all():
            return exponent * np.log(2) + 0.5 * np.log(squares)
    return exponent * np.log(2) + log_norm(g, g.ndim - exponent.ndim)
