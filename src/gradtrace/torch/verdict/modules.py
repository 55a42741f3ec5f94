"""What is known of a model's modules: their names in a sentence, and their weights."""

from functools import cached_property

import torch

from ..layout import CHANNELS_IN_THE_MIDDLE


class Modules:
    """The part of a case that is about modules; it needs ``task`` and ``seen``."""

    @cached_property
    def kinds(self):
        """The class of each module, by name."""
        return {name: type(module).__name__ for module, name in self.task.names.items()}

    def called(self, name):
        """A module in a sentence."""
        return f"{name} ({self.kinds[name]})" if self.kinds.get(name) and name else "the model"

    def with_weights(self):
        """The modules with matrices of their own, in the order in which they were called."""
        own = {name.rpartition(".")[0] for name, p in self.task.parameters().items() if p.dim() > 1}
        first = {}
        for name, _ in self.seen.outputs:
            first.setdefault(name)
        return [name for name in first if name in own]

    def first_weights(self):
        """The first module with weights that was called."""
        return next(iter(self.with_weights()), "")

    def last_weights(self):
        """The last one."""
        return next(reversed(self.with_weights()), "")

    def relative_gradient(self, module):
        """The largest ``‖∂L/∂W‖ / ‖W‖`` of a module's own matrices."""
        found = [0.0]
        for name, p in self.task.parameters().items():
            g = self.seen.grads.get(name)
            if name.rpartition(".")[0] == module and p.dim() > 1 and g is not None and p.any():
                found.append((g.norm() / p.detach().norm()).item())
        return max(found)

    def batch_norms(self):
        """The name and the shape of what it gave out, of each batch norm in training mode."""
        training = {
            name
            for module, name in self.task.names.items()
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.training
        }
        return [(name, out[0].shape) for name, out in self.seen.outputs if name in training]

    @cached_property
    def feature_axis(self):
        """Which axis of the first input holds its features or channels."""
        modules = {name: module for module, name in self.task.names.items()}
        first = modules.get(self.first_weights())
        return 1 if isinstance(first, CHANNELS_IN_THE_MIDDLE) else -1
