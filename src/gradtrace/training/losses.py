"""Losses ``(u, y) -> (loss, g)``: how wrong the outputs ``u`` are, and ``g = ∂L/∂u``, where the way back starts.

``u`` is ``(*sweep, batch, n)`` and so is ``g``; ``y`` is the same or lacks sweep axes. The loss is one number for each
sweep member. ``reduction="mean"`` averages over the batch, ``"sum"`` adds; ``g`` is the gradient of just that number.

A head is a last layer with a loss: ``Dense(n, m, "identity")`` with one of these for regression, with a cross-entropy
for classes.

Source: Giselsson, "Deep learning"; Lee, "Loss Functions".
"""

import numpy as np

from ..expect import expect_array


def half_squared_norm(u, y, *, reduction="mean"):
    """``½‖u - y‖²`` of each sample, with gradient ``u - y``.

    Parameters
    ----------
    u : ndarray of shape (*sweep, batch, n)
        Outputs.
    y : ndarray of shape (*sweep, batch, n) or (batch, n)
        Targets.
    reduction : {"mean", "sum"}
        Over the batch.

    Returns
    -------
    loss : ndarray of shape (*sweep)
    g : ndarray of the shape of u

    Raises
    ------
    ValueError, TypeError
        ``u`` or ``y`` is misshapen, not finite or of another dtype than the other, or ``reduction`` is no such word.
    FloatingPointError
        The loss overflows.

    Notes
    -----
    Source: Giselsson, "Deep learning".

    Examples
    --------
    >>> u, y = np.array([[0.2, -1.0]]), np.array([[0.0, 1.0]])
    >>> loss, g = half_squared_norm(u, y)
    >>> loss.round(4), g
    (np.float64(2.02), array([[ 0.2, -2. ]]))
    """
    expect_pair(u, y)
    with np.errstate(over="ignore", invalid="ignore"):
        r = u - y
        return reduced(0.5 * (r * r).sum(axis=-1), r, reduction)


def mse(u, y, *, reduction="mean"):
    """``(1/n) Σ (u - y)²`` of each sample, the mean squared error, with gradient ``2 (u - y) / n``.

    Arguments ``u``, ``y`` and ``reduction``, what it returns and raises: as for :func:`half_squared_norm`.

    Source: Lee, "Loss Functions", 1.

    Examples
    --------
    >>> u, y = np.array([[0.2, -1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0, 0.0]])
    >>> loss, g = mse(u, y)
    >>> loss.round(4), g
    (np.float64(1.01), array([[ 0.1, -1. ,  0. ,  0. ]]))
    """
    expect_pair(u, y)
    with np.errstate(over="ignore", invalid="ignore"):
        r = u - y
        return reduced((r * r).mean(axis=-1), 2 * r / r.shape[-1], reduction)


def mae(u, y, *, reduction="mean"):
    """``(1/n) Σ |u - y|`` of each sample, the mean absolute error, with gradient ``sign(u - y) / n``.

    The gradient is 0 where output and target agree. Arguments ``u``, ``y`` and ``reduction``, what it
    returns and raises: as for :func:`half_squared_norm`.

    Source: Lee, "Loss Functions", 1.

    Examples
    --------
    >>> u, y = np.array([[0.2, -1.0]]), np.array([[0.0, 1.0]])
    >>> loss, g = mae(u, y)
    >>> loss.round(4), g
    (np.float64(1.1), array([[ 0.5, -0.5]]))
    """
    expect_pair(u, y)
    with np.errstate(over="ignore", invalid="ignore"):
        r = u - y
        return reduced(np.abs(r).mean(axis=-1), np.sign(r) / r.shape[-1], reduction)


def reduced(loss, g, reduction):
    """Loss and gradient of the batch from those of its samples."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction: expected 'mean' or 'sum', came {reduction!r:.40}")
    if reduction == "mean":
        loss, g = loss / loss.shape[-1], g / loss.shape[-1]
    loss = loss.sum(axis=-1)
    if not (np.isfinite(loss).all() and np.isfinite(g).all()):
        raise FloatingPointError(f"u: the loss overflowed {g.dtype}; use smaller outputs")
    return loss, g


def expect_pair(u, y):
    expect_array("u", u, (None, None))
    expect_array("y", y, u.shape[-2:])
    if y.dtype != u.dtype:
        raise TypeError(f"y: expected {u.dtype}, the dtype of u, came {y.dtype}")
    _expect_sweep(u, y.shape, u.shape)
    if not u.size:
        raise ValueError(f"u: expected at least one sample and one output, came shape {u.shape}")


def _expect_sweep(u, came, whole):
    """The axes in front have to be those of ``u``, or some of them."""
    front = zip(came[::-1], whole[::-1], strict=False)
    if len(came) > len(whole) or any(c not in (1, w) for c, w in front):
        raise ValueError(f"y: expected no sweep axes but those of u, which has shape {u.shape}, came shape {came}")
