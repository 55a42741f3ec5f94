"""Listening to a PyTorch model: which calls it makes, and the gradients that come back."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import count

import torch

from .nested import cloned, has_slopes, replace, tensors, version


@dataclass
class Call:
    """One step, with the keys of the state it takes, of what it gives out and of its parameters."""

    module: torch.nn.Module
    takes: list[int] = field(default_factory=list)
    gives: list[int] = field(default_factory=list)
    p: dict[str, int] = field(default_factory=dict)
    out: str = ""  # what it gave out instead of tensors
    cut: bool = False  # whether it ran without gradients
    lane: str = ""  # of a recurrent module in two directions, the one of this step
    number: int | None = None  # of the time step, counted through all calls of the module


@dataclass
class Lane:
    """One layer of a recurrent module in one direction, through all of its time steps.

    Attributes
    ----------
    module : Module
    name : str
        The end of the names of its parameters, such as ``"l0"`` or ``"l0_reverse"``.
    start : list of (int, int)
        For each part of its first state the key of a tensor and the place along its first axis.
    h : dict of int to int
        By time, the key of what it gives out.
    """

    module: torch.nn.Module
    name: str
    start: list[tuple[int, int]]
    h: dict[int, int] = field(default_factory=dict)


class Recorder:
    """Watches tensors: when the gradient of one comes by, ``hear(key, g)`` is called with its key.

    Parameters
    ----------
    leaves : list of Tensor
        What the way back has to reach: parameters, and what stands for constants.
    chosen : dict of Module to str
        The modules that are steps, each with its name.
    places : dict of Module to int
        Which argument of each is the state; the first where it is not said.
    writers : set of Module
        Those that write into a state that is a view of another tensor, and are given a copy.

    Attributes
    ----------
    calls : list of Call
    lanes : list of Lane
    lent : bool
        Whether a module was given a copy of its state.
    written : set of Module
        The ``writers`` of this pass; a record has no true norms of those that got no copy.
    hear : callable
        May return what the gradient is to be instead.
    kept : list of Tensor
        By key.
    nodes : list of Node or None
        The node of the graph that made each of them, when it was first watched.
    deaf : set of int
        The keys of tensors that no gradient reaches.
    shared : dict of int to int
        The id of the parameter that a call's alias, by its key, stands for.
    earlier : set
        The nodes of the graph at which calls took their parameters.
    """

    def __init__(self, leaves, chosen, places, writers):
        self.leaves, self.chosen, self.places, self.writers = leaves, chosen, places, writers
        self.calls, self.lanes, self.lent, self.written = [], [], False, set()
        self.end = None  # the tensor that the last call gave out
        self.hear = lambda key, g: None
        self.kept, self.nodes, self.deaf = [], [], set()
        self.shared, self.earlier = {}, set()
        self._keys, self._handles = {}, []  # keys by id and version of a tensor
        self._copies = []  # so that no other gets their ids

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for handle in self._handles:
            handle.remove()
        self.kept.clear()
        self.nodes.clear()
        self._copies.clear()
        self.earlier.clear()

    def variable(self, value):
        """``value``, or where it is a tensor of floats without a gradient a copy that has one."""
        if not has_slopes(value) or value.requires_grad or not torch.is_grad_enabled():
            return value
        leaf = cloned(value.detach()).requires_grad_()
        self.leaves.append(leaf)
        return cloned(leaf)  # which may be changed in place

    def watch(self, value):
        """The keys of the tensors in ``value`` that are no whole numbers."""
        found = []
        for tensor in filter(has_slopes, tensors(value)):
            now = id(tensor), version(tensor)  # a tensor changed in place is another one
            if now not in self._keys:
                key = self._keys[now] = len(self.kept)
                self.kept.append(tensor)  # so that its id is not given to another
                self.nodes.append(tensor.grad_fn)
                if tensor.requires_grad:
                    self._listen(key, tensor)
                else:
                    self.deaf.add(key)
            found.append(self._keys[now])
        return [*dict.fromkeys(found)]

    def _listen(self, key, tensor):
        self.leaves += [tensor] * tensor.is_leaf
        self._handles.append(
            tensor.register_hook(lambda g: None if g is None else self.hear(key, g))
        )

    def enter(self, calls, takes, lane, back):
        """The time steps of one recurrent module, or of one of its lanes, are the next calls.

        Parameters
        ----------
        calls : list of Call
            In the order of time.
        takes : list of int
            The keys of the state in which they begin.
        lane : str
        back : bool
            Whether they begin at the end.
        """
        before = [c for c in self.calls if c.module is calls[0].module and c.lane == lane]
        for t, call in enumerate(calls, len(before)):
            call.lane, call.number = lane, t
        in_order = calls[::-1] if back else calls
        for call in in_order:
            call.takes, takes = takes, call.gives
        self.calls += in_order

    def sequence(self, x, axis):
        """The steps of what a recurrent module reads."""
        return x.unbind(axis)

    def pieces(self, x, sizes):
        """The steps of a packed sequence."""
        return x.split(sizes)

    def step(self, x_t, state, t):
        """What the lowest layer reads at time ``t`` beside its ``state``."""
        return x_t

    def alias(self, call, name, p):
        """The parameter ``p`` for one call only, to tell its contribution apart."""
        alias = torch.ops.aten.alias(p)
        (key,) = self.watch(alias)
        call.p[name], self.shared[key] = key, id(p)
        self.earlier.add(alias.grad_fn)
        return alias

    def of_its_own(self, value):
        """``variable(value)``, or of a view with a gradient a copy under the view's key."""
        if not value.requires_grad or not value._is_view():
            return self.variable(value)
        (key,) = self.watch(value)
        copy = value.clone()
        self._keys[id(copy), copy._version] = key
        self._copies.append(copy)
        return copy

    def states(self):
        """The keys of the states ``h_0 … h_T``."""
        last = self.calls[-1]
        if last.out:
            raise TypeError(
                f"{self.chosen[last.module]}: expected to give out tensors, or lists, tuples, dicts"
                f" or dataclasses of them, as the last step, got {last.out}; choose other steps"
            )
        whole = last.number is not None  # else it may give out more than a state
        gives = last.gives if whole else last.gives[: max(1, len(last.takes))]
        return [*(call.takes for call in self.calls), gives]

    def names(self):
        """The name of each call's module, with the number of the call where there are several."""
        called = [
            f"{self.chosen[call.module]}.{call.lane}".removesuffix(".") for call in self.calls
        ]
        often, counted = Counter(called), defaultdict(count)
        numbers = [
            next(counted[name]) if call.number is None else call.number
            for call, name in zip(self.calls, called, strict=True)
        ]
        return tuple(
            f"{name}[{number}]" if often[name] > 1 else name
            for name, number in zip(called, numbers, strict=True)
        )


class GridRecorder(Recorder):
    """One that also watches what a recurrent module reads.

    Attributes
    ----------
    read : list of (int, int)
        For each call of the module, the key of the sequence and its axis of time.
    slices : dict of int to (int, int)
        For the key of one time step the key of its sequence and its place there, from 0.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.read, self.slices = [], {}

    def sequence(self, x, axis):
        x = self.variable(x)
        (whole,) = self.watch(x)
        self.read.append((whole, axis))
        return x.unbind(axis)

    def pieces(self, x, sizes):
        raise ValueError(
            "steps: expected a recurrent module that reads a tensor, got one that reads a"
            " PackedSequence; gradtrace.torch.trace follows it"
        )

    def step(self, x_t, state, t):
        x_t = AsLate.apply(x_t, state)
        (key,) = self.watch(x_t)
        self.slices[key] = self.read[-1][0], t
        return x_t


class AsLate(torch.autograd.Function):
    """``x`` itself, but as late in the graph as ``state``, so that little lies above it.

    A pass back that ends at ``x`` would else search the graph below ``state``, too.
    """

    @staticmethod
    def forward(ctx, x, state):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return g, None


def separate(out):
    """The parts of ``out`` as others see them: what reaches ``c`` through ``h`` is the cell's."""
    return out if isinstance(out, torch.Tensor) else replace(out, torch.ops.aten.alias)
