"""Which modules of a model are the steps of its trace."""

from collections import Counter
from collections.abc import Iterable

import torch
from torch.nn.utils import parametrize

from ..expect import given
from .wrappers import children, named_modules, unwrapped

RECURRENT = torch.nn.RNNBase, torch.nn.RNNCellBase
BOXES = torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ModuleDict


def choose_steps(model, steps, blocks=False):
    """The modules that are steps, each with its name, where ``steps`` were asked for.

    If none were, and they are to be ``blocks``, they are those of a single stack.
    """
    named = named_modules(model)
    found = default_steps(model, named, blocks) if steps is None else requested(named, steps)
    chosen = {m: named[m] or type(m).__name__ for m in found}
    for m, name in chosen.items():
        if inner := [chosen[part] for part in m.modules() if part in chosen and part is not m]:
            raise ValueError(
                f"steps: expected no module within another, got {inner[0]!r} within {name!r}"
            )
    return chosen


def default_steps(model, named, blocks):
    """The recurrent modules; else the repeated blocks; else the layers."""
    if recurrent := [m for m in named if isinstance(m, RECURRENT)]:
        return recurrent
    tree = Tree(named)
    if model not in tree.inside:
        raise ValueError("model: expected modules that have parameters, got a model without any")
    stacks = repeated_blocks(tree)
    if blocks and stacks:
        stacks = [longest_stack(named, stacks[0])]
    if stacks:
        return with_siblings(tree, {m for stack in stacks for m in stack})
    boxes = [tree.inside[m] for m in named if isinstance(m, BOXES) and m in tree.inside]
    longest = max(boxes, key=len, default=[])
    if len(longest) > 1 and (blocks or tree.share(longest) > 0.9):
        return longest
    if blocks:
        raise ValueError(
            "model: expected a recurrent module, or blocks in a Sequential or ModuleList, got"
            f" {type(model).__name__} with neither; say which modules are the steps"
        )
    return [m for m in tree.inside if not tree.inside[m]]


class Tree:
    """The modules that have parameters.

    Attributes
    ----------
    inside : dict of Module to list of Module
        The children of each; none of a module that computes with its children's weights itself.
    """

    def __init__(self, named):
        behind = {
            part
            for m in named
            if parametrize.is_parametrized(m)
            for part in m.parametrizations.modules()
        }
        for m in named:
            if isinstance(m, torch.nn.MultiheadAttention):
                behind |= {*m.children()}
        self.named = named
        weighty = {m for m in named if m not in behind and next(m.parameters(), None) is not None}
        self.inside = {
            m: [*dict.fromkeys(child for child in children(m) if child in weighty)]
            for m in named
            if m in weighty
        }

    def size(self, modules):
        """How many parameters they have together."""
        return sum(p.numel() for p in {p for m in modules for p in m.parameters()})

    def share(self, modules):
        """The share of the model's parameters that they have."""
        return self.size(modules) / self.size([next(iter(self.named))])

    def is_block(self, m):
        """Whether it is made of layers, and no mere box of blocks."""
        within = self.inside[m]
        if not isinstance(m, BOXES):
            return bool(within)
        return isinstance(m, torch.nn.Sequential) and any(not self.inside[part] for part in within)


def repeated_blocks(tree):
    """The stacks of blocks of one class, wherever they stand, those with most parameters first.

    Of blocks within blocks the outermost are taken, unless these are a few stages that consist of
    stacks of blocks themselves.
    """
    stacks = stacks_of(tree, least=2) or stacks_of(tree, least=1)
    inside = [{part for m in stack for part in m.modules()} - {*stack} for stack in stacks]
    depths = [
        sum(2 * len(parts.intersection(stack)) > len(stack) for parts in inside) for stack in stacks
    ]
    order = sorted(range(len(stacks)), key=lambda k: (depths[k], -tree.size(stacks[k])))
    found = []
    for stack in [stacks[k] for k in order]:
        taken = {part for other in found for m in other for part in m.modules()}
        free = [m for m in stack if taken.isdisjoint(m.modules())]
        if len(free) > 1 or (free and not found):
            found.append(innermost_stack(tree, free, stacks))
    return found


def stacks_of(tree, least):
    """For each class of blocks that stand side by side, all of them.

    That is, ``least`` in a ModuleList, two in another box, or three attributes of a module. Of
    plain ``Sequential``, whose class says nothing, only those that stand so.
    """
    classes, plain = {}, set()
    for m, within in tree.inside.items():
        box = isinstance(m, BOXES)
        enough = least if isinstance(m, torch.nn.ModuleList) else 2 if box else 3
        side_by_side = [
            part for part in within if tree.is_block(part) and (box or not is_box(part))
        ]
        for kind, times in Counter(map(type, side_by_side)).items():
            if times >= enough:
                classes[kind] = None
                plain |= {part for part in side_by_side if is_box(part)}
    blocks = [m for m in tree.inside if tree.is_block(m) and (m in plain or not is_box(m))]
    return [outermost([m for m in blocks if type(m) is kind]) for kind in classes]


def is_box(m):
    """Whether it is a box and nothing else: no class of a model's own."""
    return type(m) in BOXES


def outermost(modules):
    """Those that lie in none of the others."""
    within = {part for m in modules for part in m.modules() if part is not m}
    return [m for m in modules if m not in within]


def innermost_stack(tree, stack, stacks):
    """The stack that a few stages consist of; else these themselves."""
    parts = {part for m in stack for part in m.modules() if part not in stack}
    for other in stacks:
        inner = [m for m in other if m in parts]
        if (
            len(stack) <= 4
            and len(inner) >= 2 * len(stack)
            and tree.size(inner) > 0.6 * tree.size(stack)
        ):
            return innermost_stack(tree, inner, stacks)
    return stack


def longest_stack(named, stack):
    """Those of a stack's blocks that have a parent in common, where most have."""
    above = {child: m for m in named for child in children(m)}
    often = Counter(above[m] for m in stack)
    (most, _), *_ = often.most_common(1)
    return [m for m in stack if above[m] is most]


def with_siblings(tree, blocks):
    """The blocks, and what stands in one box with them, as the first and the last layer may."""
    taken = {part for m in blocks for part in m.modules()}
    steps = set(blocks)
    for m, within in tree.inside.items():
        if isinstance(m, BOXES) and blocks.intersection(within):
            steps |= {part for part in within if taken.isdisjoint(part.modules())}
    return [m for m in tree.inside if m in steps]


def requested(named, steps):
    """What was asked for by name, by class or itself."""
    single = isinstance(steps, str | type | torch.nn.Module) and not isinstance(
        steps, torch.nn.ModuleList
    )
    if not single and not isinstance(steps, Iterable):
        raise TypeError(f"steps: expected names, classes or modules, got {given(steps)}")
    found = []
    for one in [steps] if single else steps:
        if not isinstance(one, str | type | torch.nn.Module):
            raise TypeError(f"steps: expected names, classes or modules, got {given(one)}")
        itself = unwrapped(one) if isinstance(one, torch.nn.Module) else None
        these = [
            m
            for m, name in named.items()
            if m is itself or name == one or (isinstance(one, type) and isinstance(m, one))
        ]
        if not these:
            raise ValueError(
                f"steps: expected modules of the model, such as {[*named.values()][1:4]},"
                f" got {one!r:.60}"
            )
        found += these
    if not found:
        raise ValueError("steps: expected at least one module, got none")
    return found
