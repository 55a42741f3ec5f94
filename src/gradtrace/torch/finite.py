"""Where numbers cease to be finite: the first module forward, the first one on the way back."""

from functools import partial

import torch

from .calls import calls_through
from .nested import has_slopes, tensors

ZERO = "look for a root, a logarithm or a division at zero"
MASK = "a fully masked row of attention"
RANGE = "numbers past the range of the dtype, of which model.double() has more"


def finite(value, low=False):
    """Whether all numbers in ``value`` are finite, or minus infinity where they may be ``low``."""
    for t in filter(has_slopes, tensors(value)):
        t = t.coalesce().values() if t.is_sparse else t
        good = torch.isfinite(t)
        if low and not t.is_complex():
            good |= t == -torch.inf
        if not good.all():
            return False
    return True


def first_not_finite(run, names):
    """The first module whose output is not finite though its input was, and what to do; else None.

    ``run()`` is a plain pass of the model. A mask may hold minus infinity, but not the first
    argument.
    """
    found = []

    def wrap(module, call):
        def looked_at(*args, **kwargs):
            first, *others = [*args, *kwargs.values()] or [None]
            good = finite(first) and finite(others, low=True)
            out = call(*args, **kwargs)
            if good and not found and not finite(out):
                found.append(module)
            return out

        return looked_at

    with calls_through({m: partial(wrap, m) for m in names}):
        run()
    if not found:
        return None
    bad = [name for name, p in found[0].named_parameters() if not finite(p)]
    remedy = f"{ZERO} there, {MASK}, or {RANGE}"
    if bad:
        remedy = f"its {bad[0]} is not finite either; load or initialise it anew"
    who = f"{names[found[0]]} is the first module whose output is not finite though its input is"
    return f"{who}: {remedy}"


class Makers:
    """Which module made which node of the graph; None where no call was open."""

    def __init__(self):
        self.of, self.open = {}, [None]

    def wrap(self, module, call):
        def seen(*args, **kwargs):
            self.claim([args, kwargs])  # what the enclosing call had made so far
            self.open.append(module)
            try:
                out = call(*args, **kwargs)
                self.claim(out)
                return out
            finally:
                self.open.pop()

        return seen

    def claim(self, value):
        """The innermost open call made all nodes behind ``value`` that have no maker yet."""
        todo = [t.grad_fn for t in tensors(value)]
        while todo:
            node = todo.pop()
            if node is not None and node not in self.of:
                self.of[node] = self.open[-1]
                todo += [before for before, _ in node.next_functions]


def first_not_finite_back(run, leaves, names):
    """The first module on the way back that spoils a finite gradient, and what to do; else None.

    A gradient that merely grew past the float range is nobody's fault: the same operation has to
    spoil a gradient near one as well.

    Parameters
    ----------
    run : callable
        A pass of the model that returns the loss.
    leaves : list of Tensor
        What the way back has to reach, known after the pass.
    names : dict of Module to str
    """
    makers, found = Makers(), []
    with calls_through({m: partial(makers.wrap, m) for m in names}):
        total = run()
    makers.claim(total)

    def look(node, back, g):
        if not found and finite(g) and not finite(back) and _spoils(node, g):
            found.append(makers.of[node])

    handles = [node.register_hook(partial(look, node)) for node in makers.of]
    torch.autograd.grad(total, leaves, retain_graph=True, allow_unused=True)
    for handle in handles:
        handle.remove()
    if not found:
        return None
    who = names.get(found[0], "the loss")
    return f"{who} makes the first on the way back, of a finite gradient: {ZERO} there, or {MASK}"


def _spoils(node, g):
    """Whether a node makes numbers that are not finite of a gradient near one."""
    largest = max((part.abs().max().item() for part in tensors(g) if part.numel()), default=0.0)
    near_one = [part if part is None else part / (largest or 1.0) for part in g]
    call = getattr(node, "apply", node)  # of a node that is written in Python
    return not finite(call(*near_one))
