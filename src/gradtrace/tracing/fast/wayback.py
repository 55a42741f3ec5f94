"""The way back through a fused run: block by block, plain where it can be, rescaled where it must be.

What the cells share. A cell says how its coefficients come from the states and how one gradient comes from the next;
this module keeps the norms and the exponents, and what stays of the walk makes all gradients when they are asked for.
"""

import math
from itertools import repeat

import numpy as np

from ...steps.activations import tanh
from ...steps.arrays import log_norm
from ...steps.contract import _fits
from ..path import Made, Pullbacks
from ..trace import SAFE, add_scaled, log_scaled, rescale
from .deferred import DeferredTrace, squares

MODERATE = {kind: 0.25 * math.log(high) for kind, (_, high) in SAFE.items()}        # halfway to the safe range's end
SATURATED = {"f": 1e-2, "d": 1e-4}                          # slopes below this lost two or four digits in 1 - h²

# One block freed just under glibc's limit of 32 MiB teaches malloc to keep memory of that size for the next call.
# Else every run pays for fresh pages: 6.8 ms in place of 4.1 for an RNN at (T, n, B) = (100, 64, 32).
np.empty(2**25 - 2**13, np.uint8)


def block(B, n):
    """How many steps to walk at a time: a few hundred kilobytes, and few enough that most stay in the safe range."""
    return min(128, max(8, 2**15 // max(1, B * n)))


def applies(step, p, x, h0):
    """Whether all is as a fused run expects it: no sweep axes, and float32 or float64."""
    return (_fits(step, p, h0, x) and x.ndim == 3 and h0.shape == (x.shape[1], *step.features)
            and h0.dtype.char in "fd" and all(p[name].ndim == len(shape) for name, shape in step.shapes().items())
            and np.isfinite(h0).all())


def tanh_slope(t, a, out):
    """Write ``tanh'(a)`` into ``out``, from ``t = tanh(a)`` where that keeps the digits."""
    np.subtract(1, np.multiply(t, t, out), out)
    if out.min(initial=1) < (low := SATURATED[out.dtype.char]):
        few = out < low
        out[few] = tanh.slope(a[few])


class FusedPullbacks(Pullbacks):
    """The pullbacks of a fused run. They are made by the readable step, from the states, when one is asked for."""

    back = None                                             # the cell's kind of WayBack

    def __init__(self, step, p, h, x):
        super().__init__(Made(len(x), lambda t: step(p, h[t], x[t])[1]), h[-1], 0)
        self.step, self.p, self.h, self.x = step, p, h, x

    def fast(self, direct):
        return DeferredTrace(self.back(self, direct))


class WayBack:
    """One walk back. What it keeps of each step is ``d[t] 2^exponent[t]``, for ``t = 0 … T - 1``.

    A cell says how: ``d_shape`` is the shape of one ``d[t]``, ``_coefficients(steps)`` writes there what gradients
    are multiplied by, ``_plain(steps, g, G, extras)`` walks with them, turns them into the ``d`` of these steps and
    leaves the gradients of the states in ``G``, and ``_carried(t)`` makes the gradient of one state from ``d[t]``.
    """

    @np.errstate(all="ignore")
    def __init__(self, run, direct):
        self.run, self.end = run, direct[-1].copy()
        self.direct = None if {*map(type, direct[:-1])} == {type(None)} else self._own(direct)
        steps, g, dtype = len(run), self._turned(self.end), self.end.dtype
        self.d, self.exponent = np.empty((steps, *self._d_shape()), dtype), np.zeros(steps, int)
        self.log_h = np.empty(steps + 1)
        square, (low, high) = np.vdot(self.end, self.end), SAFE[dtype.char]
        self.log_h[steps] = 0.5 * np.log(square) if low < square < high else log_norm(self.end, 2)
        g, exponent = self._settled(self.log_h[steps], g, np.zeros((), int))
        self._walk(g, exponent, np.empty((min(steps, block(*self.end.shape)), *g.shape), dtype))

    def _turned(self, g):
        """A gradient with the axes of the walk."""
        return g

    _turned_back = _turned

    def _own(self, direct):
        for t, extra in enumerate(direct[:-1]):
            if extra is not None and extra.shape != self.end.shape:
                raise ValueError(f"g[{t}]: expected the shape {self.end.shape} of the states, came {extra.shape}")
        return [None if extra is None else self._turned(extra.copy()) for extra in direct[:-1]]

    def _walk(self, g, exponent, buffer):
        for stop in range(len(self.d), 0, -len(buffer)):
            steps = slice(max(0, stop - len(buffer)), stop)
            self._coefficients(steps)
            after = self._as_it_is(steps, g, exponent, buffer[:stop])
            if after is None:
                self._coefficients(steps)
                after = self._rescaling(steps, g, exponent)
            g, exponent = self._settled(self.log_h[steps.start], *after) if steps.start else after

    def _as_it_is(self, steps, g, exponent, G):
        """Walk these steps without rescaling, ``G`` for a buffer; ``None`` if a norm left the safe range."""
        if self.direct is not None and exponent != 0:
            return None
        self._plain(steps, g, G, repeat(None, len(G)) if self.direct is None else self.direct[steps][::-1])
        norms, (low, high) = squares(G), SAFE[G.dtype.char]
        if not low < norms.min() <= norms.max() < high:
            return None
        self.log_h[steps] = 0.5 * np.log(norms) + exponent * math.log(2)
        self.exponent[steps] = exponent
        return G[0], exponent

    def _rescaling(self, steps, g, exponent):
        """Walk these steps as :func:`~gradtrace.trace` does in general, with a power of two kept apart."""
        for t in reversed(range(steps.start, steps.stop)):
            G = np.empty((1, *g.shape), g.dtype)
            self._plain(slice(t, t + 1), g, G, (None,))
            self.exponent[t], g = exponent, G[0]
            if self.direct is not None and self.direct[t] is not None:
                g, exponent = add_scaled(g, exponent, self.direct[t])
            g, exponent = rescale(g, exponent)
            self.log_h[t] = log_scaled(g, exponent)
        return g, exponent

    def _settled(self, log, g, exponent):
        """A copy of ``g``, of norm ``e^log``: without exponent if that is moderate, else scaled to about one."""
        if abs(log) < MODERATE[g.dtype.char]:
            return (np.ldexp(g, exponent), np.zeros_like(exponent)) if exponent else (g.copy(), exponent)
        return rescale(g, exponent)

    def true_d(self, t=slice(None)):
        """What was kept of the step with index ``t``, or of several, as plain numbers."""
        e = self.exponent[t]
        return np.ldexp(self.d[t], e[:, None, None] if e.ndim else e) if e.any() else self.d[t]

    def state(self, t):
        """``∂L/∂h_t`` as plain numbers."""
        if t == len(self.d):
            return self.end.copy()
        with np.errstate(all="ignore"):
            g = self._carried(t)
            g = np.ldexp(g, self.exponent[t]) if self.exponent[t] else g
            return self._turned_back(g if self.direct is None or self.direct[t] is None else g + self.direct[t])
