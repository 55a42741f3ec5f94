"""What a model was called with, in the calls that backward passes reach."""

import pickle
from contextlib import nullcontext
from copy import deepcopy
from enum import Enum
from types import BuiltinFunctionType, FunctionType

import torch

from .arguments import Arguments
from .aside import UNDER_WAY
from .nested import cloned, leaves, rebuilt, tensors, version

# What nobody can write into; of containers, those that are empty.
FIXED = (
    *(type(None), bool, int, float, complex, str, bytes, range, slice, Enum, type),
    *(FunctionType, BuiltinFunctionType, torch.dtype, torch.device, torch.layout),
    *(list, tuple, dict),
)


class Unkept:
    """Stands for an argument of which no copy could be made, or that cannot be pickled.

    Attributes
    ----------
    kind : str
        The name of its class.
    """

    def __init__(self, kind):
        self.kind = kind

    def __repr__(self):
        return f"Unkept({self.kind})"


class Batch:
    """The arguments of one call, held by reference until the update is over.

    Attributes
    ----------
    reached : bool
        Whether a backward pass has reached what the call gave out.
    """

    def __init__(self, args, kwargs):
        self.arguments, self.reached = each(held, Arguments(args, kwargs)), False
        self._versions = [(t, version(t)) for t in tensors(self.arguments)]

    def changed(self):
        """Whether a tensor among the arguments was written into since the call began.

        None if that is not known: there are objects that are not looked into, or tensors made in
        inference mode, of which PyTorch does not count how often they are written into.
        """
        now = tensors(self.arguments)
        if [*map(id, now)] != [id(t) for t, _ in self._versions]:
            return True
        if any(version(t) != before for t, before in self._versions):
            return True
        counted = all(before is not None for _, before in self._versions)
        known = all(isinstance(leaf, (torch.Tensor, *FIXED)) for leaf in leaves(self.arguments))
        return False if counted and known else None

    def kept(self):
        """The arguments in memory of their own, on the host."""
        return each(own, self.arguments)


def each(change, arguments):
    """``change(argument)`` for every argument of a call."""
    args = tuple(map(change, arguments.args))
    return Arguments(args, {name: change(value) for name, value in arguments.kwargs.items()})


def held(argument):
    """The same tensors in containers of our own, as the model or its caller may change theirs."""
    try:
        return rebuilt(argument, itself)
    except Exception:  # a container with a constructor of its own; training has to go on
        return argument


def itself(leaf):
    return leaf


def own(argument):
    """A copy of an argument; an :class:`Unkept` in the place of what has none."""
    try:
        return rebuilt(argument, own_leaf)
    except Exception:  # as in held()
        return unkept(argument)


def own_leaf(leaf):
    if isinstance(leaf, FIXED):
        return leaf
    if isinstance(leaf, torch.nn.Module | torch.optim.Optimizer):
        return unkept(leaf)  # too large
    try:
        if not isinstance(leaf, torch.Tensor):
            return deepcopy(leaf)
        there = leaf.detach()
        return cloned(there) if there.device.type == "cpu" else there.cpu()
    except Exception:  # an object may refuse, with whatever error; training has to go on
        return unkept(leaf)


def unkept(value):
    return Unkept(type(value).__name__)


def picklable(argument):
    """An argument as it may be pickled: an :class:`Unkept` in the place of what may not."""
    if not is_picklable(argument):
        argument = rebuilt(argument, lambda leaf: leaf if is_picklable(leaf) else unkept(leaf))
    return argument if is_picklable(argument) else unkept(argument)


def is_picklable(value):
    try:
        pickle.dumps(value)
    except Exception:  # as many kinds of error as there are classes
        return False
    return True


class Batches:
    """The calls of a model, evaluation apart.

    A call under ``no_grad``, or one that no backward pass reaches, is evaluation.

    Attributes
    ----------
    open : Batch or None
        Of the call under way, if there is one.
    reached : list of Batch
        Those that backward passes have reached since the last :meth:`clear`.
    """

    def __init__(self, model):
        self.model, self.open, self.reached = model, None, []
        self._handles = []

    def listen(self):
        if self._handles:
            return
        self._handles = [
            self.model.register_forward_pre_hook(Hook(self._called), with_kwargs=True),
            self.model.register_forward_hook(Hook(self._returned)),
        ]

    def deafen(self):
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self.open = None
        self.clear()

    def clear(self):
        self.reached = []

    def _called(self, model, args, kwargs):
        self.open = Batch(args, kwargs) if in_training() else None

    def _returned(self, model, args, out):
        batch, self.open = self.open, None
        if batch is None:
            return
        found = tensors(out)
        for tensor in found:
            if tensor.grad_fn is not None:  # a hook on a leaf would stay there
                tensor.register_hook(lambda g: self._reach(batch))
        if not found:  # it is hidden in an object
            self._reach(batch)

    def _reach(self, batch):
        if not batch.reached:
            batch.reached = True
            self.reached.append(batch)


def in_training():
    """Whether a call made now may be one of training: not under ``no_grad``, nor a recomputation.

    Checkpointed modules are called once more by a backward pass. Nor is it one of a report.
    """
    computed_anew = torch._C._current_graph_task_id() != -1
    return torch.is_grad_enabled() and not computed_anew and not UNDER_WAY


class Hook:
    """A function as a hook of a module, which copies and pickles of the module leave behind."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        if torch.compiler.is_compiling():  # a compiled program leaves it out
            return None
        return self.function(*args)

    def __deepcopy__(self, memo):
        return Hook(ignore)

    def __reduce__(self):
        return getattr, (nullcontext(), "__exit__")  # does nothing, and is there without gradtrace


def ignore(*args):
    """To listen to nothing."""
