"""What a model is called with, in the forms that people have it in, and the loss it may compute."""

import inspect
from collections.abc import Mapping
from typing import NamedTuple

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
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {given(model)}")
    if not (loss is None or callable(loss)):
        raise TypeError(f"loss: expected a function of the model's output, got {given(loss)}")
    model = unwrapped(model)
    expect_python(model)
    return model, arguments_of(model, input), loss or loss_within


def arguments_of(model, input):
    """How ``model`` is called with ``input``, as :func:`gradtrace.torch.trace` reads it."""
    if isinstance(input, Mapping):
        named = dict(input) if all(isinstance(key, str) for key in input) else {}
        if named and takes(model, named):
            return Arguments((), named)
    elif type(input) is tuple:
        return Arguments(input, {})
    if isinstance(input, list) or not tensors(input):
        raise TypeError(
            "input: expected a tensor, a tuple of arguments, a mapping of keywords or a dataclass,"
            f" with tensors in it, got {given(input)}; a list that is one argument is (list,)"
        )
    return Arguments((input,), {})


def takes(model, named):
    """Whether a model can be called with these keywords."""
    try:
        inspect.signature(model.forward).bind(**named)
    except TypeError:
        return False
    return True


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
