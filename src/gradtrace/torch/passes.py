"""The passes forward that a trace makes, and what it refuses if they do not fit together."""

from contextlib import ExitStack, contextmanager
from functools import partial

import torch

from ..expect import given
from .anomalies import find_anomalies, finite
from .arguments import told_of_loss
from .calls import calls_through
from .listen import listening
from .nested import cloned, copied, has_slopes, replace, tensors
from .plain import Survey, first_difference, nearly_same, needs_survey, same_bits
from .record import Recorder
from .snapshot import Snapshot
from .wrappers import eagerly, named_modules


@contextmanager
def recorded_pass(model, inputs, loss, chosen, recorder=Recorder):
    """A record of all calls, the loss as a tensor, and the passes that were made for them.

    What cannot be traced is refused. The model is as it was found when the context is left.
    """
    with ExitStack() as stack:
        for context in (torch.inference_mode(False), torch.enable_grad(), eagerly()):
            stack.enter_context(context)
        found = stack.enter_context(Snapshot(model, inputs, *getattr(loss, "state", ())))
        passes = Passes(model, inputs, loss, chosen, found, recorder)
        record, total = passes.recorded(stack)
        if not record.calls:
            raise ValueError(
                f"steps: expected modules that the model calls, got {sorted(chosen.values())}"
            )
        if record.lent or passes.reference is not None:
            passes.compare(total)
        if not torch.isfinite(total):
            passes.explain()
        if not total.requires_grad:
            cut = [chosen[call.module] for call in record.calls if call.cut]
            more = f"; {cut[0]} ran under torch.no_grad()" if cut else ""
            raise ValueError(
                "loss: expected a number that depends on the model, got one without a gradient"
                + more
            )
        yield record, total, passes


class Passes:
    """The passes forward that a trace makes, each from the state in which the model was found.

    Attributes
    ----------
    kind : type
        The class of the recorders.
    reference : Tensor or None
        The loss of the plain pass, if there was one.
    anomalies : tuple of Anomaly or None
        Where numbers cease to be finite; None where nobody has asked.
    """

    def __init__(self, model, inputs, loss, chosen, found, recorder):
        self.model, self.inputs, self.loss = model, inputs, loss
        self.chosen, self.found, self.kind = chosen, found, recorder
        self.names = {
            m: f"{name or 'the model'} ({type(m).__name__})"
            for m, name in named_modules(model).items()
        }
        self.reference, self.places, self.writers, self.anomalies = None, {}, set(), None
        self.with_slopes = [*map(has_slopes, tensors(inputs))]  # which inputs get a gradient
        if needs_survey(chosen, tensors(inputs)):
            self.survey()

    def recorder(self):
        leaves = [p for p in self.model.parameters() if p.requires_grad]
        return self.kind(leaves, self.chosen, self.places, self.writers)

    def recorded(self, stack):
        """A record of all calls, which ``stack`` closes, and the loss."""
        while True:
            with ExitStack() as attempt:
                record = attempt.enter_context(self.recorder())
                total = self.traced(record)
                if record.written <= self.writers:
                    stack.push(attempt.pop_all())
                    return record, total
            self.writers |= record.written  # once more, with copies for them

    def plain(self):
        """The loss without a trace."""
        return self._loss(copied(self.inputs))

    def traced(self, record):
        """The loss with every call recorded."""
        place, values = iter(self.with_slopes), copied(self.inputs)
        values = replace(values, lambda t: record.variable(t) if next(place) else t)
        total = self._loss(values, listening(record, self.model))
        record.leaves = [leaf for leaf in record.leaves if leaf.requires_grad]
        return total

    def _loss(self, values, *contexts):
        self.found.restore()
        with ExitStack() as stack:
            for context in contexts:
                stack.enter_context(context)
            with told_of_loss(self.model, values, self.loss):
                out = self.model(*values.args, **values.kwargs)
        total = self.loss(out)
        if isinstance(total, torch.Tensor) and total.numel() == 1 and total.is_floating_point():
            return total
        got = given(total)
        if isinstance(total, torch.Tensor):
            got = f"shape {tuple(total.shape)}, {total.dtype}"
        raise TypeError(f"loss: expected to return a tensor with one number, got {got}")

    def survey(self):
        """Run plainly, and learn which arguments and which inputs are states."""
        survey, values = Survey(), copied(self.inputs)
        self.reference = self._loss(
            values, calls_through({m: partial(survey.wrap, m) for m in self.chosen})
        ).detach()
        flat = tensors(values)
        self.places = survey.places
        self.with_slopes = [
            has_slopes(t) and ((t is flat[0] and finite(t)) or survey.is_state(t)) for t in flat
        ]

    def compare(self, total):
        """Refuse if the traced model does not do what the plain one does."""
        if self.reference is None:
            self.reference = self.plain().detach()
        total = total.detach()
        if same_bits(total, self.reference):
            return
        again = self.plain().detach()
        both = self.reference.item(), again.item()
        if not same_bits(again, self.reference):
            if nearly_same(again, self.reference) and nearly_same(total, self.reference):
                return  # sums in another order, as atomic additions on a GPU
            first = first_difference(self.plain, self.plain, self.names)
            raise ValueError(
                f"model: expected the same loss from the same random numbers, got {both[0]:.6g},"
                f" then {both[1]:.6g}, first in {self._who(first)}; hold what it counts or keeps in"
                " buffers, or use torch.use_deterministic_algorithms(True)"
            )

        def traced():
            with self.recorder() as record:
                self.traced(record)

        first = first_difference(self.plain, traced, self.names)
        raise ValueError(
            f"{self._who(first)}: expected to compute the same in a trace, got a loss of"
            f" {total.item():.6g} instead of {both[0]:.6g}; let it return new tensors instead of"
            " writing into those that others hold, and not ask which tensors have a gradient"
        )

    def _who(self, module):
        return self.names.get(module, "the loss")

    def explain(self):
        """Find the :attr:`anomalies`, in a pass forward and back without a trace.

        Returns whether numbers are spoilt, not merely too large for one pass back.
        """
        if self.anomalies is None:
            self.anomalies = self.find_anomalies()
        return any((a.way, a.kind) != ("backward", "overflow") for a in self.anomalies)

    def find_anomalies(self):
        leaves = [p for p in self.model.parameters() if p.requires_grad]

        def run(look):
            place, values = iter(self.with_slopes), copied(self.inputs)
            for t in tensors(values):
                look(t)
            for t in tensors(values):
                if next(place):
                    leaves.append(t.requires_grad_())
            return self._loss(replace(values, lambda t: cloned(t) if t.requires_grad else t))

        return find_anomalies(run, leaves, self.names)

    def coverage(self, record):
        """The share of the model's parameters that lie within the steps."""
        modules = {call.module for call in record.calls}
        covered = {p for module in modules for p in module.parameters()}
        size = sum(p.numel() for p in self.model.parameters())
        return sum(p.numel() for p in covered) / size if size else 1.0
