"""What a model was called with, in the calls that backward passes reach."""

import torch

from .arguments import Arguments
from .aside import UNDER_WAY
from .nested import copied, replace, tensors


class Batch:
    """The arguments of one call, held by reference until the update is over.

    Attributes
    ----------
    reached : bool
        Whether a backward pass has reached what the call gave out.
    """

    def __init__(self, args, kwargs):
        self.arguments, self.reached = Arguments(args, kwargs), False
        self._versions = self._versions_now()

    def _versions_now(self):
        return [t._version for t in tensors(self.arguments) if not t.is_inference()]

    def changed(self):
        """Whether a tensor among the arguments was written into since the call began."""
        return self._versions_now() != self._versions

    def kept(self):
        """The arguments in memory of their own, on the host."""
        own = copied(self.arguments)
        return replace(own, lambda t: t.cpu())


class Batches:
    """The calls of a model, evaluation apart.

    A call under ``no_grad``, or one that no backward pass reaches, is evaluation.

    Attributes
    ----------
    open : Batch or None
        Of the call under way, if there is one.
    reached : list of Batch
        Those that backward passes have reached since the last :meth:`clear`.
    """

    def __init__(self, model):
        self.model, self.open, self.reached = model, None, []
        self._handles = []

    def listen(self):
        if self._handles:
            return
        self._handles = [
            self.model.register_forward_pre_hook(Hook(self._called), with_kwargs=True),
            self.model.register_forward_hook(Hook(self._returned)),
        ]

    def deafen(self):
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self.open = None
        self.clear()

    def clear(self):
        self.reached = []

    def _called(self, model, args, kwargs):
        self.open = Batch(args, kwargs) if in_training() else None

    def _returned(self, model, args, out):
        batch, self.open = self.open, None
        if batch is None:
            return
        found = tensors(out)
        for tensor in found:
            if tensor.grad_fn is not None:  # a hook on a leaf would stay there
                tensor.register_hook(lambda g: self._reach(batch))
        if not found:  # it is hidden in an object
            self._reach(batch)

    def _reach(self, batch):
        if not batch.reached:
            batch.reached = True
            self.reached.append(batch)


def in_training():
    """Whether a call made now may be one of training: not under ``no_grad``, nor a recomputation.

    Checkpointed modules are called once more by a backward pass. Nor is it one of a report.
    """
    computed_anew = torch._C._current_graph_task_id() != -1
    return torch.is_grad_enabled() and not computed_anew and not UNDER_WAY


class Hook:
    """A function as a hook of a module, which copies and pickles of the module leave behind."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        if torch.compiler.is_compiling():  # a compiled program leaves it out
            return None
        return self.function(*args)

    def __reduce__(self):
        return Hook, (ignore,)


def ignore(*args):
    """To listen to nothing."""
