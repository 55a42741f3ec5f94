"""Gradient norms of a PyTorch model."""

from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np
import torch

from ..expect import given
from .calls import calls_through
from .choose import choose_modules
from .finite import RANGE, ZERO, finite, first_not_finite, first_not_finite_back
from .nested import copied, replace, tensors
from .plain import Survey, first_difference, nearly_same, needs_survey, same_bits
from .record import Recorder, has_slopes
from .snapshot import Snapshot


@dataclass(frozen=True)
class ModelTrace:
    """Natural logarithms of the gradient norms of a PyTorch model, for figures like :class:`~gradtrace.Trace`.

    Attributes
    ----------
    log_h : ndarray of shape (T + 1,)
        ``ln ‖∂L/∂h_t‖``; ``h_{t-1}`` is what step ``t`` takes in, ``h_T`` what the last step gives out. A gradient
        that is exactly zero gives ``-inf``, also where none passes, as after ``detach`` or under ``no_grad``.
        ``nan``: there is none, as for whole numbers such as the tokens that an embedding takes in, or it left the
        float range.
    log_p : dict of str to ndarray of shape (T,)
        The same for each step's contribution to the gradient of a parameter, by its name within the step's module;
        ``nan`` also where a step has none of that name, or does not use it in its call though the model does
        elsewhere. Where a weight is made of others, as by ``weight_norm``, the others are the parameters.
    names : tuple of str
        The module of each step, with the number of the call where a module is called more than once.
    notes : tuple of str
        A sentence for every ``nan`` in ``log_h`` and every call under ``no_grad``, with the name of the module.

    Examples
    --------
    >>> ModelTrace(np.zeros(3), {}, ("0", "2")).names
    ('0', '2')
    """

    log_h: np.ndarray
    log_p: dict[str, np.ndarray]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def trace(model, input, loss, modules=None):
    """``ln ‖∂L/∂h_t‖`` of a PyTorch model, for every layer or every step in time.

    A step is one call of a chosen module, hooks included. Its state is the first argument, for recurrent modules the
    memory (both parts for an LSTM); for a cell of your own, the argument that is what its last call gave out. It may
    be a tensor, or a list, tuple, dict or dataclass of tensors. Activations and the
    sum of a residual connection, between two calls, thus belong to the earlier step. After the last call only
    modules without parameters that keep the shape count to the step. A state that is a constant is measured
    through that call alone. A whole sequence in one ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` is unrolled.

    The model is left as it was, even if it raises: ``.grad``, buffers such as running averages, the tensors, lists,
    dicts and dataclasses that modules keep, hooks and the state of the random numbers (PyTorch's, numpy's and
    Python's). Whatever else its ``forward`` keeps stays changed.

    The loss is bit for bit that of the model without a trace; an unrolled RNN rounds differently. Where a module may
    take several arguments, or is given a copy because its state has no gradient, the model runs once more, without a
    trace, and the two losses are compared: the model's hooks and the loss then run twice.

    Where gradients leave the float range, PyTorch's pass back is done once more step by step, each from a gradient
    near one, as :func:`gradtrace.trace` does. That needs a chain: where something but the loss bypasses a state,
    norms past the range are ``nan``. In float32 it begins at 1e-38; ``model.double()`` has more.

    Parameters
    ----------
    model : torch.nn.Module
        In training or evaluation mode, as you want it traced.
    input : Tensor or tuple
        What the model is called with; a tuple holds several arguments. Floats are finite, but a mask may hold
        ``-inf``.
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
        recurrent, or an RNN is bidirectional, projected or fed a packed sequence; a state holds no tensors; the loss
        is not one finite number that depends on the model, or differs from the loss without a trace, or a gradient
        is not finite though it need not be past the float range: the error names the module.

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
    inputs = expect_arguments(model, input, loss)
    chosen = choose_modules(model, modules)
    with ExitStack() as stack:
        for context in (torch.inference_mode(False), torch.enable_grad()):
            stack.enter_context(context)
        found = stack.enter_context(Snapshot(model, inputs))
        passes = Passes(model, inputs, loss, chosen, found)
        record, total = passes.recorded(stack)
        if not record.calls:
            raise ValueError(f"modules: expected modules that the model calls, got {sorted(chosen.values())}")
        if not torch.isfinite(total):
            raise ValueError(f"loss: expected a finite number, got {total.item()}; {passes.why_not_finite()}")
        if passes.reference is None and record.lent:
            passes.survey()
        if passes.reference is not None:
            passes.compare(total)
        if not total.requires_grad:
            cut = [chosen[call.module] for call in record.calls if call.cut]
            more = f"; {cut[0]} ran under torch.no_grad()" if cut else ""
            raise ValueError(f"loss: expected a number that depends on the model, got one without a gradient{more}")
        log_h, log_p = record.norms(total, passes.refuse_spoilt_gradients)
    names = numbered([chosen[call.module] for call in record.calls])
    return ModelTrace(np.array(log_h), {name: np.array(logs) for name, logs in log_p.items()}, names,
                      notes_on(log_h, record.calls, names))


def expect_arguments(model, input, loss):
    """The arguments of the model as a tuple, if the model, they and the loss are what ``trace`` needs."""
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {given(model)}")
    if not callable(loss):
        raise TypeError(f"loss: expected a function of the model's output, got {given(loss)}")
    if not isinstance(input, tuple | torch.Tensor):
        raise TypeError(f"input: expected a tensor or a tuple, got {given(input)}")
    inputs = input if isinstance(input, tuple) else (input,)
    for i, value in enumerate(inputs):
        if not finite(value, low=True):
            name = f"input[{i}]" if inputs is input else "input"
            raise ValueError(f"{name}: expected finite numbers, or -inf in a mask, got a tensor with NaN or infinity")
    return inputs


class Passes:
    """The passes forward that a trace makes, each from the state in which the model was found.

    Attributes
    ----------
    reference : Tensor or None
        The loss of the plain pass, if there was one.
    """

    def __init__(self, model, inputs, loss, chosen, found):
        self.model, self.inputs, self.loss, self.chosen, self.found = model, inputs, loss, chosen, found
        self.names = {m: f"{name or 'the model'} ({type(m).__name__})" for name, m in model.named_modules()}
        self.reference, self.places, self.writers = None, {}, set()
        floats = [has_slopes(t) for t in tensors(inputs)]
        self.with_slopes = floats
        if needs_survey(chosen, sum(floats)):
            self.survey()

    def recorder(self):
        leaves = [p for p in self.model.parameters() if p.requires_grad]
        return Recorder(leaves, self.chosen, self.places, self.writers)

    def recorded(self, stack):
        """A record of all calls, which ``stack`` closes, and the loss."""
        while True:
            with ExitStack() as attempt:
                record = attempt.enter_context(self.recorder())
                total = self.traced(record)
                if record.written <= self.writers:
                    stack.push(attempt.pop_all())
                    return record, total
            self.writers |= record.written                  # once more, with copies for them

    def plain(self):
        """The loss without a trace."""
        return self._loss(copied(self.inputs))

    def traced(self, record):
        """The loss with every call recorded."""
        place, values = iter(self.with_slopes), copied(self.inputs)
        values = replace(values, lambda t: record.variable(t) if next(place) else t)
        return self._loss(values, record.listening(self.model))

    def _loss(self, values, *contexts):
        self.found.restore()
        with ExitStack() as stack:
            for context in contexts:
                stack.enter_context(context)
            out = self.model(*values)
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
        self.reference = self._loss(values, calls_through({m: partial(survey.wrap, m) for m in self.chosen})).detach()
        flat = tensors(values)
        self.places = survey.places
        self.with_slopes = [has_slopes(t) and ((t is flat[0] and finite(t)) or survey.is_state(t)) for t in flat]

    def compare(self, total):
        """Refuse if the traced model does not do what the plain one does."""
        total = total.detach()
        if same_bits(total, self.reference):
            return
        again = self.plain().detach()
        both = self.reference.item(), again.item()
        if not same_bits(again, self.reference):
            if nearly_same(again, self.reference) and nearly_same(total, self.reference):
                return                                      # sums in another order, as atomic additions on a GPU
            first = first_difference(self.plain, self.plain, self.names)
            raise ValueError(f"model: expected the same loss from the same random numbers, got {both[0]:.6g}, then"
                             f" {both[1]:.6g}, first in {self._who(first)}; keep what it counts or keeps in buffers,"
                             " or use torch.use_deterministic_algorithms(True)")

        def traced():
            with self.recorder() as record:
                self.traced(record)
        first = first_difference(self.plain, traced, self.names)
        raise ValueError(f"{self._who(first)}: expected to compute the same in a trace, got a loss of"
                         f" {total.item():.6g} instead of {both[0]:.6g}; let it return new tensors instead of writing"
                         " into those that others hold, and not ask which tensors have a gradient")

    def _who(self, module):
        return self.names.get(module, "the loss")

    def why_not_finite(self):
        """What made the loss not finite, in half a sentence."""
        first = first_not_finite(self.plain, self.names)
        if first is not None:
            return first
        low = [i for i, value in enumerate(self.inputs) if not finite(value)]
        if low:
            return f"input[{low[0]}] holds -inf, which only a mask may"
        return f"the output of the model is finite: {ZERO} in the loss, or {RANGE}"

    def refuse_spoilt_gradients(self):
        """Raise if a gradient is not finite for another reason than the float range."""
        with self.recorder() as record:
            record.hear = lambda key, g: None
            first = first_not_finite_back(lambda: self.traced(record), record.leaves, self.names)
        if first is not None:
            raise ValueError(f"loss: expected finite gradients, got nan or infinity; {first}")


def numbered(called):
    """The names of the steps, with the number of the call where a name comes several times."""
    often, number = Counter(called), defaultdict(count)
    return tuple(name if often[name] == 1 else f"{name}[{next(number[name])}]" for name in called)


def notes_on(log_h, calls, names):
    """A sentence for every state without a number, and every call that passes no gradient on."""
    notes = [f"{name} ran under torch.no_grad(): it passes no gradient on, which counts as zero, -inf"
             for call, name in zip(calls, names, strict=True) if call.cut]
    states = [*((f"what {name} takes in", call.takes) for call, name in zip(calls, names, strict=True)),
              (f"what {names[-1]} gives out", calls[-1].gives)]
    for t, (what, keys) in enumerate(states):
        if not keys:
            notes.append(f"log_h[{t}], of {what}, is nan: whole numbers, and no state at all, have no gradient")
        elif np.isnan(log_h[t]):
            notes.append(f"log_h[{t}], of {what}, is nan: it left the float range, and something bypasses a state;"
                         " model.double() has more range")
    return tuple(notes)
