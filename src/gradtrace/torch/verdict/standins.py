"""A model with other parameters for a while: copies that may be changed."""

from contextlib import contextmanager

import torch


@contextmanager
def standing_in(task):
    """While it lasts, a task's model computes with copies of its parameters; ``{name: copy}``.

    The model's own parameters are not touched, nor are their gradients and versions. Wherever they
    are held, in modules, in lists as those of recurrent modules, or in what the loss holds, the
    copies are in their place.
    """
    own = task.parameters()
    copies = {name: copy_of(p) for name, p in own.items()}
    task.found.stands = {id(p): copies[name] for name, p in own.items()}
    try:
        task.restore()
        yield copies
    finally:
        task.found.stands = {}
        task.restore()


def copy_of(p):
    """Another parameter with the same numbers, and the hooks that the user has given to it."""
    copy = torch.nn.Parameter(p.detach().clone(), p.requires_grad)
    for hook in (p._backward_hooks or {}).values():
        copy.register_hook(hook)
    for hook in (p._post_accumulate_grad_hooks or {}).values():
        copy.register_post_accumulate_grad_hook(hook)
    return copy
