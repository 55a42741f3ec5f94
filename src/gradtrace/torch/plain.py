"""The plain pass of a model: what a trace learns from it, and whether a traced pass is the same."""

import inspect
from functools import partial

import torch

from .calls import calls_through
from .choose import RECURRENT
from .nested import has_slopes, tensors


class Survey:
    """Which argument of a module is its state, seen in a plain pass.

    Attributes
    ----------
    places : dict of Module to int
        The argument that is what the module's last call gave out; the first if none is.
    """

    def __init__(self):
        self.places, self.last, self.first = {}, {}, {}

    def wrap(self, module, run):
        def surveyed(*args, **kwargs):
            given = [tensors(value) for value in [*args, *kwargs.values()]]
            if module not in self.first:
                self.first[module] = [
                    {id(whole) for t in some for whole in (t, t._base)} for some in given
                ]
            elif module not in self.places:
                before = {*map(id, self.last[module])}
                fits = [i for i, some in enumerate(given) if before.intersection(map(id, some))]
                self.places[module] = fits[0] if fits else 0
            out = run(*args, **kwargs)
            self.last[module] = tensors(out)
            return out

        return surveyed

    def is_state(self, tensor):
        """Whether a module took the tensor, or a view of it, as its first state."""
        for module, given in self.first.items():
            place = 1 if isinstance(module, torch.nn.RNNCellBase) else self.places.get(module, 0)
            if place < len(given) and id(tensor) in given[place]:
                return True
        return False


def needs_survey(chosen, inputs):
    """Whether a state may be another argument, or another of the ``inputs``, than the first."""
    if any(isinstance(m, torch.nn.RNNBase) for m in chosen):
        return False
    return any(map(has_slopes, inputs[1:])) or any(
        not isinstance(m, RECURRENT) and _may_take_several(m) for m in chosen
    )


def _may_take_several(module):
    try:
        taken = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return True
    return len(taken) > 1 or any(p.kind is p.VAR_POSITIONAL for p in taken)


def same_bits(a, b):
    """Whether two tensors hold the same numbers; nan is the same as nan."""
    return torch.equal(a.isnan(), b.isnan()) and torch.equal(a[~a.isnan()], b[~b.isnan()])


def nearly_same(a, b):
    """Whether two losses differ by no more than a sum does that is added up in another order."""
    return bool((a - b).abs() <= torch.finfo(a.dtype).eps ** 0.5 * b.abs())


def first_difference(run, other, names):
    """The first module, innermost, whose output in the pass ``other`` is not that in ``run``."""
    seen = []
    for one in (run, other):
        outs = []
        with calls_through({m: partial(_noting, outs, m) for m in names}):
            one()
        seen.append(outs)
    for (module, out), (_, again) in zip(*seen, strict=False):
        if out != again:
            return module
    return None


def _noting(outs, module, run):
    def noted(*args, **kwargs):
        out = run(*args, **kwargs)
        outs.append((module, [fingerprint(tensor) for tensor in tensors(out)]))
        return out

    return noted


def fingerprint(tensor):
    """A number that other bits would hardly have."""
    if tensor.is_nested:
        tensor = tensor.to_padded_tensor(0.0)
    elif tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    flat = tensor.detach().cpu().contiguous().resolve_conj().reshape(-1)
    return tensor.dtype, tuple(tensor.shape), hash(flat.view(torch.uint8).numpy().tobytes())
