"""A few updates on the batch, of copies of the parameters by a copy of the optimiser."""

import copy
import inspect
import math
from dataclasses import dataclass, field
from types import CellType, FunctionType, MethodType

import torch

from ..optimizers import each_of
from .observe import dense, gradients
from .standins import standing_in

UPDATES = 20
PLAIN = 0.01  # of its own length a parameter moves in an update without an optimiser


@dataclass
class Updates:
    """What a few updates on one batch do.

    Attributes
    ----------
    losses : list of float
        Before each update, and after the last; as far as they are finite, and the first that is
        not.
    moved : dict of str to list of float
        ``‖ΔW‖ / ‖W‖`` of each parameter by update; infinite for one that was zero.
    still_zero : set of str
        Parameters whose gradient was exactly zero before the first update and after the last.
    alike : dict of str to float
        Of each matrix of two rows at least, how far its rows are from one another after the last
        update, over how far they are from zero.
    travelled : dict of str to float
        Of each matrix of fewer than 32 bits, how far it is in the end from where it began.
    by_optimizer : bool
        Whether the optimiser was there; else each parameter moves by a hundredth of its length.
    out : object
        What the model gives out after the last update.
    after_shuffle : object
        What it then gives out for the batch in another order.
    """

    losses: list = field(default_factory=list)
    moved: dict = field(default_factory=dict)
    still_zero: set = field(default_factory=set)
    alike: dict = field(default_factory=dict)
    travelled: dict = field(default_factory=dict)
    by_optimizer: bool = False
    out: object = None
    after_shuffle: object = None


def few_updates(
    task, optimizer, first_grads, shuffled, count=UPDATES, change=None, in_float32=False
):
    """Update copies of the parameters ``count`` times on the batch.

    With an optimiser, by a copy of it, which begins with its state. Without one, each parameter
    moves against its gradient by a hundredth of its own length, and one that is zero by a hundredth
    of what a random start would give it: whatever the scale of the loss, that is small, and enough
    to tell a zero start that is by design from units that are dead.

    An optimiser is asked for its step as most loops do it, after the backward pass and without a
    closure; if it wants one, and says so by an error, it gets one.

    ``change(rule)`` is called with each copy of an optimiser first. ``in_float32`` lets these move
    copies in float32, from which the weights are rounded anew for each pass.
    """
    given = task, optimizer, first_grads, shuffled, count, change, in_float32
    try:
        return updates_of(*given, wants_closure)
    except StepFailed as failed:
        if not takes_closure(failed.optimizer):
            raise failed.__cause__ from None
        try:
            return updates_of(*given, takes_closure)
        except StepFailed as again:
            raise again.__cause__ from None


def updates_of(task, optimizer, first_grads, shuffled, count, change, in_float32, with_closure):
    with standing_in(task) as copies:
        moving = {name: in_full(p) for name, p in copies.items()} if in_float32 else copies
        rules = copied_optimizers(each_of(optimizer), task, moving)
        for rule in rules:
            if change is not None:
                change(rule)
            if in_float32:
                widen(rule)
        mover = Mover(task, rules, copies, with_closure, moving)
        seen = Updates(by_optimizer=optimizer is not None)
        start = {n: moving[n].detach().clone() for n, p in copies.items() if is_half(p)}
        seen.moved = {name: [] for name in copies}
        for _ in range(count):
            before = {name: p.detach().clone() for name, p in moving.items()}
            loss = mover.update()
            seen.losses.append(loss)
            for name, p in moving.items():
                seen.moved[name].append(moved(before[name], p.detach()))
            if not math.isfinite(loss):
                return seen
        seen.out, total = task.run(restore=False)
        seen.losses.append(total.item())
        grads = gradients(total, copies)
        for name, g in grads.items():
            zero_now = g is not None and not dense(g).any()
            first = first_grads.get(name)
            if zero_now and first is not None and not first.any():
                seen.still_zero.add(name)
        for name, p in start.items():
            if has_rows(p):
                way = moving[name].detach().float() - p.float()
                seen.travelled[name] = torch.linalg.vector_norm(way).item()
        seen.alike = {name: spread_within(p) for name, p in copies.items() if has_rows(p)}
        if shuffled is not None:
            task.restore()
            seen.out = task.run()[0]
            seen.after_shuffle = task.run(shuffled)[0]
        return seen


class StepFailed(Exception):
    """An optimiser's step ended in an error, which is the cause of this one."""

    def __init__(self, optimizer):
        super().__init__(type(optimizer).__name__)
        self.optimizer = optimizer


class Mover:
    """Moves copies of the parameters by copies of the optimisers, or by plain means."""

    def __init__(self, task, optimizers, copies, with_closure, moving):
        self.task, self.copies = task, copies
        self.moving = moving  # what the optimisers hold: the copies, or these in float32
        self.optimizers = {one: with_closure(one) for one in optimizers}

    def loss(self):
        """The loss, with gradients where an optimiser looks for them."""
        self.round_anew()
        _, total = self.task.run(restore=False)
        leaves = {name: p for name, p in self.copies.items() if p.requires_grad}
        grads = dict.fromkeys(leaves)
        if total.requires_grad and leaves:
            found = torch.autograd.grad(total, [*leaves.values()], allow_unused=True)
            grads = dict(zip(leaves, found, strict=True))
        for name, p in leaves.items():
            p.grad = grads[name]
            if p.grad is not None:
                run_hooks(name, p)
                self.moving[name].grad = p.grad.to(self.moving[name].dtype)
        return total.detach()

    def update(self):
        """Move once; returns the loss before."""
        losses = []

        def closure():
            with torch.enable_grad():
                losses.append(self.loss())
            return losses[-1]

        if not all(self.optimizers.values()) or not self.optimizers:
            closure()
        for one, with_closure in self.optimizers.items():
            before = len(losses)
            try:
                if with_closure:
                    one.step(closure)
                else:
                    one.step()
            except Exception as error:
                if len(losses) > before:  # the model may have raised it
                    raise
                raise StepFailed(one) from error
        if not self.optimizers:
            self.move_plainly()
        self.round_anew()
        return losses[0].item() if losses else closure().item()

    @torch.no_grad()
    def round_anew(self):
        """Give the copies what they stand for in float32."""
        if self.moving is not self.copies:
            for name, p in self.copies.items():
                p.copy_(self.moving[name])

    @torch.no_grad()
    def move_plainly(self):
        for p in self.copies.values():
            if p.grad is not None:
                g = p.grad.to_dense()
                size = torch.linalg.vector_norm(g)
                if size > 0:
                    p -= PLAIN * length(p) * (g / size)


def run_hooks(name, p):
    """Call what a backward pass calls when a gradient is complete."""
    for hook in [*(p._post_accumulate_grad_hooks or {}).values()]:
        try:
            hook(p)
        except Exception as error:
            raise RuntimeError(
                f"a hook of {name}, called when its gradient is complete, takes no copy of it:"
                f" {type(error).__name__}: {error}"
            ) from error


def closure_of(optimizer):
    """The parameter ``closure`` of an optimiser's step, or None."""
    return inspect.signature(type(optimizer).step).parameters.get("closure")


def wants_closure(optimizer):
    """Whether it has to be called with a closure."""
    closure = closure_of(optimizer)
    return closure is not None and closure.default is closure.empty


def takes_closure(optimizer):
    """Whether it can be called with one."""
    return closure_of(optimizer) is not None


def is_half(p):
    """Whether it holds numbers of fewer than 32 bits."""
    return p.is_floating_point() and torch.finfo(p.dtype).bits < 32


def in_full(p):
    """A copy of a parameter, in float32 if it has fewer bits."""
    return torch.nn.Parameter(p.detach().float(), p.requires_grad) if is_half(p) else p


def widen(rule):
    """The state of an optimiser in float32."""
    for state in rule.state.values():
        for key, value in state.items():
            if isinstance(value, torch.Tensor) and is_half(value):
                state[key] = value.float()


def length(p):
    """``‖W‖``, or if that is zero what entries of a random start would come to."""
    size = torch.linalg.vector_norm(p)
    if size > 0:
        return size
    fan_in = p[0].numel() if p.dim() > 1 else p.numel()
    return (p.numel() / max(fan_in, 1)) ** 0.5


def copied_optimizers(optimizers, task, copies):
    """The same rules in the same state, over the copies; the originals are not touched.

    Raises
    ------
    TypeError
        An optimiser that cannot be copied.
    """
    stands_for = {id(p): copies[name] for name, p in task.parameters().items()}
    stands_for |= {id(copy): copy for copy in copies.values()}
    stands_for |= {id(module): module for module in task.model.modules()}  # copies are inside
    twins = [object.__new__(type(one)) for one in optimizers]
    stands_for |= {id(one): twin for one, twin in zip(optimizers, twins, strict=True)}
    for one, twin in zip(optimizers, twins, strict=True):
        for key, value in vars(one).items():
            if "hook" in key and isinstance(value, dict):
                vars(twin)[key] = type(value)()  # the user's, not to be run here
            elif not callable(getattr(type(one), key, None)):  # a scheduler's step moves the other
                vars(twin)[key] = copied_attribute(value, stands_for, one)
    return twins


def copied_attribute(value, stands_for, optimizer):
    """A copy of what an optimiser keeps; what it calls, with the copies inside."""
    if isinstance(value, MethodType):
        return MethodType(value.__func__, stands_for.get(id(value.__self__), value.__self__))
    if isinstance(value, FunctionType):
        return with_cells(value, stands_for)
    try:
        return copy.deepcopy(value, stands_for)
    except Exception as error:
        raise TypeError(
            f"optimizer: expected one that copy.deepcopy copies, got {type(optimizer).__name__}:"
            f" {error}"
        ) from error


def with_cells(function, stands_for):
    """The same function, with what stands in for others in what it closes over."""
    cells = function.__closure__ or ()
    held = [cell.cell_contents for cell in cells]
    if not any(id(value) in stands_for for value in held):
        return function
    cells = tuple(CellType(stands_for.get(id(value), value)) for value in held)
    code, variables = function.__code__, function.__globals__
    twin = FunctionType(code, variables, function.__name__, function.__defaults__, cells)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def maximises(optimizer):
    """Whether an optimiser goes up."""
    groups = [] if optimizer is None else optimizer.param_groups
    return any(group.get("maximize") for group in groups)


def moved(before, after):
    """``‖ΔW‖ / ‖W‖``."""
    change = torch.linalg.vector_norm(after - before).item()
    size = torch.linalg.vector_norm(before).item()
    if not change:
        return 0.0
    return change / size if size else math.inf


def has_rows(p):
    """Whether it is a matrix, or a stack of filters, of at least two units."""
    return p.dim() > 1 and len(p) > 1


def spread(p):
    """How far rows lie from their mean, over how far they lie from zero; 0 if all are zero."""
    rows = p.detach().flatten(1)
    size = torch.linalg.vector_norm(rows).item()
    away = torch.linalg.vector_norm(rows - rows.mean(0)).item()
    return away / size if size else 0.0


def spread_within(p):
    """The same within each gate of a recurrent matrix, or each third of an attention's, if less."""
    spreads = [spread(p)]
    for parts in (3, 4):
        if len(p) % parts == 0 and len(p) > parts:
            spreads.append(max(spread(part) for part in p.chunk(parts)))
    return min(spreads)
