"""Tensors inside lists, tuples, dicts and dataclasses, in which models hand on their states."""

from collections import deque
from collections.abc import Mapping, MutableMapping
from copy import copy
from dataclasses import fields, is_dataclass
from types import SimpleNamespace

import torch


def has_slopes(value):
    """Whether it is a tensor of numbers that can have a gradient."""
    return isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())


def parts(box):
    """``(key, part)`` for everything directly inside ``box``; nothing if it is no container.

    Examples
    --------
    >>> parts({"h": 1}), parts([2, 3]), parts("text")
    ([('h', 1)], [(0, 2), (1, 3)], [])
    """
    if isinstance(box, Mapping):
        return list(box.items())
    if isinstance(box, list | tuple | deque):
        return list(enumerate(box))
    if isinstance(box, SimpleNamespace):
        return list(vars(box).items())
    if is_dataclass(box) and not isinstance(box, type):
        return [(f.name, getattr(box, f.name)) for f in fields(box) if hasattr(box, f.name)]
    return []


def put(box, key, part):
    """Set one part of a container that is no tuple, even of a frozen dataclass."""
    if isinstance(box, list | deque | MutableMapping):
        box[key] = part
    else:
        object.__setattr__(box, key, part)


def tensors(value):
    """All tensors inside ``value``, in order.

    Examples
    --------
    >>> len(tensors({"a": torch.ones(1), "b": [torch.ones(1), None]}))
    2
    """
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for _, part in parts(value) for tensor in tensors(part)]


def at_hand(value):
    """The same but for those that stand for many inside of a transform, as vmap, or have a slope.

    Nothing can be read from these, nor is there a place in memory that is theirs.
    """
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    return [t for t in tensors(value) if not wrapped(t)]


def is_plain(tensor):
    """Whether its numbers lie in memory as in most tensors: none is left out, and no rows differ.

    Examples
    --------
    >>> is_plain(torch.eye(2)), is_plain(torch.eye(2).to_sparse())
    (True, False)
    """
    return tensor.layout is torch.strided and not tensor.is_nested


def numbers_in(tensor):
    """The numbers that a tensor has, as a plain one, without those that a sparse one leaves out.

    Examples
    --------
    >>> numbers_in(3 * torch.eye(2).to_sparse())
    tensor([3., 3.])
    """
    if is_plain(tensor):
        return tensor
    if tensor.layout is torch.sparse_coo:
        return tensor.coalesce().values()
    if tensor.layout is torch.strided:  # nested
        return torch.cat([t.reshape(-1) for t in tensor.unbind()])
    return tensor.values()


def replace(value, change, undo=None):
    """``value`` with ``change(tensor)`` in the place of every tensor.

    Lists, dicts and dataclasses stay the same objects, since a model may go on writing into them;
    tuples are made anew. What is needed to take it back, ``(box, key, old, new)``, is appended to
    ``undo``.
    """
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, Mapping) and not isinstance(value, MutableMapping):
        return value
    found = [(key, old, replace(old, change, undo)) for key, old in parts(value)]
    changed = [(key, old, new) for key, old, new in found if new is not old]
    if not changed:
        return value
    if isinstance(value, tuple):
        return _tuple_like(value, [new for _, _, new in found])
    for key, old, new in changed:
        put(value, key, new)
        if undo is not None:
            undo.append((value, key, old, new))
    return value


def cloned(tensor):
    """A copy with the same strides where there is one: with others, kernels round differently."""
    if tensor.layout is not torch.strided or tensor.is_nested:
        return tensor.clone()
    if any(step == 0 < size - 1 for step, size in zip(tensor.stride(), tensor.shape, strict=True)):
        return tensor.clone()  # one number in several places
    return torch.empty_strided(
        tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device
    ).copy_(tensor)


def copied(value):
    """``value`` in containers of its own, with every tensor cloned without its history."""
    if isinstance(value, torch.Tensor):
        return cloned(value.detach())
    inside = parts(value)
    if not inside:
        return value
    found = [(key, copied(part)) for key, part in inside]
    if isinstance(value, tuple):
        return _tuple_like(value, [part for _, part in found])
    box = copy(value)
    for key, part in found:
        put(box, key, part)
    return box


def _tuple_like(value, new_parts):
    named = hasattr(value, "_fields")
    return type(value)(*new_parts) if named else type(value)(new_parts)
