"""A model as it was found: what a pass may change, kept and put back."""

import random
from collections import deque
from collections.abc import MutableMapping
from dataclasses import is_dataclass

import numpy as np
import torch

from .nested import parts, tensors

OWN_MEMORY = torch.Tensor, torch.nn.Module, type
OF_EVERY_MODULE = {*vars(torch.nn.Module()), "forward", "_call_impl"} - {"_buffers", "training"}


class Snapshot:
    """What a pass may change: see :meth:`restore`.

    ``with Snapshot(model, inputs):`` puts it back at the end, ``restore()`` also in between; of
    objects among the inputs, too. Parameters are not copied.
    """

    def __init__(self, model, inputs):
        self.attributes = []  # (dict of a module, what it held)
        self.boxes = {}  # id: (list, dict, set or dataclass, what it held)
        self.tensors = {}  # id: (tensor, its values, whether it had a gradient)
        self.generators = []  # (function that sets its state, the state)
        self.parameters = [(p, p.requires_grad, p.grad) for p in model.parameters()]
        given = [*inputs.args, *inputs.kwargs.values()]
        objects = [
            value
            for value in given
            if hasattr(value, "__dict__") and not isinstance(value, OWN_MEMORY)
        ]
        for one in [*model.modules(), *objects]:
            own = vars(one)
            held = {name: value for name, value in own.items() if name not in OF_EVERY_MODULE}
            self.attributes.append((own, held))
            for value in held.values():
                self._keep(value)
        for value in given:
            if not tensors(value):  # each pass is called with copies of those
                self._keep(value)
        self.generators += of_library({t.device for t in [*model.parameters(), *model.buffers()]})

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.restore()

    def _keep(self, value):
        if isinstance(value, torch.nn.Parameter | type) or id(value) in self.boxes:
            return
        if isinstance(value, torch.Tensor):
            self.tensors[id(value)] = value, value.detach().clone(), value.requires_grad
        elif isinstance(value, list | deque | set):
            self.boxes[id(value)] = value, [*value]
        elif isinstance(value, MutableMapping):
            self.boxes[id(value)] = value, dict(value)
        elif is_dataclass(value) and hasattr(value, "__dict__"):
            self.boxes[id(value)] = value, dict(vars(value))
        elif state := of_generator(value):
            self.generators.append(state)
        for _, part in parts(value):
            self._keep(part)

    def restore(self):
        """Put back all that was found, as the same objects with the same contents.

        That is: buffers, training flags, what modules keep as tensors, lists, dicts, sets and
        dataclasses, ``.grad`` and ``requires_grad`` of parameters, and the state of all generators
        of random numbers, PyTorch's, numpy's, Python's and the modules' own.
        """
        for own, held in self.attributes:
            for name in [name for name in own if name not in held and name not in OF_EVERY_MODULE]:
                del own[name]
            own.update(held)
        for box, held in self.boxes.values():
            if isinstance(box, list):
                box[:] = held
            else:
                inside = box if isinstance(box, deque | set | MutableMapping) else vars(box)
                inside.clear()
                (inside.extend if isinstance(inside, deque) else inside.update)(held)
        for p, had_gradient, grad in self.parameters:
            if p.requires_grad != had_gradient:
                p.requires_grad_(had_gradient)
            if p.grad is not grad:
                p.grad = grad
        with torch.no_grad():
            for tensor, values, had_gradient in self.tensors.values():
                if tensor.requires_grad and not had_gradient and not tensor._is_view():
                    tensor.detach_()
                if not torch.equal(tensor, values):
                    tensor.copy_(values)
        put_back(self.generators)


def put_back(generators):
    """Set each generator of random numbers to the state that it had."""
    for set_state, state in generators:
        set_state(state)


def of_library(devices):
    """How to set the generators that everybody shares, and the state in which each of them is."""
    states = [
        (torch.set_rng_state, torch.get_rng_state()),
        (random.setstate, random.getstate()),
        (np.random.set_state, np.random.get_state()),  # noqa: NPY002
    ]
    for device in devices:
        library = getattr(torch, device.type, None)
        if device.type == "mps":
            states.append((library.set_rng_state, library.get_rng_state()))
        elif hasattr(library, "get_rng_state") and device.type != "cpu":
            states.append((_set_on(library, device), library.get_rng_state(device)))
    return states


def _set_on(library, device):
    return lambda state: library.set_rng_state(state, device)


def of_generator(value):
    """The same of a generator that somebody holds; None if it is none."""
    if isinstance(value, torch.Generator):
        return value.set_state, value.get_state()
    if isinstance(value, np.random.RandomState):
        return value.set_state, value.get_state()
    if isinstance(value, random.Random):
        return value.setstate, value.getstate()
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator
        return lambda state: setattr(bits, "state", state), bits.state
    return None
