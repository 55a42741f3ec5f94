"""The gradients of an optimiser's parameters, as backward passes leave them and as it gets them."""

import sys

import torch

from .measure import entries, waiting_norms


def norms_of(tensors):
    """The norm of each tensor, as :func:`log_norms` takes it; nothing waits for the device."""
    return [waiting_norms(entries(tensor).reshape(1, -1)) for tensor in tensors]


def scaler_of_step():
    """The ``GradScaler`` through which the optimiser is called, if there is one that scales.

    It stands on the stack above the call of ``step``; nowhere else does PyTorch keep it.
    """
    frame = sys._getframe(1)
    while frame is not None:
        caller = frame.f_locals.get("self") if frame.f_code.co_name == "step" else None
        if isinstance(caller, torch.amp.GradScaler) and caller.is_enabled():
            return caller
        frame = frame.f_back
    return None


def parameters_of(optimizer):
    return [p for group in optimizer.param_groups for p in group["params"]]


class Received:
    """What comes to the parameters' ``.grad`` until the optimiser takes it.

    Parameters
    ----------
    ended : callable
        Called at the end of every backward pass that reached a parameter, also one within another.
    """

    def __init__(self, ended):
        self.ended = ended
        self._handles, self._tasks = {}, set()

    def listen(self, parameters):
        """Hear of every backward pass that reaches one of the parameters, and of no other."""
        parameters = {*parameters}
        for p in self._handles.keys() - parameters:
            self._handles.pop(p).remove()
        for p in parameters:
            if p not in self._handles and p.requires_grad:
                self._handles[p] = p.register_post_accumulate_grad_hook(self._accumulated)

    def deafen(self):
        for handle in self._handles.values():
            handle.remove()
        self._handles.clear()
        self._tasks.clear()

    def _accumulated(self, p):
        task = torch._C._current_graph_task_id()
        if task not in self._tasks:  # the first parameter that this pass reaches
            self._tasks.add(task)
            queue_callback(self._others_first)

    def _others_first(self):
        queue_callback(self._ended)  # after those that are queued by now, as of a parallel model

    def _ended(self):
        self._tasks.clear()
        with torch.no_grad():
            self.ended()


def queue_callback(function):
    """Have a function called when the backward pass under way is over."""
    torch.autograd.Variable._execution_engine.queue_callback(function)
