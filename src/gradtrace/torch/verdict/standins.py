"""A model with other parameters for a while: copies that may be changed."""

from contextlib import contextmanager

import torch


@contextmanager
def standing_in(task):
    """While it lasts, a task's model computes with copies of its parameters; ``{name: copy}``.

    The model's own parameters are not touched, nor are their gradients, hooks and versions. Lists
    that modules keep of their parameters, as recurrent ones do, hold the copies, too.
    """
    model = task.model
    copies, homes, kept = {}, [], []
    for module in model.modules():
        for name, p in module._parameters.items():
            if p is not None:
                copies.setdefault(id(p), torch.nn.Parameter(p.detach().clone(), p.requires_grad))
                homes.append((module._parameters, name, p))
        for value in vars(module).values():
            if isinstance(value, list):
                kept.append((value, [*value]))

    def put():
        for box, held in kept:
            box[:] = [copies.get(id(part), part) for part in held]

    try:
        for home, name, p in homes:
            home[name] = copies[id(p)]
        put()
        task.after_restore = put
        yield {name: copies[id(p)] for name, p in _named(homes, model)}
    finally:
        task.after_restore = None
        for home, name, p in homes:
            home[name] = p
        for box, held in kept:
            box[:] = held


def _named(homes, model):
    """The names of the model's own parameters, each once."""
    own = {id(home): {} for home, _, _ in homes}
    for home, name, p in homes:
        own[id(home)][name] = p
    seen = set()
    for prefix, module in model.named_modules():
        for name, p in own.get(id(module._parameters), {}).items():
            if id(p) not in seen:
                seen.add(id(p))
                yield f"{prefix}.{name}".lstrip("."), p
