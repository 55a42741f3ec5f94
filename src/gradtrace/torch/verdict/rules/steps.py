"""What an update does to the weights, and to the loss."""

import math
from itertools import pairwise
from statistics import median

import torch

from ...optimizers import each_of
from ..causes import found
from ..observe import dense
from ..updates import has_rows, is_half, maximises, spread_within
from .reach import given_to
from .words import factor, percent

OWN_SIZE = 0.5
NOTHING = 3e-5
SPIKE = 3.0
HARDLY, WELL = 0.9, 0.6  # of the first loss, after a hundred updates on the batch
FELT = 5e-4  # of the weights in an update: in a hundred, that is a twentieth
LITTLE, HALF = 0.8, 0.5  # the same, of an optimiser with weight decay and without
KEPT = 0.25  # of the way of weights in float32
NOISE = 3.0  # times what the loss changes by in an update, in the median
ADAPTIVE = {"Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "SparseAdam"}


def below_epsilon(case):
    """Nine in ten entries of most gradients are smaller than the optimiser's epsilon.

    Entry by entry, as the rule does it; where an entry equals ε, Adam's first step is half as long.
    Entries of exactly zero are no small ones, and biases are left out: a bias before a batch norm,
    or that of an attention's keys, has a gradient of rounding errors in theory. A model that has
    learnt has small gradients by right, and one whose loss on the batch falls by a tenth in a
    hundred updates moves far enough: those of the tuned half that do not learn for this reason fall
    by a thousandth.
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
    if not entries or below <= 0.5 * entries or not homes or case.fallen < HARDLY:
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
    if not too_large(case, ups) or lost_to_rounding(case):
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
    if not ups.losses:  # the model does not run on
        return False
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
    is left in peace. Matrices that are zero at the start, as of an adapter, have no length to
    compare with.
    """
    ups = case.updates
    if not ups.by_optimizer or case.learnt or not math.isfinite(ups.losses[-1]):
        return []
    warm = max(warming(group, one) for one, group in case.groups())
    learns = given_to(case.optimizer, case.task.parameters())
    if not any(g is not None and g.any() for name, g in case.seen.grads.items() if name in learns):
        return []
    ratios = case.update_ratios(ups)
    moves = any(any(moved) for moved in ups.moved.values())
    if moves and not ratios:  # all that moved was zero at the start
        return []
    top = max(ratios, default=0.0)
    if not top * warm < NOTHING or lost_to_rounding(case):  # a warm-up from zero has no limit
        return []
    if not any(float(group.get("lr", 1.0)) for _, group in case.groups()):
        return [
            found(
                "step too small",
                "",
                "The learning rate is zero, so that no update changes a weight.",
                "Look at the schedule: it has come to its end, or is stepped once a batch and not"
                " once an epoch.",
                ratio=0.0,
            )
        ]
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
    Whether there was an update is noted by a scheduler, also where the optimiser keeps no state.
    """
    rate, start = float(group.get("lr", 1.0)), float(group.get("initial_lr", 0.0))
    stepped = optimizer.state or getattr(optimizer, "_opt_called", False)
    if rate == 0 and start > 0 and not stepped:
        return math.inf
    return start / rate if rate and rate < start < 1e5 * rate else 1.0


def lost_to_rounding(case):
    """The weights have fewer than 32 bits, and updates, or Adam's ε, are rounded away in them.

    Tried by a twin: the same passes with the same weights, and an optimiser that moves copies of
    them in float32, from which they are rounded anew. If in a hundred updates these go more than
    four times as far, while the loss of the net itself hardly falls, then what is lost is more than
    what is left. Or ε is zero in the format of the weights, and the loss is no number after some
    updates, where that of the twin falls.
    """
    halves = [p for p in case.task.parameters().values() if is_half(p)]
    if not case.updates.by_optimizer or not halves:
        return []
    twin = case.in_float32
    broken = not math.isfinite(case.updates.losses[-1])
    if broken:
        if not any(map(epsilon_is_lost, each_of(case.optimizer))) or twin.fallen >= HARDLY:
            return []
        what = "Epsilon is zero in the format of the weights, so that an update divides by zero"
        remedy = "Or give Adam an epsilon of 1e-4, and scale the loss up."
        share = math.nan
    else:
        far = math.hypot(*twin.more_updates.travelled.values())
        share = math.hypot(*case.more_updates.travelled.values()) / far if far else 1.0
        small = max(case.update_ratios(twin.more_updates), default=0.0) < NOTHING
        tried = case.more_updates.travelled and far
        if not tried or share > KEPT or small or case.fallen < HARDLY:
            return []
        what = (
            f"The weights go {percent(share)} of the way that they would go in float32: most"
            f" updates are too small to change a number of {finest(halves)}"
        )
        remedy = ""
    return [
        found(
            "lost to rounding",
            "",
            f"{what}. Copies of the weights in float32, from which these are rounded, do move.",
            "Keep the weights in float32, and compute under torch.autocast"
            f" (with torch.amp.GradScaler for float16). {remedy}".rstrip(),
            share=share,
        )
    ]


def finest(parameters):
    """The name of the format of some parameters, as ``"bfloat16"``."""
    return str(parameters[0].dtype).removeprefix("torch.")


def epsilon_is_lost(optimizer):
    """Whether an optimiser that scales has an ε that is zero in the format of its weights."""
    if type(optimizer).__name__ not in ADAPTIVE:
        return False
    for group in optimizer.param_groups:
        for p in group["params"]:
            if is_half(p) and not torch.tensor(group.get("eps", 1.0), dtype=p.dtype):
                return True
    return False


def too_much_decay(case):
    """Weight decay pulls ten times as much as the loss does, at weights that have not learnt.

    Over all matrices, the decay times their norm is compared with that of their gradient; where it
    is decoupled, as in AdamW, a fiftieth of the weights in every update is too much. And where less
    than that is too much for this net, it shows in updates: with the decay the loss on the batch
    falls by less than a fifth in a hundred, and without it by half. (In nets that learned with a
    decay up to 0.5 it fell to a tenth, and in those that did not, to 0.89 at best.)
    """
    if case.optimizer is None or case.learnt:
        return []
    names = {id(p): name for name, p in case.task.parameters().items()}
    pull, push, lost = 0.0, 0.0, 0.0
    for optimizer, group in case.groups():
        decay = float(group.get("weight_decay", 0.0))
        if type(optimizer).__name__ == "AdamW" or group.get("decoupled_weight_decay"):
            lost = max(lost, decay * float(group["lr"]))
            continue
        for p in group["params"]:
            g = case.seen.grads.get(names.get(id(p)))
            if g is not None and p.dim() > 1 and g.any():
                pull = math.hypot(pull, decay * p.detach().float().norm().item())
                push = math.hypot(push, g.float().norm().item())
    if pull > 10 * push > 0:
        how = f"pulls {pull / push:.2g} times as much at the weights as the loss does"
    elif lost > 0.02:
        how = f"takes {100 * lost:.2g} % of the weights away in every update"
    elif (pull > push / 10 or lost > FELT) and hinders(case):
        how = (
            f"leaves the loss on the batch at {percent(case.fallen)} after a hundred updates, and"
            f" without it that falls to {percent(case.without_decay.fallen)}"
        )
    else:
        return []
    return [
        found(
            "too much decay",
            "",
            f"The weight decay {how}: the model forgets faster than it learns.",
            "Lower weight_decay tenfold or more; 0.0001 to 0.01 is usual, 0.1 with AdamW.",
        )
    ]


def hinders(case):
    """Whether the loss on the batch hardly falls with the weight decay, and well without it."""
    return case.fallen > LITTLE and case.without_decay.fallen < HALF


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
