"""A model as it was found: what a pass may change, kept and put back."""

import io
import logging
import queue
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import is_dataclass
from functools import lru_cache, partial
from types import (
    BuiltinMethodType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
)

import numpy as np
import torch

from .generators import of_generator, of_library, put_back
from .kept import (
    ArrayNumbers,
    Attribute,
    ClassAttributes,
    Contents,
    Globals,
    Numbers,
    mark_of,
)
from .nested import parts, tensors
from .own import globals_of, is_own

OF_EVERY_MODULE = {*vars(torch.nn.Module()), "forward", "_call_impl"} - {"_buffers", "training"}
BOXES_OF_EVERY_MODULE = [
    name for name, value in vars(torch.nn.Module()).items() if isinstance(value, dict)
]
# What never changes, and has nothing inside.
PLAIN = {type(None), bool, int, float, complex, str, bytes, range, slice, type(...)}
PLAIN |= {torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format}
SIMPLE = *PLAIN, torch.Tensor, np.ndarray, np.generic, list, tuple, dict, set, frozenset, deque
CACHED = type(lru_cache(id))
BOXES = list, deque, set, dict, bytearray, tuple, frozenset
# What lives outside of the program, or in several threads: written back it might be worse.
OUTSIDE = io.IOBase, socket.socket, threading.Thread, queue.Queue, Executor, Future
OUTSIDE += logging.Logger, logging.Handler, type(threading.Lock()), type(threading.RLock())
OUTSIDE += threading.Condition, threading.Event, ModuleType
MOST_OBJECTS = 10_000  # then a pass back takes longer than the putting back of all
MOST_BYTES = 2**28  # of copies of what is no part of a model


class Snapshot:
    """What a pass may change: see :meth:`restore`.

    ``with Snapshot(model, inputs):`` puts it back at the end, ``restore()`` also in between. Of a
    model, that are its weights, buffers, gradients, hooks and training flags, and what its modules
    keep: tensors, arrays, generators of random numbers, and lists, dicts, sets and dataclasses of
    these.

    With a ``loss`` all that can be reached from there, from the model's hooks and from the inputs
    is followed: objects of classes of your own, and of libraries where these hold nothing but
    numbers and containers; what a function closes over, its defaults, and, if it is your own, the
    globals that it names; methods, partials, and the attributes of your own classes.

    Not followed are files, locks, threads, queues and loggers, and objects of libraries that hold
    further objects. Past ten thousand objects, or 256 MB of copies, nothing more is kept.
    :meth:`left` names what was changed all the same.

    Parameters
    ----------
    model : Module
    inputs : Arguments
        Each pass is called with copies of the tensors in them; so these are not kept.
    loss : callable, optional
    target : object, optional
        What the loss takes besides the output, as copies, too.
    """

    def __init__(self, model, inputs, loss=None, target=None):
        self.deep = loss is not None
        self.kept, self.generators, self.stands = [], [], {}
        self.seen = {}  # id: the object itself, so that no other one gets the id
        self.todo = deque()
        self.objects, self.bytes, self.beyond = 0, 0, ""
        self.iterators = []  # names
        self.large = []  # (name, value, mark)
        self.strangers = []  # (name, object, what it held)
        self.devices = {t.device for t in [*model.parameters(), *model.buffers()]}
        self._follow("model", model, True)
        if self.deep:
            self._follow("loss", loss, isinstance(loss, torch.nn.Module), root=True)
            for hooks in global_hooks():
                self._follow("a hook of all modules", hooks)
        self._follow_all()
        for t in tensors([*inputs, target]):
            self.seen.setdefault(id(t), t)
        for name, value in {**dict(enumerate(inputs.args)), **inputs.kwargs}.items():
            self._follow(f"input {name}", value, True, root=True)
        self._follow("target", target, True, root=True)
        self._follow_all()
        self.generators += of_library(self.devices)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stands = {}
        self.restore()

    def restore(self):
        """Put back all that was found, as the same objects with the same contents.

        For a parameter, ``stands`` may have another one, which is then put in its place wherever
        the parameter was.
        """
        for one in self.kept:
            one.put_back(self.stands)
        put_back(self.generators)

    def left(self):
        """A sentence for each thing that is not put back, though a pass has changed it."""
        found = [
            f"{name} is an iterator: what the passes took from it, it will not give once more."
            for name in self.iterators
        ]
        for name, value, mark in self.large:
            if mark_of(value) != mark:
                found.append(f"{name} was written into, and was too large, or odd, to be kept.")
        for name, value, held in self.strangers:
            if not same_values(vars(value), held):
                found.append(
                    f"{name}, a {type(value).__name__}, was changed by the passes; objects of"
                    " libraries that hold further objects are not put back."
                )
        if self.beyond:
            found.append(
                f"More than {MOST_OBJECTS:,} objects can be reached from the model and the loss:"
                f" from {self.beyond} on, what the passes changed was not put back."
            )
        return found

    # what is reached, in the order of distance

    def _follow(self, name, value, free=False, root=False):
        """Remember to look at a value; what belongs to the model itself is ``free`` of limits."""
        if type(value) in PLAIN or id(value) in self.seen:
            return
        self.todo.append((name, value, free, root))

    def _follow_all(self):
        while self.todo:
            name, value, free, root = self.todo.popleft()
            if id(value) in self.seen:
                continue
            self.seen[id(value)] = value
            if not free:
                self.objects += 1
                if self.objects > MOST_OBJECTS:
                    self.beyond = self.beyond or name
                    continue
            self._look(name, value, free, root)

    def _look(self, name, value, free, root):
        if isinstance(value, torch.nn.Module):
            self._module(name, value, free)
        elif isinstance(value, torch.Tensor):
            self._tensor(name, value, free)
        elif isinstance(value, np.ndarray):
            self._array(name, value, free)
        elif isinstance(value, OUTSIDE):
            return
        elif isinstance(value, BOXES):
            self._box(name, value, free)
        elif state := of_generator(value):
            self.generators.append(state)
        elif not self.deep:
            if is_record(value) or (root and hasattr(value, "__dict__")):
                self._dict_of(name, value, free)
        elif isinstance(value, type):
            self._class(name, value)
        elif isinstance(value, FunctionType):
            self._function(name, value)
        else:
            self._object(name, value, free and root, root)

    def _module(self, name, module, free):
        own = vars(module)
        self._contents(own, OF_EVERY_MODULE)
        for key in BOXES_OF_EVERY_MODULE:
            box = own.get(key)
            if isinstance(box, dict):
                self._contents(box)
                inside = key in ("_modules", "_parameters", "_buffers")
                for part, value in dict.items(box):
                    where = f"{name}.{part}" if inside else f"a hook of {name}"
                    self._follow(where, value, free and inside)
        for key, value in own.items():
            if key not in OF_EVERY_MODULE or key == "forward":
                self._follow(f"{name}.{key}", value, free)
        self._follow(type(module).__name__, type(module))

    def _tensor(self, name, tensor, free):
        if torch.nn.parameter.is_lazy(tensor):
            return
        if self._has_room(name, tensor, size_of(tensor), free):
            try:
                self.kept.append(Numbers(tensor))
            except (RuntimeError, NotImplementedError, TypeError):  # no copy of such a tensor
                self.large.append((name, tensor, mark_of(tensor)))
        for hooks in (tensor._backward_hooks, getattr(tensor, "_post_accumulate_grad_hooks", None)):
            if isinstance(hooks, dict):
                self._contents(hooks)
                for hook in hooks.values():
                    self._follow(f"a hook of {name}", hook)

    def _array(self, name, array, free):
        if not array.flags.writeable or isinstance(array, np.memmap):
            return
        if self._has_room(name, array, array.nbytes, free):
            self.kept.append(ArrayNumbers(array))
        if array.dtype.hasobject:
            for part in array.flat:
                self._follow(f"{name}[…]", part, free)

    def _has_room(self, name, value, size, free):
        if free:
            return True
        if self.bytes + size > MOST_BYTES:
            self.large.append((name, value, mark_of(value)))
            return False
        self.bytes += size
        return True

    def _contents(self, box, but=frozenset()):
        self.seen[id(box)] = box
        self.kept.append(Contents(box, but))

    def _box(self, name, box, free):
        if isinstance(box, list | deque | set | dict | bytearray):
            self._contents(box)
        for key, part in enumerate(box) if isinstance(box, set | frozenset) else parts(box):
            self._follow(f"{name}[{key!r:.20}]", part, free)
        if hasattr(box, "__dict__"):
            self._dict_of(name, box, free)
        if isinstance(box, defaultdict):
            self._follow(f"the default of {name}", box.default_factory)

    def _class(self, name, owner):
        if not is_own(owner.__module__):
            return
        self.kept.append(ClassAttributes(owner))
        for key, value in vars(owner).items():
            self._follow(f"{owner.__name__}.{key}", value)
        for base in owner.__bases__:
            self._follow(base.__name__, base)

    def _function(self, name, function):
        cells = function.__closure__ or ()
        for variable, cell in zip(function.__code__.co_freevars, cells, strict=True):
            self.kept.append(Attribute(cell, "cell_contents"))
            self._follow(f"{name}.{variable}", self.kept[-1].now())
        self._contents(vars(function))
        for key, value in vars(function).items():
            self._follow(f"{name}.{key}", value)
        if not is_own(function.__globals__.get("__name__")):
            return
        for value in [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]:
            self._follow(f"a default of {name}", value)
        for variables, names in globals_of(function):
            self.kept.append(Globals(variables, names))
            for key in names:
                self._follow(key, variables.get(key))

    def _object(self, name, value, free, root):
        for part in inside_of_callable(value):
            self._follow(name, part, free)
        kind = type(value)
        if not hasattr(value, "__dict__"):
            if isinstance(value, Iterator):
                self.iterators.append(name)
        elif root or is_own(kind.__module__) or is_record(value) or is_simple(value):
            self._dict_of(name, value, free)
        else:
            self.strangers.append((name, value, dict(vars(value))))
        if is_own(kind.__module__):
            for owner in kind.__mro__:
                for key in slots_of(owner):
                    self.kept.append(Attribute(value, key))
                    self._follow(f"{name}.{key}", self.kept[-1].now(), free)
            self._follow(kind.__name__, kind)

    def _dict_of(self, name, value, free):
        self._contents(vars(value))
        for key, part in vars(value).items():
            self._follow(f"{name}.{key}", part, free)


def global_hooks():
    """The hooks that PyTorch calls at every module."""
    for name, value in vars(torch.nn.modules.module).items():
        if name.startswith("_global_") and isinstance(value, dict):
            yield value


def inside_of_callable(value):
    """What a method, a partial or a wrapped function calls, and with what."""
    if isinstance(value, MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, BuiltinMethodType | MethodWrapperType):
        return [value.__self__]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, property):
        return [value.fget, value.fset]
    if isinstance(value, staticmethod | classmethod | CACHED):
        return [value.__wrapped__]
    return []


def slots_of(owner):
    """The names of a class's own slots, but for those of a library's class."""
    if not is_own(owner.__module__):
        return []
    names = vars(owner).get("__slots__", ())
    names = (names,) if isinstance(names, str) else names
    hidden = [f"_{owner.__name__.lstrip('_')}{n}" if private(n) else n for n in names]
    return [name for name in hidden if name not in ("__dict__", "__weakref__")]


def private(name):
    return name.startswith("__") and not name.endswith("__")


def size_of(tensor):
    """In bytes."""
    if tensor.layout is torch.sparse_coo:
        return size_of(tensor._values()) + size_of(tensor._indices())
    return tensor.numel() * tensor.element_size()


def is_record(value):
    """Whether it is an object that is there to hold things by name."""
    named = isinstance(value, SimpleNamespace) or is_dataclass(value)
    return named and not isinstance(value, type) and hasattr(value, "__dict__")


def is_simple(value):
    """Whether an object holds nothing but numbers, and containers, directly inside."""
    return all(isinstance(part, SIMPLE) for part in vars(value).values())


def same_values(one, other):
    """Whether an object's variables are bound to the same things."""
    if one.keys() != other.keys():
        return False
    return all(
        value is other[key] or (type(value) in PLAIN and value == other[key])
        for key, value in one.items()
    )
