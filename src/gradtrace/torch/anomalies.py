"""Where numbers cease to be finite: the first operation forward, and the first on the way back."""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from .calls import calls_through
from .nested import at_hand, has_slopes, is_plain, numbers_in

# Infinite at one finite argument, past no range: the others that give infinity overflow.
POLES = {"div", "reciprocal", "rsqrt", "pow", "log", "log2", "log10", "log1p", "digamma", "lgamma"}
UNDEFINED = "0/0, ∞ - ∞, 0 · ∞, or the root or logarithm of a negative number"


@dataclass(frozen=True)
class Anomaly:
    """The first operation whose result is not finite though all that it was computed from is.

    Attributes
    ----------
    way : str
        ``"forward"`` or ``"backward"``.
    kind : str
        ``"nan"``; ``"overflow"``: past the range of the dtype; ``"division by zero"``: infinite,
        as is also the logarithm of zero or the slope of a root there.
    module : str
        The innermost module that computed it, or whose way back it is; ``"the loss"``, ``"the
        input"``.
    operation : str
        Of PyTorch, such as ``"sqrt"``; the name of a parameter or argument that was not finite.
    low, high : float
        The range of the numbers that the module took in on the way forward.
    cause : str
        In words.

    Examples
    --------
    >>> print(Anomaly("forward", "nan", "2 (Root)", "sqrt", -1.0, 3.0, "look for a root"))
    forward, nan first in 2 (Root), at sqrt; its input lies between -1 and 3: look for a root
    """

    way: str
    kind: str
    module: str
    operation: str
    low: float
    high: float
    cause: str

    def __str__(self):
        between = ""
        if self.low <= self.high:
            between = f"; its input lies between {self.low:.4g} and {self.high:.4g}"
        return (
            f"{self.way}, {self.kind} first in {self.module}, at {self.operation}{between}:"
            f" {self.cause}"
        )


MASKED_ALONE = Anomaly(
    *("forward", "overflow", "the input", "its numbers", -math.inf, math.nan),
    cause="-inf, which only a mask may hold, reaches the loss",
)


class Opened(NamedTuple):
    """A call of a module that is under way, and the range of what it took in."""

    who: str
    low: float
    high: float


def find_anomalies(run, leaves, names):
    """The first anomaly that reaches the loss, and the first one back that reaches a leaf.

    Parameters
    ----------
    run : callable
        A pass of the model that returns the loss; it calls the function that it is given with every
        tensor among the inputs.
    leaves : list of Tensor
        What the way back has to reach, known after the pass.
    names : dict of Module to str
    """
    watch = Watch(names)

    def look(tensor):
        watch.expect_finite(tensor, "the input", "its numbers", "look for them in the data")

    for module, who in names.items():
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, held in own:
            watch.expect_finite(held, who, f"its {name}", "load or initialise it anew")
    with calls_through({m: partial(watch.wrap, m) for m in names}), watch:
        total = run(look)
        found = [watch.born_with(total)]
        if not finite(total) and found == [None]:
            watch.enter([total], MASKED_ALONE)
            found = [MASKED_ALONE]
        if total.requires_grad:
            watch.claim(total)
            watch.way = "backward"
            grads = torch.autograd.grad(total, leaves, allow_unused=True)
            found += [watch.born_with(g) for g in grads if g is not None]
    reached = {id(anomaly) for anomaly in found}
    first = {}
    for anomaly in watch.anomalies:
        if id(anomaly) in reached:
            first.setdefault(anomaly.way, anomaly)
    return tuple(first.values())


class Watch(TorchDispatchMode):
    """Looks at what every operation returns, and remembers what is not finite from where.

    Attributes
    ----------
    anomalies : list of Anomaly
        In the order of time.
    way : str
        Of the pass that is under way.
    """

    def __init__(self, names):
        super().__init__()
        self.names, self.way, self.anomalies = names, "forward", []
        self.open = [Opened("the loss", torch.nan, torch.nan)]
        self.makers = {}  # by node of the graph: the call that made it
        self.born = {}  # by place in memory: the anomaly that the numbers there come from

    def expect_finite(self, tensor, who, what, cause):
        """Enter an anomaly if a tensor that is there from the start is nan or plus infinity."""
        if not has_slopes(tensor):
            return
        numbers = numbers_in(tensor)
        if (numbers.isnan() | (numbers == torch.inf)).any():
            kind = "nan" if numbers.isnan().any() else "overflow"
            self.enter([tensor], Anomaly("forward", kind, who, what, torch.nan, torch.nan, cause))

    def enter(self, where, anomaly):
        if not any(anomaly is known for known in self.anomalies):
            self.anomalies.append(anomaly)
        self.born |= {memory_of(tensor): anomaly for tensor in where}

    def born_with(self, tensor):
        return None if finite(tensor) else self.born.get(memory_of(tensor))

    # which module it is

    def wrap(self, module, call):
        def seen(*args, **kwargs):
            self.claim([args, kwargs])  # what the enclosing call had made so far
            self.open.append(Opened(self.names[module], *range_of([args, kwargs])))
            try:
                out = call(*args, **kwargs)
                self.claim(out)
                return out
            finally:
                self.open.pop()

        return seen

    def claim(self, value):
        """The innermost open call made all nodes behind ``value`` that have no maker yet."""
        todo = [t.grad_fn for t in at_hand(value)]
        while todo:
            node = todo.pop()
            if node is not None and node not in self.makers:
                self.makers[node] = self.open[-1]
                todo += [before for before, _ in node.next_functions]

    # which operation it is

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        taken = [t for t in at_hand([args, kwargs]) if has_slopes(t)]
        places = {memory_of(t) for t in taken}
        bad = [self.born.get(memory_of(t)) for t in taken if not finite(t)]
        before = args, kwargs
        if func._schema.is_mutable:
            before = tree_map(lambda v: v.clone() if isinstance(v, torch.Tensor) else v, before)
        out = func(*args, **kwargs)
        made = [t for t in at_hand(out) if has_slopes(t)]
        spoilt = [t for t in made if not finite(t)]
        for t in made:
            if memory_of(t) not in places:
                self.born.pop(memory_of(t), None)  # of another tensor that was there before
        known = next(filter(None, bad), None)
        if spoilt and known:
            self.enter(spoilt, known)
        elif spoilt and "empty" not in func.__name__:
            masked = bool(bad) or any(v == -torch.inf for v in args if isinstance(v, float))
            if not masked or any(t.isnan().any() for t in spoilt):
                self.enter(spoilt, self.anomaly(func, before, spoilt, masked))
        return out

    def anomaly(self, func, before, spoilt, masked):
        operation, at = func.overloadpacket.__name__.strip("_"), self.open[-1]
        if self.way == "backward":
            node = torch._C._current_autograd_node()
            at = self.makers.get(node, at)
            if node:
                operation = f"the way back of {node.name().partition('Backward')[0].lower()}"
        kind, cause = self.kind(func, before, spoilt, masked)
        return Anomaly(self.way, kind, *at[:1], operation, *at[1:], cause)

    def kind(self, func, before, spoilt, masked):
        """What kind of anomaly an operation is, and its cause."""
        dtype = spoilt[0].dtype
        name, nan = func.overloadpacket.__name__.strip("_"), any(t.isnan().any() for t in spoilt)
        if finite_if_wider(func, *before) or (not nan and name not in POLES):
            return "overflow", (
                f"numbers past the range of {str(dtype).removeprefix('torch.')},"
                f" {torch.finfo(dtype).max:.3g}; scale them down, or compute them in a dtype with"
                " more range"
            )
        if not nan:
            return "division by zero", "look for a root, a logarithm or a division at zero"
        if masked and ("softmax" in name or "attention" in name):
            return "nan", "a row of attention in which everything is masked"
        return "nan", f"look for {UNDEFINED}"


def finite(value):
    """Whether all numbers in ``value`` are finite; those of nested tensors are not looked at."""
    found = [t for t in at_hand(value) if has_slopes(t) and not t.is_nested]
    return all(bool(torch.isfinite(numbers_in(t)).all()) for t in found)


WIDER = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float64,  # float32 has the same range
    torch.float32: torch.float64,
    torch.complex64: torch.complex128,
}


def finite_if_wider(func, args, kwargs):
    """Whether an operation gives finite numbers in a dtype with more range."""

    def wide(value):
        if isinstance(value, torch.Tensor):
            return value.to(WIDER.get(value.dtype, value.dtype))
        return WIDER.get(value, value) if isinstance(value, torch.dtype) else value

    try:
        return finite(func(*tree_map(wide, args), **tree_map(wide, kwargs)))
    except (RuntimeError, TypeError, NotImplementedError):  # the device has none
        return False


def memory_of(tensor):
    """The place of a tensor's numbers, which its views share."""
    if not is_plain(tensor):
        return id(tensor)
    return tensor.device, tensor.untyped_storage().data_ptr()


def range_of(value):
    """The smallest and the largest number in all tensors of ``value``; nan if there is none."""
    ends = []
    for t in at_hand(value):
        if is_plain(t) and t.numel() and not t.is_complex():
            ends += [t.detach().min().item(), t.detach().max().item()]
    return (float(min(ends)), float(max(ends))) if ends else (torch.nan, torch.nan)
