"""Whether gradients arrive, and whether what has one is moved."""

import numpy as np
import torch

from ...nested import tensors
from ..causes import found
from ..graph import FLAT_STEPS, nodes_behind, passes_through


def cut_off(case):
    """Weights that the loss depends on, and that no gradient reaches.

    That the loss depends on them is tried: it changes where they are replaced by others of the same
    size. So an auxiliary head that nobody uses is none, nor an expert that was not asked. A twin of
    a module that does learn, as a target network or a teacher, has no gradient by design; so have
    weights that the optimiser was not given.
    """
    grads, order = case.seen.grads, [*case.seen.called]
    silent = {name for name, g in grads.items() if g is None}
    if case.optimizer is not None:
        silent &= given_to(case.optimizer, case.task.parameters())
    silent -= twins(case, silent)
    rank = {name: place for place, name in enumerate(order)}
    homes = {}
    for name in silent:
        homes.setdefault(name.rpartition(".")[0], []).append(name)
    for home in sorted(homes, key=lambda home: rank.get(home, -1), reverse=True):
        changed = case.loss_if_changed(homes[home])
        if changed != case.loss_again:
            count = sum(case.task.parameters()[name].numel() for name in silent)
            whole = sum(p.numel() for p in case.task.parameters().values())
            return [
                found(
                    "cut off",
                    home,
                    f"The loss depends on the weights of {case.called(home)}, yet no gradient"
                    f" reaches them, nor {count:,} of {whole:,} parameters in all: the graph is"
                    " cut at its output or above.",
                    f"Look behind {case.called(home)} for detach, .data, .item, no_grad,"
                    " argmax, numpy, or a new tensor made from numbers.",
                    share=count / whole,
                )
            ]
    return cut_in_time(case) + flat_in_between(case)


def cut_in_time(case):
    """A recurrent net in which exactly no gradient reaches the first half of the steps.

    A gradient that only fades leaves small numbers, and these are traced past the float range.
    """
    log = case.trace
    if log is None or len(log.names) < 3 or not case.in_time:
        return []
    zero = np.isneginf(log.log_h)
    last = int(np.flatnonzero(zero)[-1]) if zero.any() else 0
    rest = log.log_h[last + 1 :]
    if not (zero[: last + 1].all() and 2 * last >= len(log.names) and np.isfinite(rest).any()):
        return []
    home = case.in_time
    return [
        found(
            "cut off",
            home,
            f"On its way back the gradient ends before {log.names[min(last, len(log.names) - 1)]},"
            f" step {last + 1} of {len(log.names)}: exactly none reaches the steps before, though"
            " each hands its state on.",
            "Look in the loop over the steps for detach, .data or a fresh state; detach between"
            " batches alone.",
            in_time=True,
            step=last,
            steps=len(log.names),
        )
    ]


def flat_in_between(case):
    """Gradients that are exactly zero below an operation whose slope is zero everywhere.

    Rounding, signs and comparisons are flat by definition; a straight-through estimator goes around
    them, and then the gradients below are not zero.
    """
    grads = case.seen.grads
    zero = [name for name, g in grads.items() if g is not None and not g.any()]
    if not zero:
        return []
    for node in nodes_behind(case.seen.total):
        if passes_through(node) in FLAT_STEPS:
            below = leaves_behind(node, case)
            if below and below <= set(zero):
                home = case.seen.maker.get(node, "")
                what = passes_through(node).lower()
                return [
                    found(
                        "cut off",
                        home,
                        f"{case.called(home)} uses {what}, whose slope is zero everywhere: all"
                        f" {len(below)} parameters before it have a gradient of exactly zero.",
                        "Take a smooth function in its place, or a straight-through estimator,"
                        " x + (f(x) - x).detach().",
                        parameters=len(below),
                    )
                ]
    return []


def leaves_behind(node, case):
    """The names of the parameters that a node of the graph was computed from."""
    names = {id(p): name for name, p in case.task.parameters().items()}
    behind = [getattr(each, "variable", None) for each in nodes_behind(node)]
    return {names[id(p)] for p in behind if p is not None and id(p) in names}


def twins(case, silent):
    """Those of ``silent`` that lie in a module with the same shapes as one that learns."""
    alike = {}
    for name, module in case.task.model.named_modules():
        inside = {key: tuple(p.shape) for key, p in module.named_parameters()}
        if len(inside) > 1:
            alike.setdefault((type(module), tuple(inside.items())), []).append(name)
    learns = {name for name, g in case.seen.grads.items() if g is not None}
    found_twins = set()
    for names in alike.values():
        parts = [{key for key in case.task.parameters() if key.startswith(f"{n}.")} for n in names]
        if any(part & learns for part in parts):
            found_twins |= set().union(*(part for part in parts if part <= silent))
    return found_twins


def not_in_optimizer(case):
    """Weights with a gradient that the optimiser was not given.

    Whatever their number: what has a gradient costs time and memory, so that someone who means a
    part to stay as it is switches that off. A net that judges another one, as a critic or a
    discriminator, has a gradient and an optimiser of its own.
    """
    if case.optimizer is None:
        return []
    parameters = case.task.parameters()
    orphans = without_home(case)
    if orphans:
        return orphans
    given = given_to(case.optimizer, parameters)
    left = [
        name
        for name, g in case.seen.grads.items()
        if g is not None and g.any() and name not in given
    ]
    if not left or judges(case, left):
        return []
    count = sum(parameters[name].numel() for name in left)
    whole = sum(p.numel() for p in parameters.values())
    if not given:
        return [
            found(
                "not in optimizer",
                "",
                "None of the model's parameters is in the optimiser: it was made for another"
                " model, or before this one was built anew.",
                "Make the optimiser after the model is complete and on its device:"
                " optimizer = …(model.parameters()).",
                share=1.0,
            )
        ]
    home = common_home(left)
    return [
        found(
            "not in optimizer",
            home,
            f"{count:,} of {whole:,} parameters, in {case.called(home)}, have a gradient, but the"
            " optimiser does not hold them: they never move.",
            f"Give them to the optimiser, or, if {case.called(home)} is meant to stay as it is,"
            " switch their gradients off with requires_grad_(False).",
            share=count / whole,
        )
    ]


def judges(case, left):
    """Whether these are a net behind the one that learns, in a loss without targets of its own.

    As a critic, or a discriminator, which is to say the same of all examples.
    """
    if not all_the_same(case.task.target):
        return False
    homes = {name.rpartition(".")[0] for name in left}
    ran = case.with_weights()
    behind = [name in homes for name in ran]
    return sum(behind) > 1 and behind == sorted(behind) and not all(behind)


def all_the_same(target):
    """Whether targets are one and the same number, or there are none."""
    return all(bool((t == t.flatten()[0]).all()) for t in tensors(target) if t.numel())


def without_home(case):
    """Weights that the model computes with, that want a gradient, and that are no parameters of it.

    As where layers stand in a plain list: neither parameters() nor an optimiser made from it has
    them. What the loss brings along, or the optimiser holds, is in its place.
    """
    held = {id(p) for group in case.optimizer.param_groups for p in group["params"]}
    known = held | {id(p) for p in case.task.parameters().values()}
    homes, count = {}, 0
    for node, leaf in leaves_of(case.seen.total):
        if not (isinstance(leaf, torch.nn.Parameter) or is_kept(leaf, case)):
            continue  # made on the way, to be differentiated by
        if id(leaf) not in known and case.seen.maker.get(node, "the loss") != "the loss":
            known.add(id(leaf))
            homes[case.seen.maker[node]] = None
            count += leaf.numel()
    if not homes:
        return []
    home = next(iter(homes))
    return [
        found(
            "not in optimizer",
            home,
            f"{case.called(home)} computes with {count:,} weights that want a gradient but are not"
            " among model.parameters(): no optimiser that is made from these moves them, and they"
            " are neither saved nor sent to a GPU.",
            "Put the layers into an nn.ModuleList or nn.ModuleDict in place of a plain list or"
            " dict, and tensors into an nn.Parameter that is an attribute of the module.",
            weights=count,
        )
    ]


def is_kept(leaf, case):
    """Whether a module has a tensor among its attributes."""
    return any(leaf is t for m in case.task.names for t in tensors([*vars(m).values()]))


def leaves_of(total):
    """``(node that uses it, leaf)`` for all leaves behind a loss."""
    for node in nodes_behind(total):
        for before, _ in node.next_functions:
            leaf = getattr(before, "variable", None)
            if leaf is not None:
                yield node, leaf


def given_to(optimizer, parameters):
    """The names of the parameters that an optimiser holds."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return {name for name, p in parameters.items() if id(p) in held}


def common_home(names):
    """The innermost module that holds all of these parameters."""
    paths = [name.split(".")[:-1] for name in names]
    home = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        home.append(parts[0])
    return ".".join(home)
