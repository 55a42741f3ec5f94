"""Standing by while a PyTorch model runs: every call of a chosen module is entered in a record."""

from contextlib import ExitStack, contextmanager
from functools import partial

import torch

from ..expect import given
from .calls import calls_through, forward_replaced
from .loan import Loan
from .nested import at_hand, parts, tensors
from .record import Call, separate
from .unroll import unrolled
from .weights import in_place_of_parameters

NO_STATE = int, float, complex, str, bytes, list, tuple, dict


@contextmanager
def listening(record, model):
    """Enter the calls of the chosen modules in the record, as long as it lasts."""
    chosen = record.chosen
    bare = [m for m in model.modules() if m not in chosen and is_bare(m)]
    rnns = [m for m in chosen if isinstance(m, torch.nn.RNNBase)]
    wraps = {m: partial(called, record, m) for m in chosen if m not in rnns}
    wraps |= dict.fromkeys(bare, partial(carried_on, record))
    with ExitStack() as stack:
        for rnn in rnns:
            stack.enter_context(forward_replaced(rnn, unrolled(record, rnn)))
        stack.enter_context(calls_through(wraps))
        yield


def called(record, module, run):
    cell = isinstance(module, torch.nn.RNNCellBase)
    place = 1 if cell else record.places.get(module, 0)

    def recorded(*args, **kwargs):
        expect_tensors(record.chosen[module], [args, kwargs])
        if cell:
            args, kwargs = with_start(module, *args, **kwargs), {}
        named = dict(enumerate(args)) | kwargs
        at = [*named][place] if place < len(named) else None
        loan = Loan(record.of_its_own if module in record.writers else record.variable)
        state = named[at] = loan.lend(named.get(at))
        record.lent = record.lent or (bool(loan.copies) and not cell)
        call = Call(module, keys_of_state(record, module, state), cut=not torch.is_grad_enabled())
        versions = [(tensor, tensor._version) for tensor in tensors(state)]
        with in_place_of_parameters(module, partial(record.alias, call), record.earlier) as again:
            others = Loan(again)  # weights that the model hands to the call
            named |= {key: others.lend(value) for key, value in named.items() if key != at}
            args = [named[i] for i in range(len(args))]
            out = run(*args, **{name: named[name] for name in kwargs})
        views = [(t, version) for t, version in versions if t.requires_grad and t._is_view()]
        if any(t._version != version for t, version in views):
            record.written.add(module)  # PyTorch forgets the hook of such a view
        out = separate(loan.give_back(others.give_back(out)))
        call.gives = record.watch(state if out is None else out)  # None: it wrote into its state
        call.out = "" if tensors(out) or call.gives else given(out)
        record.calls.append(call)
        record.end = out if isinstance(out, torch.Tensor) and not cell else None
        return out

    return recorded


def expect_tensors(name, values):
    """Raise if a module is called inside of a transform, where no tensor has numbers of its own."""
    if len(at_hand(values)) < len(tensors(values)):
        raise ValueError(
            f"{name}: expected to be called with tensors, got what stands for them inside of vmap"
            " or another transform of torch.func; choose steps that are called outside of it"
        )


def keys_of_state(record, module, state):
    """The keys of a state; there may be no tensors in it, but not hidden ones."""
    searched = isinstance(state, (torch.Tensor, *NO_STATE)) or parts(state)
    if state is not None and not searched:
        raise TypeError(
            f"{record.chosen[module]}: expected a state of tensors, or of lists, tuples, dicts or"
            f" dataclasses of them, got {given(state)}; hand the tensors over in one of these,"
            " or choose other steps"
        )
    return record.watch(state)


def carried_on(record, run):
    """Let what an activation makes of the last state be the last state."""

    def carried(*args, **kwargs):
        takes = args[0] if args else None
        last = takes is not None and takes is record.end
        out = run(*args, **kwargs)
        if last and isinstance(out, torch.Tensor) and out.shape == takes.shape:
            record.end, record.calls[-1].gives = out, record.watch(out)
        return out

    return carried


def is_bare(module):
    """Whether it has neither parameters nor modules within."""
    return next(module.parameters(), None) is None and next(module.children(), None) is None


def with_start(cell, input, hx=None):
    """The two arguments of a cell, with the zeros that it would begin with."""
    if hx is None:
        zeros = input.new_zeros(*input.shape[:-1], cell.hidden_size)
        hx = (zeros, zeros) if isinstance(cell, torch.nn.LSTMCell) else zeros
    return input, hx
