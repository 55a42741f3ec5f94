"""What one object holds, kept so that it can be put back into the same object.

Each has ``put_back(stands)``, with ``{id(parameter): what stands in its place}`` for now.
"""

import zlib
from collections import OrderedDict, deque

import numpy as np
import torch

from .nested import is_plain

MISSING = object()


class Contents:
    """Of a list, deque, set, dict or bytearray; of a dict but for some names."""

    def __init__(self, box, but=frozenset()):
        self.box, self.but = box, but
        self.held = self.now()
        values = self.held.values() if isinstance(box, dict) else self.held
        self.has_parameters = any(isinstance(value, torch.nn.Parameter) for value in values)

    def now(self):
        if isinstance(self.box, dict):
            items = base_of(self.box).items(self.box)
            return {key: value for key, value in items if key not in self.but}
        return [*self.box]

    def put_back(self, stands):
        held = self.held
        if not held and not self.box:
            return
        if stands and self.has_parameters:
            held = standing(held, stands)
        if isinstance(self.box, dict):
            base = base_of(self.box)
            for key in self.now().keys() - held.keys():
                base.__delitem__(self.box, key)
            now = self.now()
            if [*now] != [*held][: len(now)]:  # else what is missing would come last
                for key in now:
                    base.__delitem__(self.box, key)
                now = {}
            for key, value in held.items():
                if now.get(key, MISSING) is not value:
                    base.__setitem__(self.box, key, value)
        elif not same_objects(self.now(), held):
            refill(self.box, held)


def base_of(box):
    """The class whose methods leave a dict's own ones aside, which may do more or refuse."""
    return OrderedDict if isinstance(box, OrderedDict) else dict


def same_objects(one, other):
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def standing(held, stands):
    """The same with what stands in the place of parameters."""
    if isinstance(held, dict):
        return {key: stands.get(id(value), value) for key, value in held.items()}
    return [stands.get(id(value), value) for value in held]


def refill(box, held):
    if isinstance(box, bytearray):
        box[:] = bytes(held)
    elif isinstance(box, list):
        list.__setitem__(box, slice(None), held)
    elif isinstance(box, deque):
        deque.clear(box)
        deque.extend(box, held)
    else:
        set.clear(box)
        set.update(box, held)


class Attribute:
    """What one name of an object is bound to: a slot, or the variable of a closure."""

    def __init__(self, owner, name):
        self.owner, self.name = owner, name
        self.held = self.now()

    def now(self):
        try:
            return object.__getattribute__(self.owner, self.name)
        except (AttributeError, ValueError):  # of a variable that has no value yet
            return MISSING

    def put_back(self, stands):
        held = stands.get(id(self.held), self.held)
        if self.now() is held:
            return
        if held is MISSING:
            object.__delattr__(self.owner, self.name)
        else:
            object.__setattr__(self.owner, self.name, held)


class Globals:
    """Some names of a module, with or without a value."""

    def __init__(self, box, names):
        self.box, self.held = box, {name: box.get(name, MISSING) for name in names}

    def put_back(self, stands):
        for name, value in standing(self.held, stands).items():
            if self.box.get(name, MISSING) is value:
                continue
            if value is MISSING:
                del self.box[name]
            else:
                self.box[name] = value


class ClassAttributes:
    """All that a class has but what Python puts there."""

    def __init__(self, owner):
        self.owner, self.held = owner, attributes_of(owner)

    def put_back(self, stands):
        now, held = attributes_of(self.owner), standing(self.held, stands)
        for name in now.keys() - held.keys():
            type.__delattr__(self.owner, name)
        for name, value in held.items():
            if now.get(name, MISSING) is not value:
                type.__setattr__(self.owner, name, value)


def attributes_of(owner):
    """``{name: attribute}`` of a class itself."""
    own = vars(owner).items()
    return {name: value for name, value in own if not name.startswith(("__", "_abc_"))}


class Numbers:
    """Of a tensor; its gradient, too, as the same tensor with the same numbers."""

    def __init__(self, tensor):
        self.tensor, self.data = tensor, numbers_of(tensor)
        self.values = self.data.detach().clone()
        self.requires_grad = tensor.requires_grad
        self.grad = tensor.grad if tensor.is_leaf else None
        self.grad_values = None if self.grad is None else self.grad.detach().clone()
        write(self.data, self.values)  # of a layout that does not allow it, an error now

    def put_back(self, stands):
        tensor = self.tensor
        if tensor.requires_grad and not self.requires_grad and not tensor._is_view():
            tensor.detach_()
        elif tensor.requires_grad is not self.requires_grad and tensor.is_leaf:
            tensor.requires_grad_(self.requires_grad)
        if self.data is not tensor and not same_place(tensor.data, self.data):
            tensor.data = self.data
        write(self.data, self.values)
        if tensor.is_leaf and tensor.grad is not self.grad:
            tensor.grad = self.grad
        if self.grad is not None:
            write(self.grad, self.grad_values)


def numbers_of(tensor):
    """The same numbers in the same memory, without a history where that is one place."""
    return tensor.data if is_plain(tensor) else tensor


def same_place(one, other):
    """Whether two tensors are the same numbers in memory, seen in the same way."""
    return is_plain(one) and one.dtype is other.dtype and one.is_set_to(other)


def write(tensor, values):
    """Give a tensor its numbers back, if it has others.

    Not where it has the same ones: a graph made before would then refuse its way back.
    """
    if not same_numbers(tensor, values):
        with torch.no_grad():
            numbers_of(tensor).copy_(values)


def same_numbers(one, other):
    """Whether two tensors hold the same bits; of other layouts than the usual, not known."""
    if not is_plain(one):
        return False
    if torch.equal(one, other):
        return True
    flat = [t.detach().resolve_conj().contiguous().reshape(-1) for t in (one, other)]
    return torch.equal(*(t.view(torch.uint8) for t in flat))


class ArrayNumbers:
    """Of a numpy array."""

    def __init__(self, array):
        self.array, self.values = array, array.copy()

    def put_back(self, stands):
        if self.array.dtype.hasobject or self.array.tobytes() != self.values.tobytes():
            self.array[...] = self.values


def mark_of(value):
    """What changes where a tensor or an array is written into."""
    if isinstance(value, torch.Tensor):
        return value._version
    return zlib.crc32(np.ascontiguousarray(value).view(np.uint8).data)
