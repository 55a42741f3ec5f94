"""Gradients of watched tensors past the float range, whatever graph lies between them.

A gradient is kept as ``g 2^exponent``, in double precision, with one exponent for every place along
the first axis of ``g``: for every position of a transformer's state, say.
"""

import math
from graphlib import TopologicalSorter

import numpy as np
import torch
from torch.autograd.graph import get_gradient_edge

from ..tracing.trace import add_scaled, log_scaled, rescale, scale_by_power


def log_norms_walked(record, total, axes):
    """``{key: ln ‖g‖}``, one number for each place along the key's axis; else None.

    From the loss down, the gradient of each watched tensor is sent to those that it was computed
    from, near one, and the power of two is kept apart; what comes to a tensor on several ways is
    added. A place that lost its digits within such a stretch of the graph is ``nan``, and so is
    what depends on it. None: a tensor was changed in place, so that its own graph is gone.

    Parameters
    ----------
    record : GridRecorder
    total : Tensor
        The loss.
    axes : dict of int to int or None
        By key, the axis of the places; None for a tensor that is one place.
    """
    (root,) = record.watch(total)
    axes = {root: None, **axes, **dict.fromkeys(record.slices)}
    axes = {key: axis for key, axis in axes.items() if key not in record.deaf}
    if any(record.kept[key].grad_fn is not record.nodes[key] for key in axes):
        return None
    below = sources_of(root, record, axes)
    found = {key: zeros_at(record.kept[key], axes[key]) for key in below}
    found[root][0][:] = 1
    with np.errstate(all="ignore"):
        for key in reversed([*TopologicalSorter(below).static_order()]):
            for source, places, g, exponent in handed_down(record, key, below[key], found, axes):
                sums, exponents = found[source]
                sums[places], exponents[places] = add_scaled(
                    sums[places], exponents[places], g, exponent
                )
        return {key: log_scaled(*scaled) for key, scaled in found.items()}


def sources_of(root, record, axes):
    """For each tensor, by key, those that it is computed from without another one in between."""
    edges = {get_gradient_edge(record.kept[key])[:2]: key for key in axes}
    below, todo = {}, [root]
    while todo:
        key = todo.pop()
        if key not in below:
            node = get_gradient_edge(record.kept[key]).node
            sliced = key in record.slices
            below[key] = [record.slices[key][0]] if sliced else first_of(node, edges)
            todo += below[key]
    return below


def first_of(node, edges):
    """What is met first of ``edges``, on each way down from a node of the graph."""
    todo, seen, met = [*node.next_functions], set(), {}
    while todo:
        edge = todo.pop()
        if edge in edges:
            met[edges[edge]] = None
        elif edge[0] is not None and edge[0] not in seen:
            seen.add(edge[0])
            todo += edge[0].next_functions
    return [*met]


def handed_down(record, key, sources, found, axes):
    """``(source, places, g, exponent)`` of all that one gradient adds to those of its sources."""
    g, exponent = found[key]
    if key in record.slices:  # of its sequence it is one step
        whole, t = record.slices[key]
        yield whole, slice(t, t + 1), g.reshape(found[whole][0][t : t + 1].shape), exponent
    elif sources:
        width = range_of(record.kept[key])[1] // 4
        for seed, power in seeds(g, exponent, width):
            for source, back, powers in pulled_back(record, key, sources, seed, axes):
                yield source, slice(None), back, powers + power


def seeds(g, exponent, width):
    """``(seed, power)`` whose sum is ``g 2^exponent``, the largest entry of each place near one.

    Places that lie further than ``2^width`` below the others have a seed of their own.
    """
    g, exponent = rescale(g, exponent)
    within = tuple(range(1, g.ndim))
    lost = np.isnan(g).any(axis=within)
    waiting = (g != 0).any(axis=within) & ~lost
    while waiting.any():
        top = exponent[waiting].max()
        now = waiting & (exponent > top - width)
        yield np.where(over(now, g), scale_by_power(g, np.where(now, exponent - top, 0)), 0), top
        waiting &= ~now
    if lost.any():
        yield np.where(over(lost, g), np.nan, 0), 0


def pulled_back(record, key, sources, seed, axes):
    """``(source, g, exponent)`` from one pass back, and from scaled ones where that loses digits.

    A place is zero if it is so also with a seed towards the end of the float range.
    """
    powers, passes = range_of(record.kept[key])[1], []
    far, half = powers * 7 // 8, powers // 2
    for power in (0, far, half, -half, -far):
        passes.append((power, one_pass(record, key, sources, seed * 2.0**power, axes)))
        merged = {
            source: merge(
                [(power, heard[source]) for power, heard in passes if source in heard],
                range_of(record.kept[source])[0],
            )
            for source in passes[0][1]
        }
        if all(not np.isnan(g).any() for g, _ in merged.values()):
            break
    return [(source, *scaled) for source, scaled in merged.items()]


def merge(tries, low):
    """``g, exponent`` with each place from the first try in which it has all digits, else nan.

    It is zero if it is so in a try with a large seed, and if none before saw anything.
    """
    g = np.full_like(tries[0][1], np.nan)
    exponent = np.zeros(len(g), int)
    waiting, seen = np.ones(len(g), bool), np.zeros(len(g), bool)
    for power, heard in tries:
        size = np.abs(heard).max(axis=tuple(range(1, heard.ndim)), initial=0.0)
        finite = size < np.inf
        seen |= finite & (size > 0)
        has_digits = finite & (size >= low)
        nothing = (size == 0) & ~seen & (power > 0)
        now = waiting & (has_digits | nothing)
        g[now], exponent[now] = heard[now], -power
        waiting &= ~now
    return g, exponent


def one_pass(record, key, sources, seed, axes):
    """``{source: gradient}`` of one tensor's sources, each without what passes through another."""
    heard = {}

    def cut(at, g):
        if at == key or at not in axes:
            return None
        heard[at] = to_front(g, axes[at])
        return torch.zeros_like(g)

    record.hear = cut
    tensor = record.kept[key]
    torch.autograd.grad(
        tensor,
        [record.kept[source] for source in sources],
        from_front(seed, tensor, axes[key]),
        retain_graph=True,
        allow_unused=True,
    )
    return {source: heard[source] for source in sources if source in heard}


def range_of(tensor):
    """Below which size entries lose digits, and how many powers of two there are above one."""
    info = torch.finfo(tensor.dtype)
    return info.tiny / info.eps, int(math.log2(info.max))


def to_front(tensor, axis):
    """A tensor as an array in double precision, with the axis of its places first."""
    wide = torch.promote_types(tensor.dtype, torch.float64)
    a = tensor.detach().resolve_conj().cpu().to(wide).numpy()  # some devices have no float64
    return a[None] if axis is None else np.moveaxis(a, axis, 0)


def from_front(a, like, axis):
    """The opposite, in the dtype and on the device of ``like``."""
    a = a[0] if axis is None else np.moveaxis(a, 0, axis)
    return torch.as_tensor(np.array(a, order="C")).to(like.dtype).to(like.device)


def zeros_at(tensor, axis):
    """A gradient of zero and its exponents, as :func:`to_front` orders them."""
    shape = (1, *tensor.shape) if axis is None else tensor.detach().movedim(axis, 0).shape
    kind = np.complex128 if tensor.is_complex() else np.float64
    return np.zeros(shape, kind), np.zeros(shape[0], int)


def over(places, g):
    """A mask of places, in as many axes as ``g`` has."""
    return places[(...,) + (None,) * (g.ndim - 1)]
