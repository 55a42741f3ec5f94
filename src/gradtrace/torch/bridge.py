"""Gradient norms of a PyTorch model."""

from dataclasses import dataclass

import numpy as np

from .arguments import expect_arguments
from .chain import broken_at
from .choose import choose_modules
from .norms import norms
from .passes import recorded_pass


@dataclass(frozen=True)
class ModelTrace:
    """Logarithms of the gradient norms of a PyTorch model, as in a :class:`~gradtrace.Trace`.

    Attributes
    ----------
    log_h : ndarray of shape (T + 1,)
        ``ln ‖∂L/∂h_t‖``; ``h_{t-1}`` is what step ``t`` takes in, ``h_T`` what the last step gives
        out. A gradient that is exactly zero gives ``-inf``, also where none passes, as after
        ``detach`` or under ``no_grad``. ``nan``: there is none, as for whole numbers such as the
        tokens that an embedding takes in, or it left the float range.
    log_p : dict of str to ndarray of shape (T,)
        The same for each step's contribution to the gradient of a parameter, by its name within the
        step's module; ``nan`` also where a step has none of that name, or does not use it in its
        call though the model does elsewhere. Where a weight is made of others, as by
        ``weight_norm``, the others are the parameters.
    names : tuple of str
        The module of each step, with the number of the call where a module is called more than
        once.
    notes : tuple of str
        A sentence for every ``nan`` in ``log_h``, every call under ``no_grad`` and every step to
        which the next one passes no gradient back, with the name of the module.

    Examples
    --------
    >>> ModelTrace(np.zeros(3), {}, ("0", "2")).names
    ('0', '2')
    """

    log_h: np.ndarray
    log_p: dict[str, np.ndarray]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def trace(model, input, loss=None, modules=None):
    """``ln ‖∂L/∂h_t‖`` of a PyTorch model, for every layer or every step in time.

    A step is one call of a chosen module, hooks included. Its state is the first argument, for
    recurrent modules the memory (both parts for an LSTM); for a cell of your own, the argument that
    is what its last call gave out. It may be a tensor, or a list, tuple, dict or dataclass of
    tensors. Activations and the sum of a residual connection, between two calls, thus belong to the
    earlier step. After the last call only modules without parameters that keep the shape count to
    the step. A state that is a constant is measured through that call alone. A whole sequence in
    one ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` is unrolled. The steps stand in the order of their
    calls; where that is no chain, as of two branches, ``notes`` says so.

    The model is left as it was, even if it raises: ``.grad``, buffers such as running averages, the
    tensors, lists, dicts and dataclasses that modules keep, hooks and the state of the random
    numbers (PyTorch's, numpy's and Python's). Whatever else its ``forward`` keeps stays changed.

    The loss is bit for bit that of the model without a trace; an unrolled RNN rounds differently.
    Where a module may take several arguments, or is given a copy because its state has no gradient,
    the model runs once more, without a trace, and the two losses are compared: the model's hooks
    and the loss then run twice. A module that asks whether its only argument has a gradient is told
    that it has one.

    Where gradients leave the float range, PyTorch's pass back is done once more step by step, each
    from a gradient near one, as :func:`gradtrace.trace` does. That needs a chain: where something
    but the loss bypasses a state, norms past the range are ``nan``. In float32 it begins at 1e-38;
    ``model.double()`` has more. Hooks on gradients act as without a trace; the norms of those that
    they change, or make ``nan``, are not put right. ``log_p`` is taken before hooks on parameters.

    Parameters
    ----------
    model : torch.nn.Module
        In training or evaluation mode, as you want it traced.
    input : Tensor or tuple
        What the model is called with; a tuple holds several arguments. Floats are finite, but a
        mask may hold ``-inf``.
    loss : callable
        What the model returns to the number ``L``.
    modules : str, type, Module, or list of these, optional
        Which modules are the steps: by name (as in ``model.named_modules()``), by class, or
        themselves. Otherwise the recurrent module, if there is one; else the modules with
        parameters in the longest ``Sequential`` or ``ModuleList``, the outermost of these; else all
        innermost modules with parameters.

    Returns
    -------
    ModelTrace

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind, no chosen module is called, one lies within another, two
        of them are recurrent, or an RNN is bidirectional, projected or fed a packed sequence; a
        state holds no tensors; the loss is not one finite number that depends on the model, or
        differs from the loss without a trace, or a gradient is not finite though it need not be
        past the float range: the error names the module.

    Notes
    -----
    Source: Grosse and Ba (2019), "the Jacobians multiply", for a net of your own.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for layer in range(10)])
    >>> log = trace(model, torch.ones(2, 4), lambda out: out.pow(2).sum())
    >>> log.log_h.shape, log.log_p["weight"].shape, log.names[-1]
    ((11,), (10,), '9')
    """
    model, inputs, loss = expect_arguments(model, input, loss)
    chosen = choose_modules(model, modules)
    with recorded_pass(model, inputs, loss, chosen) as (record, total, explain):
        log_h, log_p = norms(record, total, explain)
        gaps = broken_at(record, log_h)
    names = record.names()
    return ModelTrace(
        np.array(log_h),
        {name: np.array(logs) for name, logs in log_p.items()},
        names,
        notes_on(log_h, record.calls, names, gaps),
    )


def notes_on(log_h, calls, names, gaps):
    """A sentence for every state without a number, and every call that passes no gradient on.

    And for every step of ``gaps``, to which the next one passes nothing back.
    """
    notes = [
        f"{name} ran under torch.no_grad(): it passes no gradient on, which counts as zero, -inf"
        for call, name in zip(calls, names, strict=True)
        if call.cut
    ]
    for t in gaps:
        notes.append(
            f"{names[t]} and {names[t + 1]} are no chain: no gradient passes from what"
            f" {names[t + 1]} takes in to what {names[t]} gives out"
        )
    states = [
        *((f"what {name} takes in", call.takes) for call, name in zip(calls, names, strict=True)),
        (f"what {names[-1]} gives out", calls[-1].gives),
    ]
    for t, (what, keys) in enumerate(states):
        if not keys:
            notes.append(
                f"log_h[{t}], of {what}, is nan:"
                " whole numbers, and no state at all, have no gradient"
            )
        elif np.isnan(log_h[t]):
            notes.append(
                f"log_h[{t}], of {what}, is nan: it left the float range where something bypasses a"
                " state (model.double() has more range), or a hook changed a gradient on its way"
            )
    return tuple(notes)
