"""Norms of PyTorch gradients, also of those that one pass back loses to the float range.

What is *seen* in a pass back is ``(ln ‖g‖, up, down)`` for every key, with the powers of two that
lie between the largest entry of ``g`` and overflow, or the loss of digits.
"""

import math

import numpy as np
import torch

from .nested import numbers_in

ZERO = -math.inf, math.inf, -math.inf
# Squares of numbers up to this, or down to 1 / FAR, and sums of them, stay in float32.
FAR = 2.0**40


def measure(g):
    """``(ln ‖g‖, up, down)`` of a tensor, reduced where it lies, in its own dtype or float32.

    Examples
    --------
    >>> log, up, down = measure(torch.ones(1))      # in float32
    >>> log, round(up), round(down)     # 2^128 is too large, below 2^-103 small entries lose digits
    (0.0, 128, 103)
    """
    info = torch.finfo(g.dtype)
    a = entries(g)
    top = largest(a)
    if top == 0:
        return ZERO
    if not math.isfinite(top):
        return top, -math.inf, math.inf
    scale = 1.0 if 1 / FAR < top < FAR else top
    near_one = a if scale == 1 else a / scale
    norm = norms_of_rows(near_one.reshape(1, -1)).item()
    return (
        math.log(scale) + math.log(norm),
        math.log2(info.max) - math.log2(top),
        math.log2(top) - math.log2(info.tiny) + math.log2(info.eps),
    )


def entries(g):
    """The numbers in ``g``, in float32 or wider."""
    a = numbers_in(g).detach()
    a = torch.view_as_real(a.resolve_conj()) if a.is_complex() else a
    return a.float() if torch.finfo(a.dtype).bits < 32 else a


def largest(a):
    """The size of the largest number; nan if any is nan, zero if there is none."""
    if not a.numel():
        return 0.0
    low, high = torch.aminmax(a)  # no second tensor of this size is made, as by abs()
    return max(-low.item(), high.item())


def waiting_norms(rows):
    """The norm of each row, as two numbers that wait where the rows lie: see :func:`log_norms`.

    They are the size of the largest entry, and the norm of the row divided by it.
    """
    if not rows.numel():
        return rows.new_zeros(2, len(rows))
    top = rows.abs().amax(dim=1)
    unit = torch.where((top > 0) & (top < math.inf), top, 1)
    return torch.stack([top, norms_of_rows(rows / unit[:, None])])


def log_norms(waiting):
    """``ln ‖row‖`` for all rows of several :func:`waiting_norms`, in one go to the host.

    Examples
    --------
    >>> rows = waiting_norms(1e-30 * torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    >>> np.exp(log_norms([rows, rows]) + np.log(1e30)).round(4)
    array([5., 0., 5., 0.])
    """
    if not waiting:
        return np.zeros(0)
    device = waiting[0].device
    both = torch.cat([pair.to(device) for pair in waiting], dim=1).cpu().numpy().astype(float)
    with np.errstate(divide="ignore"):
        return np.log(both).sum(axis=0)


def norms_of_rows(a, block=256):
    """The norm of each row, over blocks and then over their norms.

    One sum over millions of float32 is wrong in the fourth digit, where it is taken in order.
    """
    while a.shape[1] > block:
        missing = -a.shape[1] % block
        if missing:
            a = torch.nn.functional.pad(a, (0, missing))
        a = torch.linalg.vector_norm(a.reshape(len(a), -1, block), dim=2)
    return torch.linalg.vector_norm(a, dim=1)


def has_all_digits(up, down):
    """Whether a norm is as exact as its floats, and not zero."""
    return up >= 0 and down >= 0


def agree_where_exact(plain, chain):
    """Whether both saw the same norms where the plain pass back has all digits."""
    return all(
        abs(plain[key][0] - log) < 1e-3
        for key, (log, _, _) in chain.items()
        if key in plain and has_all_digits(*plain[key][1:])
    )


def norm_over(runs, keys, lost):
    """``ln`` of the norm over all ``keys``, from the first run with all digits, and if none has.

    What is zero in all runs is zero, unless the step after was ``lost`` already.
    """
    if not keys:
        return math.nan, lost
    zero = True
    for run in runs:
        logs, ups, downs = zip(*(run.get(key, ZERO) for key in keys), strict=True)
        if has_all_digits(min(ups), max(downs)):
            top = max(logs)
            return top + math.log(sum(math.exp(2 * (log - top)) for log in logs)) / 2, False
        zero = zero and max(logs) == -math.inf
    return (-math.inf, False) if zero and not lost else (math.nan, True)


def step_by_step(states, tensors, direct):
    """For each key of a state ``(g, k)`` with the gradient ``g 2^k``; each step starts near one.

    Parameters
    ----------
    states : list of list of int
        The keys of the ``T + 1`` states.
    tensors : list of Tensor
        By key.
    direct : dict of int to Tensor
        What the loss puts on a state that does not pass through another one.
    """
    found, power, g = {}, 0, {}
    for above, keys in zip([[], *states[:0:-1]], reversed(states), strict=True):
        if above and keys:
            back = torch.autograd.grad(
                [tensors[key] for key in above],
                [tensors[key] for key in keys],
                [g[key] for key in above],
                retain_graph=True,
                allow_unused=True,
            )
            g = {key: value for key, value in zip(keys, back, strict=True) if value is not None}
        else:
            g = {}
        extra = {key: direct[key] for key in keys if key in direct}
        powers = [power + p for p in [_power(g)] if p is not None]
        powers += [p for p in [_power(extra)] if p is not None]
        below = max(powers, default=0)
        g = {
            key: _times(g.get(key), power - below, tensors[key])
            + _times(extra.get(key), -below, tensors[key])
            for key in keys
        }
        power = below
        found |= {key: (value, power) for key, value in g.items()}
    return found


def not_zero(g):
    """Whether any number in ``g`` is not zero."""
    return bool(numbers_in(g).any())


def _power(g):
    """The power of two that brings the largest entry between 1 and 2; None if there is none."""
    top = max((largest(entries(part)) for part in g.values()), default=0.0)
    return math.frexp(top)[1] - 1 if top else None


def _times(g, power, like):
    """``g 2^power`` in the shape and dtype of ``like``, by factors that it has numbers for."""
    if g is None:
        return torch.zeros_like(like)
    most = int(math.log2(torch.finfo(like.dtype).max)) - 1
    power = max(-3 * most, min(3 * most, power))
    g = g.to(like.dtype)
    while power:
        step = max(-most, min(most, power))
        g, power = g * 2.0**step, power - step
    return g


def measure_scaled(g, power):
    """``measure(g 2^power)``; what is small in ``g`` was so within one step: all digits count."""
    log, up, down = measure(g)
    return log + power * math.log(2), up, down if log == -math.inf else math.inf
