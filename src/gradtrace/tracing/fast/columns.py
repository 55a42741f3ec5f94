"""What the fast ways through gated cells share: states as columns, ``(n, batch)``.

Lying like this, the gates of a step are blocks of rows, each contiguous in memory, and one product ``M [h; x; 1]``
makes all of them. Arrays of a whole run are ``(T, rows, batch)``.
"""

import math

import numpy as np

from ...steps.arrays import T
from .deferred import rows
from .wayback import WayBack


def each(a):
    """The matrices ``a[0], a[1], …`` in a list; vectors where the batch is one, for which all is faster."""
    return list(a[..., 0] if a.shape[-1] == 1 else a)


def blocks(a, n):
    """Blocks of ``n`` rows apart, ``(T, blocks, n, batch)``: one operation multiplies them all by the same."""
    return a.reshape(len(a), a.shape[1] // n, n, a.shape[2])


def spread(a, n):
    """Room to repeat one column as often as ``a`` has blocks, or ``None`` where numpy's broadcasting is no slower."""
    return np.empty((a.shape[1] // n, n), a.dtype) if a.shape[2] == 1 else None


def in_range(e):
    """Whether no pre-activation went past the range of ``e^-a``; the readable step knows what to do there."""
    return e.min(initial=1) > 0 and e.max(initial=1) < np.inf


def ordered(W, n, *places):
    """The blocks of ``n`` columns of ``W`` at these places, in this order."""
    return np.concatenate([W[..., k * n:(k + 1) * n] for k in places], axis=-1)


def side_by_side(a):
    """All time steps and samples in one matrix: ``(T, rows, batch)`` to ``(rows, T batch)``."""
    return a.swapaxes(0, 1).reshape(a.shape[1], len(a) * a.shape[2])


class ColumnsBack(WayBack):
    """A way back along columns; a cell adds ``_products`` and ``_to_x``.

    ``_products(steps)`` gives what these steps contribute to the gradients of the parameters, and ``_to_x`` is the
    pair of the matrix and the rows of ``d`` whose product is ``∂L/∂x``. The order of blocks in ``d`` is the cell's.
    """

    def _d_shape(self):
        return 5 * self.run.step.n, len(self.end)

    def _turned(self, g):
        return np.ascontiguousarray(g.T)

    _turned_back = _turned

    def _sides(self, steps):
        """``d``, ``hᵀ`` and ``xᵀ`` of these steps and a vector of ones, so that ``hᵀ dᵀ`` is a sum over them."""
        d = side_by_side(self.true_d(steps))
        h = side_by_side(self.run.columns(steps))
        return d, h, rows(self.run.x[steps]).T, np.ones(d.shape[1], d.dtype)

    def share(self, t):
        """What step ``t + 1`` contributes to the gradients of the parameters."""
        return self._products(slice(t, t + 1))

    def shared(self):
        """The gradients of the parameters: products over as many steps at a time as stay in the cache."""
        size, total = max(1, 1024 // max(1, len(self.end))), None
        for start in range(0, len(self.d), size):
            some = self._products(slice(start, start + size))
            total = {name: value + some[name] for name, value in total.items()} if total else some
        return total

    def inputs(self):
        """``∂L/∂x_t`` of all steps."""
        U, place = self._to_x
        return T(U @ self.true_d()[:, place])

    def log_shares(self):
        """``ln`` of the norm of each step's contribution to the gradients of the parameters."""
        log = self.exponent * math.log(2)
        return {name: log + value for name, value in self._logs().items()}
