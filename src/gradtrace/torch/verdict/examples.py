"""The batch as it is, and what it becomes in another order or of another size."""

from functools import cached_property

import torch

from ..nested import copied, has_slopes, is_plain, replace, tensors
from .alike import alike, order
from .observe import observe


class Examples:
    """The part of a case that is about the batch; it needs ``task`` and ``seen``."""

    def input_sizes(self):
        """Means and standard deviations of the first input's features, or None without floats.

        Of an input without examples, or of features that never change, there are none.
        """
        first = self.task.first_input()
        if first is None or not has_slopes(first) or first.is_complex() or first.dim() < 2:
            return None
        if not is_plain(first):
            return None
        flat = first.detach().movedim(self.feature_axis, -1).flatten(0, -2).float()
        if len(flat) < 2:
            return None
        spread = flat.std(0)
        moves = spread > 0
        if not moves.any():
            return None
        return flat.mean(0)[moves], spread[moves]

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
        if first is None or not is_plain(first) or first.dim() == 0 or len(first) < 2:
            return None
        places = order(len(first)).to(first.device)

        def change(t):
            return t[places] if is_plain(t) and t.dim() and len(t) == len(first) else t

        inputs = copied(self.task.inputs)
        other = type(inputs)(replace(inputs.args, change), replace(copied(inputs.kwargs), change))
        if alike(other, self.task.inputs, 0.0) or self.output_of(other) is None:
            return None
        return other

    def same_inputs(self):
        """Whether there are several examples, and all tensors that hold one for each are alike."""
        first = self.task.first_input()
        if first is None or not is_plain(first) or first.dim() < 2 or len(first) < 2:
            return False
        found = [t for t in tensors(self.task.inputs) if is_plain(t) and t.dim()]
        found = [t for t in found if len(t) == len(first)]
        return all(torch.equal(t, t[:1].expand_as(t)) for t in found)

    def with_one_replaced(self, place):
        """The inputs with another example at one place; of all tensors that hold one for each."""
        first = self.task.first_input()
        differs = (first != first[place]).flatten(1).sum(1)
        if not differs.any():
            return None
        source = int(differs.argmax())

        def change(t):
            if not is_plain(t) or not t.dim() or len(t) != len(first):
                return t
            other = t.clone()
            other[place] = t[source]
            return other

        inputs = copied(self.task.inputs)
        return type(inputs)(replace(inputs.args, change), replace(inputs.kwargs, change))

    def output_of(self, inputs):
        """What the model gives out for other inputs; None, with a note, where it does not run."""
        try:
            return self.task.with_inputs(inputs).run()[0]
        except Exception as error:  # whatever a model checks
            self.notes.append(
                "With other examples, or the same in another order, the model does not run, so that"
                f" less was asked: {type(error).__name__}: {error}"
            )
            return None

    def padding_at_the_end(self):
        """Which share of the steps of a batch of sequences are padding at their ends; 0 if few are.

        Padding is one and the same symbol, or zeros, after the end of at least half of the
        sequences. Axis 1 is taken for time, unless the recurrent module says otherwise.
        """
        first = self.task.first_input()
        if first is None or not is_plain(first):
            return 0.0
        if first.dim() != (3 if has_slopes(first) else 2):
            return 0.0
        module = {name: module for module, name in self.task.names.items()}.get(self.in_time)
        steps = first.transpose(0, 1) if getattr(module, "batch_first", True) is False else first
        padding = 0 if has_slopes(first) else steps[:, -1].mode().values
        empty = (steps == padding).flatten(2).all(-1) if has_slopes(first) else steps == padding
        runs = empty.flip(1).long().cumprod(1).sum(1)
        if (runs > 1).float().mean() < 0.5:
            return 0.0
        return runs.sum().item() / empty.numel()

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
        if inputs is None or self.output_of(inputs) is None:
            return None
        return type(self)(self.task.with_inputs(inputs), self.optimizer, self.steps)
