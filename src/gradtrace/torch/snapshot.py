"""A model as it was found: what a pass may change, kept and put back."""

import random
from collections import deque
from collections.abc import MutableMapping
from dataclasses import is_dataclass

import numpy as np
import torch

from .nested import parts

OWN_MEMORY = torch.Tensor, torch.nn.Module, type
OF_EVERY_MODULE = {*vars(torch.nn.Module()), "forward", "_call_impl"} - {"_buffers"}


class Snapshot:
    """Buffers, what modules keep as tensors, lists, dicts and dataclasses, and the random numbers.

    ``with Snapshot(model, inputs):`` puts them back at the end, ``restore()`` also in between; of
    objects among the inputs, too. Parameters are not copied.
    """

    def __init__(self, model, inputs):
        self.attributes = []  # (dict of a module, what it held)
        self.boxes = {}  # id: (list, dict, set or dataclass, what it held)
        self.tensors = {}  # id: (tensor, its values, whether it had a gradient)
        objects = [
            value
            for value in inputs
            if hasattr(value, "__dict__") and not isinstance(value, OWN_MEMORY)
        ]
        for one in [*model.modules(), *objects]:
            own = vars(one)
            held = {name: value for name, value in own.items() if name not in OF_EVERY_MODULE}
            self.attributes.append((own, held))
            for value in held.values():
                self._keep(value)
        self.cuda = {p.device.index for p in model.parameters() if p.is_cuda}
        self.random = (
            torch.get_rng_state(),
            {i: torch.cuda.get_rng_state(i) for i in self.cuda},
            random.getstate(),
            np.random.get_state(),  # noqa: NPY002
        )

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
        for _, part in parts(value):
            self._keep(part)

    def restore(self):
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
        with torch.no_grad():
            for tensor, values, had_gradient in self.tensors.values():
                if tensor.requires_grad and not had_gradient and not tensor._is_view():
                    tensor.detach_()
                if not torch.equal(tensor, values):
                    tensor.copy_(values)
        state, cuda, of_python, of_numpy = self.random
        torch.set_rng_state(state)
        for i, of_device in cuda.items():
            torch.cuda.set_rng_state(of_device, i)
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
