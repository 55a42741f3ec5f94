"""The parameters that one call of a module uses, told apart from the other calls'."""

from contextlib import contextmanager

import torch
from torch.nn.utils import parametrize

LONGEST = 1000  # nodes of a graph that makes a weight from parameters


class MadeAgain(torch.autograd.Function):
    """A weight that was made before the call, with a way back to the call's aliases alone."""

    @staticmethod
    def forward(ctx, made, sources, *aliases):
        ctx.made, ctx.sources = made[0], sources
        return made[0].detach()

    @staticmethod
    def backward(ctx, g):
        back = torch.autograd.grad(ctx.made, ctx.sources, g, retain_graph=True, allow_unused=True)
        return None, None, *back


def sources(made, parameters, earlier):
    """The ``parameters`` that a tensor is made of; none if there is anything else in it.

    Parameters
    ----------
    made : Tensor or None
    parameters : container of Tensor
    earlier : set
        Nodes of the graph at which calls took their parameters.
    """
    todo, seen, leaves = [made.grad_fn] if made is not None else [], set(), {}
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = node.variable if type(node).__name__ == "AccumulateGrad" else None
        if node in earlier or len(seen) > LONGEST or (leaf is not None and leaf not in parameters):
            return []
        if leaf is not None:
            leaves[leaf] = None
        todo += [before for before, _ in node.next_functions]
    return [*leaves]


def reaches(outs, node):
    """Whether any of the tensors is computed from what ``node`` of the graph gives out."""
    todo, seen = [out.grad_fn for out in outs], set()
    while todo:
        at = todo.pop()
        if at is node:
            return True
        if at is not None and at not in seen:
            seen.add(at)
            todo += [before for before, _ in at.next_functions]
    return False


@contextmanager
def in_place_of_parameters(module, alias, earlier):
    """During one call, ``alias(name, p)`` in the place of every parameter that has a gradient.

    A tensor that the module keeps and that was made of these parameters alone before the call, by
    whoever it was, is replaced, too, so that the call's share is theirs. ``parametrize.cached``
    would hand a weight on to the next call; here each call makes its own. Gives a function that
    does the same for a tensor made before the call.
    """

    def again(made):
        return made_again(made, sources(made, aliases, earlier), aliases)

    homes, aliases, kept = [], {}, []  # kept: (dict, name, tensor, the same made again)
    for path, part in module.named_modules():
        for name, p in part._parameters.items():
            if p is not None and p.requires_grad:
                homes.append((part._parameters, name, p))
                if p not in aliases:
                    aliases[p] = alias(f"{path}.{name}".lstrip("."), p)
    for part in module.modules():
        for name, made in vars(part).items():
            if isinstance(made, torch.Tensor):
                kept.append((vars(part), name, made, again(made)))
    cache = parametrize._cache
    try:
        if parametrize._cache_enabled:
            parametrize._cache = {}
        for home, name, p in homes:
            home[name] = aliases[p]
        for home, name, _, new in kept:
            home[name] = new
        yield again
    finally:
        for home, name, p in homes:
            home[name] = p
        for home, name, made, new in kept:
            if home.get(name) is new:
                home[name] = made
        if parametrize._cache_enabled:
            parametrize._cache = cache


def made_again(made, leaves, aliases):
    """``made`` from one call's ``aliases`` of the ``leaves``; as it is where there are none."""
    return MadeAgain.apply([made], leaves, *[aliases[p] for p in leaves]) if leaves else made
