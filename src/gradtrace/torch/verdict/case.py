"""All that is known of a model with its batch, loss and optimiser; each found once, when asked."""

import math
from collections import Counter
from functools import cached_property
from itertools import pairwise

import torch

from ..anomalies import find_anomalies
from ..bridge import trace
from ..choose import RECURRENT
from ..layout import CHANNELS_IN_THE_MIDDLE
from ..map import grid
from ..nested import cloned, copied, has_slopes, replace, tensors
from .observe import observe
from .standins import standing_in
from .updates import UPDATES, Updates, few_updates

LEARNT = 0.5
SEED = 0  # of the order in which examples are shuffled


class Case:
    """What the rules judge.

    Attributes
    ----------
    task : Task
    optimizer : Optimizer or None
    steps : object
        As :func:`gradtrace.torch.trace` takes them.
    notes : list of str
        What could not be done, and why.
    """

    def __init__(self, task, optimizer, steps):
        self.task, self.optimizer, self.steps, self.notes = task, optimizer, steps, []

    @cached_property
    def seen(self):
        """One pass forward and back."""
        return observe(self.task)

    @cached_property
    def finite(self):
        """Whether loss and gradients are."""
        grads = [g for g in self.seen.grads.values() if g is not None]
        return all(bool(torch.isfinite(t).all()) for t in [self.seen.total, *grads])

    @cached_property
    def anomalies(self):
        """Where numbers cease to be finite, forward and back."""
        return () if self.finite else find_anomalies_of(self.task)

    @cached_property
    def trace(self):
        """Norms by step, or None with a note."""
        return self.traced(trace, "No curve of norms by step")

    @cached_property
    def grid(self):
        """Norms by layer and step or by block and position, or None where there is no such map."""
        return self.traced(grid, "")

    def traced(self, instrument, note):
        values = self.task.inputs
        given = values.kwargs if values.kwargs else values.args
        try:
            return instrument(self.task.model, given, self.task.loss, self.steps)
        except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
            if note:
                self.notes.append(f"{note}: {error}")
            return None

    @cached_property
    def updates(self):
        """A few updates on the batch; none, with a note, where the model cannot run on."""
        try:
            return self.few_updates()
        except RuntimeError as error:
            self.notes.append(f"No updates were tried, as the model did not run on: {error}")
            return Updates()

    @cached_property
    def more_updates(self):
        """Five times as many, asked for where the few leave a doubt."""
        return self.few_updates(5 * UPDATES)

    def few_updates(self, count=UPDATES):
        return few_updates(self.task, self.optimizer, self.seen.grads, self.shuffled_inputs, count)

    @cached_property
    def in_time(self):
        """The module whose calls or steps the trace consists of, but for a few; empty if none.

        A few is a fifth, as for a head after the last step.
        """
        if self.trace is None:
            return ""
        bases = Counter(name.partition("[")[0] for name in self.trace.names if "[" in name)
        recurrent = {self.task.names[m] or type(m).__name__ for m in self.task.names if is_rnn(m)}
        steps = sum(times for base, times in bases.items() if base in recurrent)
        base, times = bases.most_common(1)[0] if bases else ("", 0)
        return base if max(steps, times) >= 0.8 * len(self.trace.names) else ""

    def batch_norms(self):
        """The name and the shape of what it gave out, of each batch norm in training mode."""
        training = {
            name
            for module, name in self.task.names.items()
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.training
        }
        return [(name, out[0].shape) for name, out in self.seen.outputs if name in training]

    @cached_property
    def chain(self):
        """``(first, last)`` state of the longest chain in the trace; None without a trace.

        Where two steps are no chain, as at the seam of two branches, a new one begins.
        """
        log = self.trace
        if log is None:
            return None
        starts = [0]
        for t, (one, other) in enumerate(pairwise(log.names)):
            if any(note.startswith(f"{one} and {other} are no chain") for note in log.notes):
                starts.append(t + 1)
        ends = [*(start - 1 for start in starts[1:]), len(log.names)]
        return max(zip(starts, ends, strict=True), key=lambda ends: ends[1] - ends[0])

    # names

    @cached_property
    def kinds(self):
        """The class of each module, by name."""
        return {name: type(module).__name__ for module, name in self.task.names.items()}

    def called(self, name):
        """A module in a sentence."""
        return f"{name} ({self.kinds[name]})" if self.kinds.get(name) and name else "the model"

    def first_weights(self):
        """The first module with weights that was called."""
        return next(iter(self.with_weights()), "")

    def last_weights(self):
        """The last one."""
        return next(reversed(self.with_weights()), "")

    def with_weights(self):
        """The modules with matrices of their own, in the order in which they were called."""
        own = {name.rpartition(".")[0] for name, p in self.task.parameters().items() if p.dim() > 1}
        first = {}
        for name, _ in self.seen.outputs:
            first.setdefault(name)
        return [name for name in first if name in own]

    def relative_gradient(self, module):
        """The largest ``‖∂L/∂W‖ / ‖W‖`` of a module's own matrices."""
        found = [0.0]
        for name, p in self.task.parameters().items():
            g = self.seen.grads.get(name)
            if name.rpartition(".")[0] == module and p.dim() > 1 and g is not None and p.any():
                found.append((g.norm() / p.detach().norm()).item())
        return max(found)

    # how far it has come, and how far an update takes it

    @cached_property
    def learnt(self):
        """Whether the loss is less than half of what it is with the examples' outputs exchanged."""
        return bool(0 <= self.loss < LEARNT * self.loss_of_shuffled)

    def update_ratios(self, updates):
        """``‖ΔW‖ / ‖W‖`` over all matrices that moved and that were not zero, by update."""
        big = [
            ratios
            for name, ratios in updates.moved.items()
            if self.task.parameters()[name].dim() > 1 and any(ratios)
        ]
        rows = zip(*big, strict=True)
        return [max(finite_of(row), default=0.0) for row in rows]

    @cached_property
    def feature_axis(self):
        """Which axis of the first input holds its features or channels."""
        modules = {name: module for module, name in self.task.names.items()}
        first = modules.get(self.first_weights())
        return 1 if isinstance(first, CHANNELS_IN_THE_MIDDLE) else -1

    def input_sizes(self):
        """Means and standard deviations of the first input's features, or None without floats.

        Of an input without examples, or of features that never change, there are none.
        """
        first = self.task.first_input()
        if first is None or not has_slopes(first) or first.is_complex() or first.dim() < 2:
            return None
        flat = first.detach().movedim(self.feature_axis, -1).flatten(0, -2).float()
        spread = flat.std(0)
        moves = spread > 0
        if len(flat) < 2 or not moves.any():
            return None
        return flat.mean(0)[moves], spread[moves]

    # what the loss comes to without the model's help

    @cached_property
    def loss_again(self):
        """The loss of a pass that nobody watches; the same but for the order of sums."""
        with torch.no_grad():
            return self.task.run()[1].item()

    @cached_property
    def loss(self):
        return self.seen.total.item()

    @cached_property
    def loss_of_zeros(self):
        """The loss of outputs that are all zero; nan where there is none."""
        return self.loss_with(torch.zeros_like)

    @cached_property
    def loss_of_mean(self):
        """The loss where every example gets the mean output of the batch."""
        return self.loss_with(lambda t: t.mean(0, keepdim=True).expand_as(t) if t.dim() else t)

    @cached_property
    def loss_of_shuffled(self):
        """The loss where every example gets the output of another one."""
        return self.loss_with(lambda t: t[order(len(t))] if t.dim() and len(t) > 1 else t)

    @cached_property
    def loss_of_constant(self):
        """The smaller of the losses of zeros and of the mean output."""
        return min(finite_of([self.loss_of_zeros, self.loss_of_mean]), default=math.nan)

    def loss_with(self, change):
        if self.task.given_loss is None:
            return math.nan
        try:
            with torch.no_grad():
                out = replace(copied(self.seen.out), lambda t: change(t) if has_slopes(t) else t)
                return self.task.loss_of(out).item()
        except (TypeError, ValueError, RuntimeError):
            return math.nan

    def slope_with(self, change):
        """The slope of the loss at other outputs, or None if it has none there."""
        try:
            out = replace(
                copied(self.seen.out),
                lambda t: change(t).requires_grad_() if has_slopes(t) else t,
            )
            leaf = next(t for t in tensors(out) if t.requires_grad)
            return torch.autograd.grad(self.task.loss_of(out), leaf, allow_unused=True)[0]
        except (TypeError, ValueError, RuntimeError, StopIteration):
            return None

    @cached_property
    def broadcast(self):
        """The shapes of output and target if these are blown up against each other, or None."""
        return self.seen.met

    def loss_forgets_order(self):
        """Whether the loss stays as it is where outputs that all differ change places.

        Where the model computes the loss itself, the inputs with the targets' shape do.
        """
        if self.task.given_loss is None:
            _, target = self.broadcast
            places = order(target[0])

            def change(t):
                alike_shape = tuple(t.shape) == tuple(target) and has_slopes(t)
                return t[places.to(t.device)] if alike_shape else t

            inputs = copied(self.task.inputs)
            other = type(inputs)(replace(inputs.args, change), replace(inputs.kwargs, change))
            with torch.no_grad():
                one, two = self.loss_again, self.task.with_inputs(other).run()[1].item()
            return not alike(other, self.task.inputs, 0.0) and abs(one - two) <= 1e-5 * abs(one)
        generator = torch.Generator().manual_seed(SEED)

        def noise(t):
            return torch.randn(t.shape, generator=generator).to(t)

        with torch.no_grad():
            out = replace(copied(self.seen.out), lambda t: noise(t) if has_slopes(t) else t)
            one = self.task.loss_of(out).item()
            places = order(len(next(iter(tensors(out)))))
            other = self.task.loss_of(replace(copied(out), lambda t: t[places.to(t.device)])).item()
        return abs(one - other) <= 1e-5 * abs(one)

    # other inputs

    def one_for_each(self, out):
        """Whether an output has something for each example."""
        first = self.task.first_input()
        found = [t for t in tensors(out) if has_slopes(t) and t.dim()]
        return bool(found) and all(len(first) in t.shape for t in found)

    def lost_at(self):
        """The first module after which, with the examples in another order, all is as before."""
        other = observe(self.task.with_inputs(self.shuffled_inputs))
        pairs = list(zip(self.seen.outputs, other.outputs, strict=False))
        lost = None
        for (name, one), (_, two) in reversed(pairs):
            if not alike(one, two):
                break
            lost = name
        return lost

    @cached_property
    def shuffled_inputs(self):
        """The batch in another order, or None if that is no other batch.

        What has as many rows as the first tensor changes places with it.
        """
        first = self.task.first_input()
        if first is None or first.dim() == 0 or len(first) < 2 or first.is_sparse:
            return None
        places = order(len(first)).to(first.device)

        def change(t):
            return t[places] if t.dim() and len(t) == len(first) and not t.is_sparse else t

        inputs = copied(self.task.inputs)
        other = type(inputs)(replace(inputs.args, change), replace(copied(inputs.kwargs), change))
        return None if alike(other, self.task.inputs, 0.0) else other

    def same_inputs(self):
        """Whether there are several examples, and all tensors that hold one for each are alike."""
        first = self.task.first_input()
        if first is None or first.dim() < 2 or len(first) < 2 or first.is_sparse:
            return False
        found = [t for t in tensors(self.task.inputs) if t.dim() and len(t) == len(first)]
        return all(torch.equal(t, t[:1].expand_as(t)) for t in found)

    def output_with_one_replaced(self):
        """The output where the first example is the second one, or None if that fails."""

        def doubled(t):
            other = t.clone()
            other[0] = t[1]
            return other

        inputs = self.task.replaced_input(doubled)
        if inputs is None:
            return None
        with torch.no_grad():
            out, _ = self.task.with_inputs(inputs).run()
        return next(t for t in tensors(out) if has_slopes(t))

    @cached_property
    def standardised(self):
        """What is seen with every feature of the first input centred and of size one, or None."""

        def centred(t):
            rows = t.movedim(self.feature_axis, -1)
            flat = rows.flatten(0, -2).float()
            spread = flat.std(0)
            found = (flat - flat.mean(0)) / torch.where(spread > 0, spread, 1)
            return found.reshape(rows.shape).movedim(-1, self.feature_axis).to(t.dtype)

        if self.input_sizes() is None:
            return None
        inputs = self.task.replaced_input(centred)
        if inputs is None:
            return None
        return Case(self.task.with_inputs(inputs), self.optimizer, self.steps)

    def loss_if_changed(self, names):
        """The loss where some parameters are replaced by others of the same size."""
        generator = torch.Generator().manual_seed(SEED)
        self.task.restore()
        with standing_in(self.task) as copies, torch.no_grad():
            for name in names:
                p = copies[name]
                size = root(p) or 1.0
                p.copy_(size * torch.randn(p.shape, generator=generator))
            return self.task.run()[1].item()


def find_anomalies_of(task):
    """Where numbers cease to be finite in a pass of the task."""
    names = {m: f"{name or 'the model'} ({type(m).__name__})" for m, name in task.names.items()}
    leaves = [p for p in task.model.parameters() if p.requires_grad]

    def run(look):
        values = copied(task.inputs)
        for t in tensors(values):
            look(t)
            if has_slopes(t):
                leaves.append(t.requires_grad_())
        task.restore()
        values = replace(values, lambda t: cloned(t) if t.requires_grad else t)
        return task.loss_of(task.model(*values.args, **values.kwargs))

    return find_anomalies(run, leaves, names)


def alike(one, other, digits=1e-5):
    """Whether all tensors in two values are the same, to five digits of their size."""
    pairs = list(zip(tensors(one), tensors(other), strict=True))
    for a, b in pairs:
        a, b = a.detach(), b.detach()
        if a.shape != b.shape:
            return False
        if has_slopes(a):
            size = a.abs().max() if a.numel() else 0
            if a.numel() and (a - b).abs().max() > digits * size:
                return False
        elif not torch.equal(a, b):
            return False
    return bool(pairs)


def is_rnn(module):
    return isinstance(module, RECURRENT)


def order(count):
    """A fixed order of ``count`` examples that leaves none in its place."""
    generator = torch.Generator().manual_seed(SEED)
    places = torch.randperm(count, generator=generator)
    found = torch.empty_like(places)
    found[places] = places.roll(1)
    return found


def finite_of(numbers):
    return [number for number in numbers if math.isfinite(number)]


def root(p):
    """The root mean square of a tensor's entries."""
    return p.detach().abs().square().mean().sqrt().item() if p.numel() else 0.0
