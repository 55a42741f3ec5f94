"""All that is known of a model with its batch, loss and optimiser; each found once, when asked."""

import math
from functools import cached_property

import torch

from ..anomalies import find_anomalies
from ..nested import cloned, copied, has_slopes, replace, tensors
from ..optimizers import each_of
from .alike import finite_of
from .curves import Curves
from .examples import Examples
from .modules import Modules
from .observe import observe
from .references import References
from .updates import UPDATES, Updates, few_updates


class Case(Modules, Curves, References, Examples):
    """What the rules judge.

    Attributes
    ----------
    task : Task
    optimizer : Optimizer, Several or None
    steps : object
        As :func:`gradtrace.torch.trace` takes them.
    notes : list of str
        What could not be done, and why.
    """

    def __init__(self, task, optimizer, steps):
        self.task, self.optimizer, self.steps, self.notes = task, optimizer, steps, []
        self.change, self.wide = None, False  # of the updates, as in `few_updates`

    def groups(self):
        """``(optimiser, group of parameters)`` for all that there are."""
        return [(one, group) for one in each_of(self.optimizer) for group in one.param_groups]

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
    def updates(self):
        """A few updates on the batch; none, with a note, where the model cannot run on."""
        return self.few_updates()

    @cached_property
    def more_updates(self):
        """Five times as many, asked for where the few leave a doubt."""
        return self.few_updates(5 * UPDATES)

    @cached_property
    def without_decay(self):
        """The same case with an optimiser that has no weight decay."""
        other = Case(self.task, self.optimizer, self.steps)
        other.change = decay_off
        return other

    @cached_property
    def in_float32(self):
        """The same case with an optimiser that moves copies of the weights in float32."""
        other = Case(self.task, self.optimizer, self.steps)
        other.wide = True
        return other

    def few_updates(self, count=UPDATES):
        try:
            return few_updates(
                self.task,
                self.optimizer,
                self.seen.grads,
                self.shuffled_inputs,
                count,
                self.change,
                self.wide,
            )
        except RuntimeError as error:
            note = f"No updates were tried, as the model did not run on: {error}"
            if note not in self.notes:
                self.notes.append(note)
            return Updates()

    def update_ratios(self, updates):
        """``‖ΔW‖ / ‖W‖`` over all matrices that moved and were not zero at the start, by update."""
        big = [
            ratios
            for name, ratios in updates.moved.items()
            if self.task.parameters()[name].dim() > 1 and any(ratios) and ratios[0] < math.inf
        ]
        rows = zip(*big, strict=True)
        return [max(finite_of(row), default=0.0) for row in rows]


def decay_off(rule):
    """Switch an optimiser's weight decay off."""
    for group in rule.param_groups:
        if "weight_decay" in group:
            group["weight_decay"] = 0.0


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
