"""What a model is called with, in the forms that people have it in, and the loss it may compute."""

import inspect
from collections.abc import Mapping
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from ..expect import given
from .nested import tensors
from .wrappers import expect_python, unwrapped


class Arguments(NamedTuple):
    """What stands before and what stands behind the ``*`` of a call."""

    args: tuple
    kwargs: dict


def expect_arguments(model, input, loss):
    """The model without wrappers, its arguments and the loss, if these are what a trace needs."""
    model = expect_model(model)
    expect_loss(loss, "a function of the model's output")
    return model, arguments_of(model, input), loss or loss_within


def expect_model(model):
    """The model without wrappers, if it is one that can be followed."""
    if not isinstance(model, torch.nn.Module):
        more = ""
        if isinstance(model, type) and issubclass(model, torch.nn.Module):
            more = f"; call it first, {model.__name__}(…)"
        raise TypeError(f"model: expected a torch.nn.Module, got {given(model)}{more}")
    model = unwrapped(model)
    expect_python(model)
    return model


def expect_loss(loss, what):
    """Raise unless a loss is a function, or None."""
    if isinstance(loss, type):
        name = loss.__name__
        raise TypeError(f"loss: expected {what}, got the class {name}; call it first, {name}()")
    if not (loss is None or callable(loss)):
        raise TypeError(f"loss: expected {what}, got {given(loss)}")


def arguments_of(model, input, name="input"):
    """How ``model`` is called with ``input``, as :func:`gradtrace.torch.trace` reads it."""
    if isinstance(input, Mapping):
        named = dict(input) if all(isinstance(key, str) for key in input) else {}
        if named and takes(model, named):
            return Arguments((), named)
    elif type(input) is tuple:
        return Arguments(input, {})
    if isinstance(input, list) or not tensors(input):
        more = "; a list that is one argument is (list,)" if isinstance(input, list) else ""
        more = "; torch.from_numpy makes one" if isinstance(input, np.ndarray) else more
        raise TypeError(
            f"{name}: expected a tensor, a tuple of arguments, a mapping of keywords or a"
            f" dataclass, with tensors in it, got {described(input)}{more}"
        )
    return Arguments((input,), {})


def described(value):
    """What was given as input or batch, in a few words."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, Mapping):
        return f"a {type(value).__name__} with the keys {given([*value])}"
    return given(value)


def takes(model, named):
    """Whether a model can be called with these keywords."""
    return fits(model, Arguments((), named))


def fits(model, inputs):
    """Whether a model's ``forward`` can be called so."""
    try:
        inspect.signature(model.forward).bind(*inputs.args, **inputs.kwargs)
    except TypeError:
        return False
    except ValueError:  # written in C
        return True
    return True


@contextmanager
def told_of_loss(model, inputs, loss):
    """Where a model cannot be called with a pair, and has no loss given, say that it is missing.

    ``loss`` is then :func:`loss_within`. A hook may change the arguments; so this is asked after
    the model has failed.
    """
    try:
        yield
    except TypeError as error:
        if loss is loss_within and len(inputs.args) == 2 and not fits(model, inputs):
            raise TypeError(
                "loss: expected a function of output and target, such as nn.CrossEntropyLoss(), as"
                f" {type(model).__name__} takes no two arguments, got None; was (input, target)"
                " meant?"
            ) from error
        raise


def loss_within(out):
    """The loss that a model has computed itself: ``out``, ``out.loss`` or ``out["loss"]``."""
    if isinstance(out, torch.Tensor):
        return out
    inside = out.get("loss") if isinstance(out, Mapping) else getattr(out, "loss", None)
    if inside is None:
        raise TypeError(
            "loss: expected a function of the model's output, as that has no loss of its own,"
            f" got None, and {given(out)} from the model; many models compute one where they are"
            " given labels"
        )
    return inside
