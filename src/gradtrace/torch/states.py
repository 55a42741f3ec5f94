"""The gradients at the states of a model, heard in its own backward passes."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from .batches import Batch, Hook, in_training
from .listen import is_bare
from .measure import entries, log_norms, waiting_norms
from .nested import has_slopes
from .record import Call, Recorder
from .wrappers import compiled_parts


class Step(NamedTuple):
    """A call, the keys of the tensors in each argument, and the model's call around it, if any."""

    call: Call
    arguments: list
    batch: Batch | None


class Heard:
    """What was heard in one pass: forward, which steps were called, and back, their gradients.

    Attributes
    ----------
    record : Recorder
    steps : list of Step
        Before the pass is over, those of evaluation may be among them.
    norms : dict of int to Tensor
        By key, norms that wait on the device.
    read : dict of str to list
        For each recurrent module that reads sequences, and each of its calls, the number of time
        steps, then the norms of the gradients at what it read, once they are there.
    """

    def __init__(self, chosen):
        self.record = Recorder([], chosen, {}, set())
        self.record.hear = self._hear
        self.steps, self.norms, self.read = [], {}, {}
        self._handles = []

    def _hear(self, key, g):
        self.norms[key] = waiting_norms(entries(g).reshape(1, -1))

    def hear_sequence(self, name, x, axis, sizes):
        """Hear the gradient at what a recurrent module reads, by time.

        ``sizes`` are the batch sizes of a packed sequence; else None.
        """
        slots = self.read.setdefault(name, [])
        place = len(slots)
        slots.append(len(sizes) if sizes else x.shape[axis])

        def hear(g):
            if sizes:
                rows = [waiting_norms(part.reshape(1, -1)) for part in entries(g).split(sizes)]
                slots[place] = torch.cat(rows, dim=1)
            else:
                by_time = entries(g).movedim(axis, 0)
                slots[place] = waiting_norms(by_time.reshape(len(by_time), -1))

        self._handles.append(x.register_hook(hear))

    def over(self):
        """Listen no longer, and hold no tensors of the pass."""
        places = places_of_states(self.steps)
        for call, arguments, batch in self.steps:
            place = places.get(call.module, 0)
            call.takes = arguments[place] if place < len(arguments) else []
            if batch is None or batch.reached:
                self.record.calls.append(call)
        self.record.__exit__()
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def log_h(self):
        """``ln ‖∂L/∂h_t‖`` for all states; a first one that has no gradient is nan."""
        if not self.record.calls:
            return np.zeros(0)
        keys = [*self.norms]
        logs = dict(zip(keys, log_norms([self.norms[key] for key in keys]), strict=True))
        found = []
        for t, keys in enumerate(self.record.states()):
            unknown = t == 0 and self.record.deaf.issuperset(keys)
            if not keys or unknown:
                found.append(math.nan)
            else:
                found.append(
                    np.logaddexp.reduce([2 * logs.get(key, -math.inf) for key in keys]) / 2
                )
        return np.array(found)

    def log_x(self):
        """For each recurrent module that reads sequences ``ln ‖∂L/∂x_t‖`` by time."""
        found = {}
        for name, slots in self.read.items():
            parts = []
            for slot in slots:
                silent = isinstance(slot, int)
                parts.append(np.full(slot, -math.inf) if silent else log_norms([slot]))
            found[name] = np.concatenate(parts)
        return found

    def names(self):
        return self.record.names() if self.record.calls else ()

    def repeated(self):
        """The names of modules that were called again and again, with the places of their calls."""
        places = {}
        for t, call in enumerate(self.record.calls):
            places.setdefault(self.record.chosen[call.module], []).append(t)
        return {name: found for name, found in places.items() if len(found) > 1}


def places_of_states(steps):
    """For each module that is called again, which argument is what its last call gave out.

    The first argument if none is; of PyTorch's cells it is the second.
    """
    places, last = {}, {}
    for step in steps:
        module = step.call.module
        if isinstance(module, torch.nn.RNNCellBase):
            places[module] = 1
        elif module in last and module not in places:
            found = [i for i, keys in enumerate(step.arguments) if last[module].intersection(keys)]
            places[module] = found[0] if found else 0
        last[module] = {*step.call.gives}
    return places


def is_read_by_others(module):
    """Whether what a recurrent module reads gets to others than PyTorch's own ``forward``.

    A ``forward`` of its own may write into it, and have time along any axis; a hook, too, sees it.
    """
    if not isinstance(module, torch.nn.RNNBase):
        return False
    kinds = torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU
    known = [kind.forward for kind in kinds]
    own = type(module).forward not in known or "forward" in vars(module)
    return own or any(not isinstance(hook, Hook) for hook in module._forward_hooks.values())


class States:
    """Listens to the calls of the chosen modules while backward passes come.

    Attributes
    ----------
    last : Heard or None
        Of the last pass that ended.
    """

    def __init__(self, model, chosen, batches):
        self.model, self.chosen, self.batches = model, chosen, batches
        self.last = self._now = None
        self._handles, self._open, self._end = [], [], None

    def listen(self):
        self._now = Heard(self.chosen)
        compiled = compiled_parts(self.model)  # hooks would have them compiled anew
        for m in self.chosen.keys() - compiled:
            rnn = isinstance(m, torch.nn.RNNBase)
            hooks = [(m.register_forward_pre_hook, self._reads if rnn else self._called)]
            if not rnn:
                hooks.append((m.register_forward_hook, self._returned))
            self._register(hooks)
        for m in self.model.modules():
            if m not in self.chosen and m not in compiled and is_bare(m):
                self._register([(m.register_forward_hook, self._carried_on)])

    def _register(self, hooks):
        for register, hook in hooks:
            self._handles.append(register(Hook(hook), with_kwargs=True))

    def deafen(self):
        for handle in self._handles:
            handle.remove()
        self._handles, self._open, self._end = [], [], None
        if self._now is not None:
            self._now.over()
        self.last = self._now = None

    def pass_ended(self):
        heard = self._now
        if heard is None:  # a pass of a callback
            return
        if heard.steps or heard.read:
            heard.over()
            self.last, self._now, self._end = heard, Heard(self.chosen), None

    def _called(self, module, args, kwargs):
        self._open.append(None)
        if in_training():
            watch = self._now.record.watch
            self._open[-1] = [watch(value) for value in [*args, *kwargs.values()]]

    def _returned(self, module, args, kwargs, out):
        takes = self._open.pop() if self._open else None
        if takes is None:
            return
        call = Call(module, gives=self._now.record.watch(out))
        self._now.steps.append(Step(call, takes, self.batches.open))
        cell = isinstance(module, torch.nn.RNNCellBase)
        self._end = out if isinstance(out, torch.Tensor) and not cell else None

    def _carried_on(self, module, args, kwargs, out):
        """Let what an activation makes of the last state be the last state."""
        last = bool(args) and args[0] is self._end and self._end is not None
        if last and isinstance(out, torch.Tensor) and out.shape == self._end.shape:
            self._end = out
            self._now.steps[-1].call.gives = self._now.record.watch(out)

    def _reads(self, rnn, args, kwargs):
        """Hand a recurrent module a sequence that has a gradient, and hear that by time."""
        input = args[0] if args else kwargs.get("input")
        packed = isinstance(input, PackedSequence)
        x = input.data if packed else input
        if not in_training() or not has_slopes(x) or is_read_by_others(rnn):
            return None
        if not x.requires_grad:
            if not any(p.requires_grad for p in rnn.parameters()):
                return None  # what it gives out has no graph, and must not get one
            if x.is_inference():
                return None  # which cannot have a gradient
            x = x.detach().requires_grad_()
            input = input._replace(data=x) if packed else x
        axis = 1 if rnn.batch_first and x.dim() == 3 and not packed else 0
        sizes = input.batch_sizes.tolist() if packed else None
        if not rnn.bidirectional:
            self._now.hear_sequence(self.chosen[rnn], x, axis, sizes)
        return ((input, *args[1:]), kwargs) if args else (args, kwargs | {"input": input})
