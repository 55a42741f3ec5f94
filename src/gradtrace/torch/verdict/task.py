"""What a report is asked about: model, batch and loss, in the forms that people have them in."""

import copy
import inspect
from contextlib import ExitStack, contextmanager

import torch

from ...expect import given
from ..arguments import Arguments, arguments_of, loss_within
from ..nested import copied, has_slopes, tensors
from ..snapshot import Snapshot
from ..wrappers import eagerly, expect_python, named_modules, unwrapped


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
        if not isinstance(model, torch.nn.Module):
            raise TypeError(f"model: expected a torch.nn.Module, got {given(model)}")
        if not (loss is None or callable(loss)):
            raise TypeError(
                f"loss: expected a function of output and target, or of the output, or None for a"
                f" model that computes it, got {given(loss)}"
            )
        self.model = unwrapped(model)
        expect_python(self.model)
        self.target, self.given_loss, self.pair = None, loss, False
        if loss is None:
            self.loss = loss_within
        elif takes_target(loss, batch):
            batch, self.target = expect_pair(batch)
            self.pair, self.loss = True, self.against_target
        else:
            self.loss = loss
        self.inputs = arguments_of(self.model, batch)
        expect_examples(self.inputs)
        self.names = named_modules(self.model)
        self.after_restore = None  # what stand-ins for parameters put back into lists

    def against_target(self, out):
        return self.given_loss(out, copied(self.target))

    def parameters(self):
        """``{name: parameter}``, each once."""
        return dict(self.model.named_parameters())

    @contextmanager
    def as_found(self):
        """While it lasts, :meth:`run` is allowed; model, loss and generators are then put back."""
        with ExitStack() as stack:
            for context in (torch.inference_mode(False), torch.enable_grad(), eagerly()):
                stack.enter_context(context)
            self.found = [stack.enter_context(Snapshot(self.model, self.inputs))]
            if isinstance(self.given_loss, torch.nn.Module):
                nothing = Arguments((), {})
                self.found.append(stack.enter_context(Snapshot(self.given_loss, nothing)))
            stack.enter_context(weights_put_back(self.model))
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
        try:
            out = self.model(*values.args, **values.kwargs)
        except Exception as error:
            sizes = ", ".join(str(tuple(t.shape)) for t in tensors(values))
            error.add_note(
                f"report: the model itself raised this, called with tensors of shape {sizes}."
                " It needs a batch with which the model runs; the model is as it was."
            )
            raise
        return out, self.loss_of(out)

    def with_inputs(self, inputs):
        """The same task with other inputs of the model."""
        other = copy.copy(self)
        other.inputs = inputs
        return other

    def restore(self):
        """Set buffers, generators and all else that a pass changes back to how it was found."""
        for found in reversed(self.found):
            found.restore()
        if self.after_restore is not None:
            self.after_restore()

    def loss_of(self, out):
        """The loss of an output; its own errors go on, with a note that says when they came."""
        total = self.loss(out)
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
        return len(first) if first is not None and first.dim() > 1 else None

    def replaced_input(self, change):
        """The inputs with ``change(tensor)`` for the first tensor of floats, or None."""
        done = []

        def once(value):
            if done or not isinstance(value, torch.Tensor) or not has_slopes(value):
                return value
            done.append(True)
            return change(value.detach())

        args = tuple(once(value) for value in self.inputs.args)
        kwargs = {key: once(value) for key, value in self.inputs.kwargs.items()}
        return Arguments(args, kwargs) if done else None


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
        raise TypeError(
            f"loss: expected a function of output and target, or of the output alone, got one with"
            f" {len(required)} required arguments"
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
        f" {described(batch)}; several inputs of the model stand in a tuple or mapping of their"
        " own, ((a, b), target)"
    )


def expect_examples(inputs):
    """Raise if the first tensor of a batch is empty."""
    first = next(iter(tensors(inputs)), None)
    if first is not None and not first.numel():
        raise ValueError(
            f"batch: expected one example at least, got an input of shape {tuple(first.shape)}"
        )


def described(batch):
    """What was given as a batch, in a few words."""
    if isinstance(batch, torch.Tensor):
        return f"a tensor of shape {tuple(batch.shape)}"
    if isinstance(batch, list | tuple):
        return f"a {type(batch).__name__} of {len(batch)}"
    return given(batch)


@contextmanager
def weights_put_back(model):
    """Undo what a forward pass itself writes into weights, as an embedding's ``max_norm`` does."""
    kept = [(p.data, p.data.clone()) for p in model.parameters()]
    try:
        yield
    finally:
        for data, values in kept:
            if not torch.equal(data, values):
                data.copy_(values)
