"""Which modules of a model are the steps of its trace."""

from collections.abc import Iterable

import torch
from torch.nn.utils import parametrize

from ..expect import given
from .wrappers import named_modules

RECURRENT = torch.nn.RNNBase, torch.nn.RNNCellBase


def choose_modules(model, modules, blocks=False):
    """The modules that are steps, each with its name, where ``modules`` were asked for.

    If none were, and they are to be ``blocks``, single modules without a box will not do.
    """
    named = named_modules(model)
    found = default_modules(named, blocks) if modules is None else requested_modules(named, modules)
    chosen = {m: named[m] or type(m).__name__ for m in found}
    for m, name in chosen.items():
        if inner := [chosen[part] for part in m.modules() if part in chosen and part is not m]:
            raise ValueError(
                f"modules: expected none within another, got {inner[0]!r} within {name!r}"
            )
    return chosen


def default_modules(named, blocks):
    """The recurrent modules; else those in the longest box; else the innermost with parameters."""
    if recurrent := [m for m in named if isinstance(m, RECURRENT)]:
        return recurrent
    behind = {
        part
        for m in named
        if parametrize.is_parametrized(m)
        for part in m.parametrizations.modules()
    }
    weighty = {m for m in named if m not in behind and next(m.parameters(), None) is not None}
    if not weighty:
        raise ValueError("model: expected modules that have parameters, got a model without any")
    boxes = [
        [*dict.fromkeys(child for child in m if child in weighty)]
        for m in named
        if isinstance(m, torch.nn.Sequential | torch.nn.ModuleList) and m not in behind
    ]
    longest = max(boxes, key=len, default=[])
    if len(longest) > 1:
        return longest
    if blocks:
        raise ValueError(
            "model: expected a recurrent module, or blocks in a Sequential or ModuleList, got"
            f" {type(next(iter(named))).__name__} with neither; say which modules are the blocks"
        )
    return [m for m in named if m in weighty and behind.issuperset(m.children())]


def requested_modules(named, modules):
    """What was asked for by name, by class or itself."""
    single = isinstance(modules, str | type | torch.nn.Module) and not isinstance(
        modules, torch.nn.ModuleList
    )
    if not single and not isinstance(modules, Iterable):
        raise TypeError(f"modules: expected names, classes or modules, got {given(modules)}")
    found = []
    for one in [modules] if single else modules:
        if not isinstance(one, str | type | torch.nn.Module):
            raise TypeError(f"modules: expected names, classes or modules, got {given(one)}")
        these = [
            m
            for m, name in named.items()
            if m is one or name == one or (isinstance(one, type) and isinstance(m, one))
        ]
        if not these:
            raise ValueError(
                f"modules: expected modules of the model, such as {[*named.values()][1:4]},"
                f" got {one!r:.60}"
            )
        found += these
    if not found:
        raise ValueError("modules: expected at least one module, got none")
    return found
