"""What an update does to the weights, and to the loss."""

import math
from itertools import pairwise
from statistics import median

import torch

from ..causes import found
from ..observe import dense
from ..updates import has_rows, spread_within
from .reach import given_to
from .words import factor, percent

OWN_SIZE = 0.5
NOTHING = 3e-5
SPIKE = 3.0
NOISE = 3.0  # times what the loss changes by in an update, in the median
ADAPTIVE = {"Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "SparseAdam"}


def below_epsilon(case):
    """Nine in ten entries of most gradients are smaller than the optimiser's epsilon.

    Entry by entry, as the rule does it; where an entry equals ε, Adam's first step is half as long.
    Entries of exactly zero are no small ones, and biases are left out: a bias before a batch norm,
    or that of an attention's keys, has a gradient of rounding errors in theory. A model that has
    learnt has small gradients by right.
    """
    if case.optimizer is None or case.learnt:
        return []
    parameters = case.task.parameters()
    names = {id(p): name for name, p in parameters.items()}
    below, entries, homes = 0, 0, []
    for optimizer, group in case.groups():
        eps = group.get("eps")
        if not isinstance(eps, float) or type(optimizer).__name__ not in ADAPTIVE:
            continue
        for p in group["params"]:
            g = dense(case.seen.grads.get(names.get(id(p))))
            if g is None or not has_rows(p):
                continue
            size = g[g != 0].abs()
            entries += size.numel()
            small = (size < eps).sum().item()
            below += small
            if size.numel() and small > 0.9 * size.numel():
                homes.append(names[id(p)])
    if not entries or below <= 0.5 * entries or not homes:
        return []
    home = homes[0].rpartition(".")[0]
    return [
        found(
            "below epsilon",
            home,
            f"{percent(below / entries)} of all entries of the gradient are smaller than the"
            f" optimiser's epsilon, first in {case.called(home)}: it takes them for noise, and"
            " moves the less the smaller they are.",
            "Scale the loss up (is it divided by a large number, or averaged twice?), or lower"
            " eps.",
            share=below / entries,
        )
    ]


def step_too_large(case):
    """The loss on one and the same batch has risen, or weights change by half their size.

    Risen is by half of the first loss, or of that of one answer to everything where this is larger:
    a model that has learnt may lose what it has to a new optimiser for a while. It is asked after a
    few updates, and if so after five times as many, as a start may be rough. Weights that change
    by half their size in most updates, with a loss that does not fall, are not refined but
    replaced.
    """
    ups = case.updates
    if not ups.by_optimizer or maximises(case.optimizer) or not too_large(case, ups):
        return []
    ups = case.more_updates
    if not too_large(case, ups):
        return []
    first, last = ups.losses[0], ups.losses[-1]
    top = max(case.update_ratios(ups), default=math.nan)
    end = f"is {factor(last / first)} times as large" if math.isfinite(last) else "is not finite"
    return [
        found(
            "step too large",
            "",
            f"After {len(ups.losses) - 1} updates on this batch its loss {end}; an update changes"
            f" the weights by up to {percent(top)} of their length.",
            "Lower the learning rate tenfold, and once more if that does not do; a rule of"
            " thumb for an update is a thousandth of the length.",
            ratio=top,
            loss=last / first if first else math.nan,
        )
    ]


def too_large(case, ups):
    first, last = ups.losses[0], ups.losses[-1]
    if len(ups.losses) < 2 or not math.isfinite(last):
        return True
    constant = case.loss_of_constant
    known = [constant] if math.isfinite(constant) else []
    base = max([abs(first), *map(abs, known)])
    ratios = case.update_ratios(ups)
    often = sum(ratio > OWN_SIZE for ratio in ratios) > len(ratios) / 2
    stuck = last > 0.9 * min([first, *known])
    leapt = max(ups.losses) > SPIKE * base and (stuck or ratios[0] > OWN_SIZE)
    noise = median(abs(after - before) for before, after in pairwise(ups.losses))
    risen = last > max(first, base) + max(base / 2, NOISE * noise)
    return risen or (often and last > 0.9 * first) or leapt


def step_too_small(case):
    """An update changes no matrix by more than three hundred-thousandths of its length.

    A thousand such updates, if they all went one way, would move it by 3 %. A schedule that
    only begins, as of a warm-up, is judged by the rate that it starts from; a model that has learnt
    is left in peace.
    """
    ups = case.updates
    if not ups.by_optimizer or case.learnt:
        return []
    warm = max(warming(group, case.optimizer) for group in case.optimizer.param_groups)
    learns = given_to(case.optimizer, case.task.parameters())
    if not any(g is not None and g.any() for name, g in case.seen.grads.items() if name in learns):
        return []
    top = max(case.update_ratios(ups), default=0.0)
    if not top * warm < NOTHING:  # a warm-up from zero has none
        return []
    return [
        found(
            "step too small",
            "",
            f"An update changes the weights by {factor(top)} of their length at most: thousands of"
            " them would hardly move the model.",
            "Raise the learning rate; a rule of thumb for an update is a thousandth of the length.",
            ratio=top,
        )
    ]


def warming(group, optimizer):
    """How far below its first rate a group is, if that can be a warm-up; else 1.

    From zero it begins before the first update, and then it passes a hundred-thousandth soon.
    """
    rate, start = float(group.get("lr", 1.0)), float(group.get("initial_lr", 0.0))
    if rate == 0 and start > 0 and not optimizer.state:
        return math.inf
    return start / rate if rate and rate < start < 1e5 * rate else 1.0


def maximises(optimizer):
    return any(group.get("maximize") for group in optimizer.param_groups)


def symmetric_start(case):
    """Units of a layer that are all alike, get the same gradient, and are alike after the updates.

    To a thousandth of their size, as dropout and rounding tell them apart a little. A head of zeros
    is none: its classes have gradients of their own, nor is a second matrix of zeros, as of LoRA.
    """
    parameters = case.task.parameters()
    order = {name: place for place, name in enumerate(case.seen.called)}
    homes = []
    for name, p in parameters.items():
        g = case.seen.grads.get(name)
        if g is None or g.is_sparse or not has_rows(p) or name not in case.updates.alike:
            continue
        same = (
            case.updates.alike[name] < 1e-3 and spread_within(p) < 1e-3 and spread_within(g) < 1e-3
        )
        if same and (
            case.updates.by_optimizer is False or name in given_to(case.optimizer, parameters)
        ):
            homes.append(name.rpartition(".")[0])
    if not homes:
        return []
    home = min(homes, key=lambda home: order.get(home, 0))
    zero = not parameters_of(case, home).any()
    return [
        found(
            "symmetric start",
            home,
            f"All units of {case.called(home)} have the same weights{', zero' if zero else ''}, and"
            " the same gradient: they stay one unit, however many there are.",
            f"Draw the weights of {case.called(home)} at random (nn.init.kaiming_uniform_ or"
            " xavier_uniform_); biases may be zero.",
        )
    ]


def parameters_of(case, home):
    return torch.cat(
        [
            p.detach().flatten()
            for name, p in case.task.parameters().items()
            if name.rpartition(".")[0] == home and has_rows(p)
        ]
    )
