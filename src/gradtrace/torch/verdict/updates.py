"""A few updates on the batch, of copies of the parameters by a copy of the optimiser."""

import copy
import math
from dataclasses import dataclass, field

import torch

from ...expect import given
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


def expect_optimizer(optimizer):
    """Raise unless it is one of PyTorch's kind, or None."""
    if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
        inside = getattr(optimizer, "optimizer", None)
        more = "; it has one inside, .optimizer" if inside is not None else ""
        raise TypeError(
            "optimizer: expected a torch.optim.Optimizer over the model's parameters, got"
            f" {given(optimizer)}{more}"
        )


def few_updates(
    task, optimizer, first_grads, shuffled, count=UPDATES, change=None, in_float32=False
):
    """Update copies of the parameters ``count`` times on the batch.

    With an optimiser, by a copy of it, which begins with its state. Without one, each parameter
    moves against its gradient by a hundredth of its own length, and one that is zero by a hundredth
    of what a random start would give it: whatever the scale of the loss, that is small, and enough
    to tell a zero start that is by design from units that are dead.

    ``change(rule)`` is called with the copy of the optimiser first. ``in_float32`` lets that move
    copies in float32, from which the weights are rounded anew for each pass.
    """
    task.restore()
    own = task.parameters()
    with standing_in(task) as copies:
        moving = {name: in_full(p) for name, p in copies.items()} if in_float32 else copies
        rule = None if optimizer is None else copied_optimizer(optimizer, own, moving)
        if change is not None:
            change(rule)
        if in_float32:
            widen(rule)
        mover = Mover(task, rule, copies, moving)
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


class Mover:
    """Moves copies of the parameters by a copy of the optimiser, or by plain means."""

    def __init__(self, task, optimizer, copies, moving):
        self.task, self.optimizer, self.copies = task, optimizer, copies
        self.moving = moving  # what the optimiser holds: the copies, or these in float32

    def loss(self):
        """The loss, with gradients where an optimiser looks for them."""
        _, total = self.task.run(restore=False)
        leaves = {name: p for name, p in self.copies.items() if p.requires_grad}
        grads = dict.fromkeys(leaves)
        if total.requires_grad and leaves:
            found = torch.autograd.grad(total, [*leaves.values()], allow_unused=True)
            grads = dict(zip(leaves, found, strict=True))
        for name in leaves:
            other = self.moving[name]
            g = grads[name]
            other.grad = g if g is None else g.to(other.dtype)
        return total.detach()

    def update(self):
        """Move once; returns the loss before."""
        if self.optimizer is not None:
            losses = []

            def closure():
                with torch.enable_grad():
                    losses.append(self.loss())
                return losses[-1]

            type(self.optimizer).step(self.optimizer, closure)
            if self.moving is not self.copies:
                with torch.no_grad():
                    for name, p in self.copies.items():
                        p.copy_(self.moving[name])
            return losses[0].item() if losses else math.nan
        loss = self.loss().item()
        with torch.no_grad():
            for p in self.copies.values():
                if p.grad is not None:
                    g = p.grad.to_dense()
                    size = torch.linalg.vector_norm(g)
                    if size > 0:
                        p -= PLAIN * length(p) * (g / size)
        return loss


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


def copied_optimizer(optimizer, parameters, copies):
    """The same rule in the same state, over the copies; the original is not touched.

    Raises
    ------
    TypeError
        An optimiser that cannot be copied.
    """
    stands_for = {id(p): copies[name] for name, p in parameters.items()}
    twin = object.__new__(type(optimizer))
    stands_for[id(optimizer)] = twin
    own = {}
    for key, value in vars(optimizer).items():
        if "hook" in key:
            own[key] = type(value)()  # the user's, not to be run here
        elif not callable(value):  # a scheduler's step would move the original
            own[key] = value
    try:
        vars(twin).update(copy.deepcopy(own, stands_for))
    except Exception as error:
        raise TypeError(
            f"optimizer: expected one that copy.deepcopy copies, got {type(optimizer).__name__}:"
            f" {error}"
        ) from error
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
