"""What a report is asked about: model, batch and loss, in the forms that people have them in."""

import copy
import inspect
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch.utils.data import DataLoader

from ...expect import given
from ..arguments import (
    Arguments,
    arguments_of,
    described,
    expect_loss,
    expect_model,
    loss_within,
    told_of_loss,
)
from ..aside import aside
from ..nested import copied, has_slopes, is_plain, tensors
from ..snapshot import Snapshot
from ..wrappers import eagerly, named_modules


class Task:
    """A model with a batch, and the loss that it has there.

    Attributes
    ----------
    model : Module
        Without wrappers.
    names : dict of Module to str
        As in ``named_modules()``; the model's own name is empty.
    inputs : Arguments
        What the model is called with.
    target : object
        What the loss takes besides the output; None if it takes nothing else.
    loss : callable
        Of the output alone.
    """

    def __init__(self, model, batch, loss):
        self.model = expect_model(model)
        expect_loss(
            loss,
            "a function of output and target, or of the output, or None for a model that computes"
            " it",
        )
        self.target, self.given_loss, self.pair = None, loss, False
        self.found, self._parameters = None, dict(self.model.named_parameters())
        if loss is None:
            self.loss = Loss(loss_within)
        elif takes_target(loss, batch):
            batch, self.target = expect_pair(batch)
            self.pair, self.loss = True, AgainstTarget(loss, self.target)
        else:
            self.loss = Loss(loss)
        if loss is None and isinstance(batch, list):
            raise TypeError(
                "loss: expected a function of output and target, such as nn.CrossEntropyLoss(), as"
                f" the batch is {described(batch)}, as a DataLoader gives it, got None"
            )
        self.inputs = arguments_of(self.model, batch, "batch")
        expect_examples(self.inputs)
        self.as_given = True
        self.names = named_modules(self.model)

    def parameters(self):
        """``{name: parameter}``, each once; the model's own, also while others stand in."""
        return self._parameters

    @contextmanager
    def as_found(self):
        """While it lasts, :meth:`run` is allowed; what a snapshot keeps is then put back."""
        with ExitStack() as stack:
            for context in (torch.inference_mode(False), torch.enable_grad(), eagerly(), aside()):
                stack.enter_context(context)
            self.found = Snapshot(self.model, self.inputs, *self.loss.state)
            stack.enter_context(self.found)
            yield self

    def run(self, inputs=None, restore=True):
        """The output and the loss, as a tensor of one number.

        Parameters
        ----------
        inputs : Arguments, optional
            In the place of the batch's.
        restore : bool
            Whether buffers and generators are set back first; else they go on as in training.
        """
        if restore:
            self.restore()
        values = copied(self.inputs if inputs is None else inputs)
        with told_of_loss(self.model, values, self.loss.state[0]):
            try:
                out = self.model(*values.args, **values.kwargs)
            except Exception as error:
                error.add_note(f"report: {self.who_raised()} {shapes_of(values)}.")
                raise
        return out, self.loss_of(out)

    def who_raised(self):
        """What the model was called with when it raised an error."""
        if not self.as_given or self.found.stands:
            return (
                "the model, which is as it was, ran on the batch; it raised this where other inputs"
                " or other weights were tried, called with"
            )
        return (
            "the model itself raised this. It needs a batch with which the model runs; the model is"
            " as it was. It was called with"
        )

    def with_inputs(self, inputs):
        """The same task with other inputs of the model."""
        other = copy.copy(self)
        other.inputs, other.as_given = inputs, False
        return other

    def restore(self):
        """Set all that a pass changes back to how it was found."""
        self.found.restore()

    def loss_of(self, out):
        """The loss of an output; its own errors go on, with a note that says when they came."""
        try:
            total = self.loss(out)
        except Exception as error:
            target = f" and a target with {shapes_of(self.target)}" if self.pair else ""
            error.add_note(
                f"report: the loss raised this, given an output with {shapes_of(out)}{target}."
            )
            raise
        if isinstance(total, torch.Tensor) and total.numel() == 1 and total.is_floating_point():
            return total.reshape(())
        got = given(total)
        if isinstance(total, torch.Tensor):
            got = f"shape {tuple(total.shape)}, {total.dtype}"
        if self.given_loss is None:
            raise TypeError(
                "loss: expected a function of output and target, such as nn.CrossEntropyLoss(), as"
                f" the model does not compute one number itself, got None, and {got} from the model"
            )
        raise TypeError(f"loss: expected to return a tensor with one number, got {got}")

    def first_input(self):
        """The first tensor of the batch, or None."""
        return next(iter(tensors(self.inputs)), None)

    def examples(self):
        """How many the batch has, by the first axis of its first tensor; None of a vector."""
        first = self.first_input()
        rows = first is not None and is_plain(first) and first.dim() > 1
        return len(first) if rows else None

    def replaced_input(self, change):
        """The inputs with ``change(tensor)`` for the first usual tensor of floats, or None."""
        done = []

        def once(value):
            if done or not has_slopes(value) or not is_plain(value):
                return value
            done.append(True)
            return change(value.detach())

        args = tuple(once(value) for value in self.inputs.args)
        kwargs = {key: once(value) for key, value in self.inputs.kwargs.items()}
        return Arguments(args, kwargs) if done else None


class Loss:
    """A loss of the output alone.

    Attributes
    ----------
    state : tuple
        What it runs and with what, from where all can be reached that it may change.
    """

    def __init__(self, function, *others):
        self.function, self.state = function, (function, *others)

    def __call__(self, out):
        return self.function(out)


class AgainstTarget(Loss):
    """A loss of output and target, with a copy of the target."""

    def __call__(self, out):
        function, target = self.state
        return function(out, copied(target))


def takes_target(loss, batch):
    """Whether a loss is a function of output and target; by its required arguments."""
    function = loss.forward if isinstance(loss, torch.nn.Module) else loss
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return is_pair(batch)
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in places if p.default is p.empty]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and len(required) < 2:
        return is_pair(batch)
    if len(required) > 2 or not places:
        names = ", ".join(p.name for p in required)
        raise TypeError(
            f"loss: expected a function of output and target, or of the output alone, got one with"
            f" {len(required)} required arguments ({names}); give the others to it yourself,"
            " lambda out: loss(out, …), and the model's input alone as the batch"
        )
    return len(required) == 2


def is_pair(batch):
    return isinstance(batch, list | tuple) and len(batch) == 2


def expect_pair(batch):
    """Input and target of a batch, as a DataLoader gives it."""
    if is_pair(batch):
        return batch
    raise TypeError(
        "batch: expected (input, target), as the loss takes an output and a target, got"
        f" {described(batch)}; {in_place_of(batch)}"
    )


def in_place_of(batch):
    """What to write in the place of a batch that is no pair."""
    if isinstance(batch, Mapping):
        keys = [key for key in batch if isinstance(key, str)]
        pair = f"(batch[{keys[0]!r}], batch[{keys[-1]!r}])" if len(keys) > 1 else "(batch, target)"
        return (
            f"take it apart, {pair}, with those that the model takes by name in a mapping of"
            " their own, ({…}, target)"
        )
    if isinstance(batch, DataLoader):
        return "take one batch from it, next(iter(loader))"
    return "several inputs of the model stand in a tuple or mapping of their own, ((a, b), target)"


def expect_examples(inputs):
    """Raise if there are tensors in a batch, and no numbers in them."""
    found = tensors(inputs)
    if not any(t.numel() for t in found):
        raise ValueError(f"batch: expected at least one example, got {shapes_of(found)}")


def shapes_of(value):
    """The tensors in a value, in words."""
    shapes = [str(tuple(t.shape)) for t in tensors(value)]
    return f"tensors of shape {', '.join(shapes)}" if shapes else "no tensors"
