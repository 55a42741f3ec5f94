"""Norms of all gradients in a record of calls; of a chain of states also past the float range."""

import math

import numpy as np
import torch

from .measure import (
    agree_where_exact,
    has_all_digits,
    measure,
    measure_scaled,
    norm_over,
    not_zero,
    step_by_step,
)
from .weights import reaches

# For each, PyTorch searches the whole graph below. A chain of passes runs that about three times,
# and to run a node takes as long as to search forty (measured: an LSTM of 128 units, batch 32).
SEARCHES = 50


def norms(record, total, explain):
    """``ln ‖∂L/∂h_t‖`` as a list, what each of these is, and for each parameter its contributions.

    ``explain()`` is called where a gradient is not finite.
    """
    states, plain = record.states(), {}
    totals = back(record, total, lambda key, g: plain.update({key: measure(g)}))
    unused = used_elsewhere(record, plain, totals)
    del totals
    if not all(log < math.inf for log, _, _ in plain.values()):
        explain()
    runs = [plain]
    if loses_digits(record, plain):
        chain = chain_rule(record, total, states)
        runs += [chain] * agree_where_exact(plain, chain)
    log_h, lost = [], False
    for keys in reversed(states):
        if keys and record.deaf.issuperset(keys):
            log, lost = -math.inf, False
        else:
            log, lost = norm_over(runs, keys, lost)
        log_h.insert(0, log)
    status = [
        what_it_is(log, [plain[key][0] for key in keys if key in plain], keys)
        for log, keys in zip(log_h, states, strict=True)
    ]
    log_p = {name: [] for call in record.calls for name in call.p}
    for call, keys, log in zip(record.calls, states[1:], log_h[1:], strict=True):
        lost = bool(keys) and math.isnan(log)
        for name, logs in log_p.items():
            mine = [call.p[name]] if name in call.p and call.p[name] not in unused else []
            logs.append(norm_over(runs, mine, lost and not record.deaf.issuperset(mine))[0])
    return log_h, status, log_p


def loses_digits(record, plain):
    """Whether one pass back has lost digits, or zeros are in it that may be such a loss."""
    lost = {key for key, (_, up, down) in plain.items() if not has_all_digits(up, down)}
    zeros = {key for key in lost if plain[key][0] == -math.inf}
    shares = [(call, zeros.intersection(call.p.values())) for call in record.calls]
    shares = [(call, keys) for call, keys in shares if keys]
    if len(shares) > SEARCHES or lost - set().union(*(keys for _, keys in shares)):
        return True
    return any(keys - always_zero(record, call, keys) for call, keys in shares)


def always_zero(record, call, keys):
    """Those of ``keys``, parameters of a call, to which it passes nothing whatever comes back.

    As to the matrix that multiplies a first state of zeros. Random numbers come back to everything
    that it gives out: a share that is zero then has a slope of zero.
    """
    record.hear = ignore
    keys, gives = [*keys], [record.kept[key] for key in call.gives if key not in record.deaf]
    seeds = [torch.randn_like(part) for part in gives]
    back = torch.autograd.grad(
        *(gives, [record.kept[key] for key in keys], seeds),
        retain_graph=True,
        allow_unused=True,
    )
    return {key for key, g in zip(keys, back, strict=True) if g is None or not not_zero(g)}


def what_it_is(log, plain, keys):
    """One of the words of ``ModelTrace.status``; ``plain`` are the logs of one pass back."""
    if not keys:
        return "no gradient (integers)"
    if log == -math.inf:
        return "exactly zero"
    if not math.isnan(log):
        return "finite"
    if any(map(math.isnan, plain)):
        return "nan"
    return "overflow" if math.inf in plain else "underflow"


def used_elsewhere(record, plain, totals):
    """The keys of parameters that get a gradient, but not here: the call does not use them."""
    silent = [
        (call, key)
        for call in record.calls
        for key in call.p.values()
        if key not in plain and key not in record.deaf
    ]
    if not silent:
        return set()
    leaves = zip(record.leaves, totals, strict=True)
    got = {id(leaf) for leaf, g in leaves if g is not None and not_zero(g)}
    return {
        key
        for call, key in silent
        if record.shared[key] in got
        and not reaches([record.kept[out] for out in call.gives], record.kept[key].grad_fn)
    }


def chain_rule(record, total, states):
    """What is seen past the float range, if each state passes all it gets to the one before."""
    states = [[key for key in keys if key not in record.deaf] for keys in states]
    direct, ends = {key: None for keys in states for key in keys}, {}

    def cut(key, g):
        if key in direct:
            direct[key] = g
            return torch.zeros_like(g)

    record.hear = cut
    tops = [record.kept[key] for key in direct]  # not the parameters: that saves their products
    torch.autograd.grad(total, tops, retain_graph=True, allow_unused=True)
    record.hear = ignore
    direct = {key: g for key, g in direct.items() if g is not None}
    found = step_by_step(states, record.kept, direct)
    seen = {key: measure_scaled(*scaled) for key, scaled in found.items()}
    for call, keys in zip(record.calls, states[1:], strict=True):
        ends |= {share: found[keys[0]][1] for share in call.p.values() if keys}

    def scaled(key, g):
        if key in ends:
            seen[key] = measure_scaled(g, ends[key])
        return found[key][0] if key in found else None

    back(record, total, scaled)
    return seen


def back(record, total, hear):
    """The gradients of the leaves, with ``hear(key, g)`` at every tensor that is watched."""
    record.hear = hear
    with np.errstate(all="ignore"):
        return torch.autograd.grad(total, record.leaves, retain_graph=True, allow_unused=True)


def ignore(key, g):
    """To listen to nothing."""
