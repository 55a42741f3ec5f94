"""Gradient norms of a PyTorch model."""

from dataclasses import dataclass

import numpy as np

from .anomalies import Anomaly
from .arguments import expect_arguments
from .chain import broken_at
from .choose import choose_steps
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
    loss : float
        As the model gives it without a trace, bit for bit.
    status : tuple of str
        What each entry of ``log_h`` is: ``"finite"``, ``"exactly zero"``, ``"no gradient
        (integers)"``, ``"nan"``, ``"overflow"`` or ``"underflow"``. The last two left the float
        range, and no chain of states led around it.
    anomalies : tuple of Anomaly
        Where numbers first cease to be finite, forward and on the way back, if they do. An overflow
        on the way back is one for your optimiser, also where ``log_h`` has the norm all the same.
    coverage : float
        The share of the model's parameters that lie within the steps.

    Examples
    --------
    >>> print(ModelTrace(np.zeros(3), {}, ("0", "2"), loss=0.5, coverage=0.25))
    2 steps, 0 to 2: they cover 25 % of the parameters; loss 0.5
    """

    log_h: np.ndarray
    log_p: dict[str, np.ndarray]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    loss: float = np.nan
    status: tuple[str, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    coverage: float = 1.0

    def __str__(self):
        return in_words(f"{len(self.names)} steps", self.names, self)


def in_words(steps, names, log):
    """A line on the steps and what they cover, one for each anomaly, one for each note."""
    where = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    covered = f"they cover {100 * log.coverage:.3g} % of the parameters"
    first = f"{steps}, {where}: {covered}; loss {log.loss:.6g}"
    return "\n".join([first, *map(str, log.anomalies), *log.notes])


def trace(model, input, loss=None, steps=None):
    """``ln ‖∂L/∂h_t‖`` of a PyTorch model, for every layer or every step in time.

    A step is one call of a chosen module, hooks included. Its state is the first argument, for
    recurrent modules the memory (both parts for an LSTM); for a cell of your own, the argument that
    is what its last call gave out. It may be a tensor, or a list, tuple, dict or dataclass of
    tensors. Activations and the sum of a residual connection, between two calls, thus belong to the
    earlier step. After the last call only modules without parameters that keep the shape count to
    the step. A state that is a constant is measured through that call alone. The steps stand in the
    order of their calls; where that is no chain, as of two branches, ``notes`` says so.

    A whole sequence in one ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` is unrolled: a step is one time of
    all layers. In two directions it is one time of one layer in one direction, and the reverse one
    begins at the end.

    The model is left as it was, even if it raises: weights, ``.grad``, ``requires_grad``, training
    flags, buffers such as running averages, the tensors, arrays, lists, dicts and dataclasses that
    modules keep, hooks, and the state of the random numbers (PyTorch's, numpy's, Python's, and of
    generators that modules keep). What the loss, a hook or other objects count and collect stays
    changed, so that you can look on.

    The loss is bit for bit that of the model without a trace; only where a GPU draws the dropout
    between the layers of an RNN, it is one of another draw. Data parallel and compiled models run
    as the module inside, in this process alone and as it is written. Where a module may take
    several arguments, or is given a copy because its state has no gradient, the model runs once
    more, without a trace, and the two losses are compared: the model's hooks and the loss then run
    twice. A module that asks whether its only argument has a gradient is told that it has one.

    A loss or gradient that is not finite is explained: ``anomalies`` names the first module whose
    numbers are not, and the range of its input.

    Where gradients leave the float range, PyTorch's pass back is done once more step by step, each
    from a gradient near one, as :func:`gradtrace.trace` does. That needs a chain: where something
    but the loss bypasses a state, norms past the range are ``nan``. In float32 it begins at 1e-38;
    ``model.double()`` has more. Hooks on gradients act as without a trace; the norms of those that
    they change, or make ``nan``, are not put right. ``log_p`` is taken before hooks on parameters.

    Parameters
    ----------
    model : torch.nn.Module
        In training or evaluation mode, as you want it traced.
    input : Tensor, tuple, mapping or dataclass
        What the model is called with. A tuple holds several arguments, a mapping keywords, as the
        batches of many libraries do; where the model does not know these, it is one argument, as
        is a dataclass or a named tuple.
    loss : callable, optional
        What the model returns to the number ``L``. Otherwise the model computes it: it is the
        output, or its ``loss``, as an attribute or under that key.
    steps : str, type, Module, or list of these, optional
        Which modules are the steps: by name (as in ``model.named_modules()``), by class, or
        themselves. Otherwise all recurrent modules, if there are any; else the blocks, which are
        the modules of one class that stand side by side, wherever they stand, as in the four stages
        of a ResNet or in the encoder and the decoder, and what stands in one ``Sequential`` with
        them; else the layers. ``coverage`` says how much of the model that is.

    Returns
    -------
    ModelTrace

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind, no chosen module is called, or one lies within another; a
        part of the model is TorchScript, or lazy and was not called yet; a state holds no tensors;
        the loss is not one number that depends on the model, or differs from the loss without a
        trace: the error names the module.

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
    chosen = choose_steps(model, steps)
    with recorded_pass(model, inputs, loss, chosen) as (record, total, passes):
        log_h, status, log_p = norms(record, total, passes.explain)
        gaps = broken_at(record, log_h)
    names, anomalies = record.names(), passes.anomalies or ()
    return ModelTrace(
        np.array(log_h),
        {name: np.array(logs) for name, logs in log_p.items()},
        names,
        notes_on(record.calls, status, names, gaps),
        total.item(),
        tuple(status),
        anomalies,
        passes.coverage(record),
    )


WHY = {
    "no gradient (integers)": "whole numbers, and no state at all, have no gradient",
    "nan": "the gradient holds nan itself, as the anomalies say, or a hook made it so",
    "overflow": (
        "it left the float range where something bypasses a state (model.double() has more range),"
        " or is infinite itself, as the anomalies say"
    ),
    "underflow": (
        "it left the float range where something bypasses a state (model.double() has more range),"
        " or a hook changed a gradient on its way"
    ),
}


def notes_on(calls, status, names, gaps):
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
    states = [*(f"what {name} takes in" for name in names), f"what {names[-1]} gives out"]
    for t, (what, word) in enumerate(zip(states, status, strict=True)):
        if word in WHY:
            notes.append(f"log_h[{t}], of {what}, is nan: {WHY[word]}")
    return tuple(notes)
