"""Gradient norms of a PyTorch model."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch

from ..expect import given
from .record import Recorder

RECURRENT = torch.nn.RNNBase, torch.nn.RNNCellBase


@dataclass(frozen=True)
class ModelTrace:
    """Natural logarithms of the gradient norms of a PyTorch model, for figures like :class:`~gradtrace.Trace`.

    Attributes
    ----------
    log_h : ndarray of shape (T + 1,)
        ``ln ‖∂L/∂h_t‖``; ``h_{t-1}`` is what step ``t`` takes in, ``h_T`` what the last step gives out. A gradient
        that is exactly zero gives ``-inf``. ``nan``: there is none, as for whole numbers, or it left the float range.
    log_p : dict of str to ndarray of shape (T,)
        The same for each step's contribution to the gradient of a parameter, by its name within the step's module;
        ``nan`` also where a step has none of that name.
    names : tuple of str
        The module of each step, with the number of the call where a module is called more than once.

    Examples
    --------
    >>> ModelTrace(np.zeros(3), {}, ("0", "2")).names
    ('0', '2')
    """

    log_h: np.ndarray
    log_p: dict[str, np.ndarray]
    names: tuple[str, ...]


def trace(model, input, loss, modules=None):
    """``ln ‖∂L/∂h_t‖`` of a PyTorch model, for every layer or every step in time.

    A step is one call of a chosen module. Its state is the first argument, for recurrent modules the memory (both
    parts for an LSTM); for a cell of your own, the argument that is what its last call gave out. Activations and the
    sum of a residual connection, between two calls, thus belong to the earlier step. After the last call only
    modules without parameters that keep the shape count to the step. A constant that a step takes in is measured
    through that call alone. A whole sequence in one ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` is unrolled.

    The model is left as it was, even if it raises: ``.grad``, buffers such as running averages, hooks and the state
    of the random numbers. Whatever else its ``forward`` keeps stays changed.

    Where gradients leave the float range, PyTorch's pass back is done once more step by step, each from a gradient
    near one, as :func:`gradtrace.trace` does. That needs a chain: where something but the loss bypasses a state,
    norms past the range are ``nan``. In float32 it begins at 1e-38; ``model.double()`` has more.

    Parameters
    ----------
    model : torch.nn.Module
        In training or evaluation mode, as you want it traced.
    input : Tensor or tuple
        What the model is called with; a tuple holds several arguments.
    loss : callable
        What the model returns to the number ``L``.
    modules : str, type, Module, or list of these, optional
        Which modules are the steps: by name (as in ``model.named_modules()``), by class, or themselves. Otherwise
        the recurrent module, if there is one; else the modules with parameters in the longest ``Sequential`` or
        ``ModuleList``, the outermost of these; else all innermost modules with parameters.

    Returns
    -------
    ModelTrace

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind, no chosen module is called, one lies within another, two of them are
        recurrent, or an RNN is bidirectional, projected or fed a packed sequence; the loss is not one finite number
        that depends on the model.

    Notes
    -----
    Source: Grosse–Ba, "the Jacobians multiply", for a net of your own.

    Examples
    --------
    >>> model = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for layer in range(10)])
    >>> log = trace(model, torch.ones(2, 4), lambda out: out.pow(2).sum())
    >>> log.log_h.shape, log.log_p["weight"].shape, log.names[-1]
    ((11,), (10,), '9')
    """
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {given(model)}")
    if not callable(loss):
        raise TypeError(f"loss: expected a function of the model's output, got {given(loss)}")
    inputs = input if isinstance(input, tuple) else (input,)
    for i, value in enumerate(inputs):
        name = "input" if inputs is not input else f"input[{i}]"
        if inputs is not input and not isinstance(value, torch.Tensor):
            raise TypeError(f"{name}: expected a tensor or a tuple, got {given(value)}")
        if isinstance(value, torch.Tensor) and not torch.isfinite(value).all():
            raise ValueError(f"{name}: expected finite numbers, got a tensor with NaN or infinity")
    chosen = _chosen(model, modules)
    with ExitStack() as stack:
        for context in (torch.inference_mode(False), torch.enable_grad(), _as_found(model)):
            stack.enter_context(context)
        record = stack.enter_context(Recorder([p for p in model.parameters() if p.requires_grad]))
        inputs = [record.variable(value.detach()) if isinstance(value, torch.Tensor) else value for value in inputs]
        with record.listening(model, chosen):
            out = model(*inputs)
        if not record.calls:
            raise ValueError(f"modules: expected modules that the model calls, got {sorted(chosen.values())}")
        total = loss(out)
        if not isinstance(total, torch.Tensor) or total.numel() != 1 or not total.is_floating_point():
            got = f"shape {tuple(total.shape)}, {total.dtype}" if isinstance(total, torch.Tensor) else f"{total!r:.40}"
            raise TypeError(f"loss: expected to return a tensor with one number, got {got}")
        if not torch.isfinite(total):
            raise ValueError(f"loss: expected a finite number, got {total.item()}")
        if not total.requires_grad:
            raise ValueError("loss: expected a number that depends on the model, got one without a gradient")
        log_h, log_p = record.norms(total)
    return ModelTrace(np.array(log_h), {name: np.array(logs) for name, logs in log_p.items()},
                      _names([chosen[call.module] for call in record.calls]))


def _names(called):
    """The names of the steps, with the number of the call where a name comes several times."""
    often, number = Counter(called), defaultdict(count)
    return tuple(name if often[name] == 1 else f"{name}[{next(number[name])}]" for name in called)


def _chosen(model, modules):
    """The modules that are steps, each with its name."""
    named = {module: name for name, module in model.named_modules()}
    found = _by_rule(named) if modules is None else _by_wish(named, modules)
    chosen = {m: named[m] or type(m).__name__ for m in found}
    for m, name in chosen.items():
        if inner := [chosen[part] for part in m.modules() if part in chosen and part is not m]:
            raise ValueError(f"modules: expected none within another, got {inner[0]!r} within {name!r}")
    if len(several := [name for m, name in chosen.items() if isinstance(m, RECURRENT)]) > 1:
        raise ValueError(f"modules: expected one recurrent module, got {several}; choose one of them")
    return chosen


def _by_rule(named):
    if recurrent := [m for m in named if isinstance(m, RECURRENT)]:
        return recurrent
    weighty = {m for m in named if next(m.parameters(), None) is not None}
    if not weighty:
        raise ValueError("model: expected modules that have parameters, got a model without any")
    boxes = [[*dict.fromkeys(child for child in m if child in weighty)] for m in named
             if isinstance(m, torch.nn.Sequential | torch.nn.ModuleList)]
    longest = max(boxes, key=len, default=[])
    return longest if len(longest) > 1 else [m for m in named if m in weighty and not any(True for _ in m.children())]


def _by_wish(named, modules):
    single = isinstance(modules, str | type | torch.nn.Module) and not isinstance(modules, torch.nn.ModuleList)
    if not single and not isinstance(modules, Iterable):
        raise TypeError(f"modules: expected names, classes or modules, got {given(modules)}")
    found = []
    for one in [modules] if single else modules:
        if not isinstance(one, str | type | torch.nn.Module):
            raise TypeError(f"modules: expected names, classes or modules, got {given(one)}")
        these = [m for m, name in named.items()
                 if m is one or name == one or (isinstance(one, type) and isinstance(m, one))]
        if not these:
            raise ValueError(f"modules: expected modules of the model, such as {[*named.values()][1:4]},"
                             f" got {one!r:.60}")
        found += these
    if not found:
        raise ValueError("modules: expected at least one module, got none")
    return found


@contextmanager
def _as_found(model):
    """Undo what a pass through the model does to its buffers and to the state of the random numbers."""
    buffers = [(m, dict(m._buffers)) for m in model.modules()]
    values = [(b, b.clone()) for _, own in buffers for b in own.values() if b is not None]
    devices = {p.device.index for p in model.parameters() if p.is_cuda}
    with torch.random.fork_rng(devices=list(devices)):
        try:
            yield
        finally:
            for m, own in buffers:
                m._buffers.clear()
                m._buffers.update(own)
            with torch.no_grad():
                for b, value in values:
                    if not torch.equal(b, value):
                        b.copy_(value)
