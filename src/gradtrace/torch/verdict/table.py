"""The table of a report: a row for every module that computes something itself."""

import math
from typing import NamedTuple

from .rules.reach import given_to


class Row(NamedTuple):
    """What is known of one module.

    Attributes
    ----------
    module, kind : str
        Its name, and its class.
    parameters : int
        Of its own, without those of modules inside.
    weight, gradient : float
        ``‖W‖`` and ``‖∂L/∂W‖`` over these; nan where there are none, or no gradient arrives.
    update : float
        ``‖ΔW‖ / ‖W‖`` of its largest parameter, the median of a few updates; nan without any.
    calls : int
        How often it ran.
    output : float
        The root mean square of what it gave out last; nan also if it was not called.
    dead, saturated : float
        The share of units that were zero for every example, and of numbers at the flat ends of an
        activation; nan where there is none.
    covered : str
        ``"yes"``, ``"no"``, ``"part"``, ``"frozen"`` where nothing requires a gradient,
        ``"unused"`` where it requires one and none arrives; empty without an optimiser or without
        parameters.
    """

    module: str
    kind: str
    parameters: int
    weight: float
    gradient: float
    update: float
    calls: int
    output: float
    dead: float
    saturated: float
    covered: str


def rows_of(case):
    """A row for every module with parameters, an activation or nothing inside, in order."""
    flows = {}
    for flow in case.seen.flows:
        flows.setdefault(flow.module, []).append(flow)
    parameters = case.task.parameters()
    held = given_to(case.optimizer, parameters) if case.optimizer is not None else None
    names = {id(p): name for name, p in parameters.items()}
    rows = []
    for module, name in case.task.names.items():
        own = [names[id(p)] for p in module.parameters(recurse=False) if id(p) in names]
        innermost = name in case.seen.called and next(module.children(), None) is None
        if own or name in flows or innermost:
            rows.append(row(case, module, name, own, flows.get(name, []), held))
    return tuple(rows)


def row(case, module, name, own, flows, held):
    parameters = case.task.parameters()
    grads = [case.seen.grads[n] for n in own if case.seen.grads.get(n) is not None]
    rectifiers = [flow for flow in flows if flow.dead is not None]
    squashers = [flow for flow in flows if flow.dead is None and flow.entries]
    units = sum(flow.units for flow in rectifiers)
    return Row(
        name,
        type(module).__name__,
        sum(parameters[n].numel() for n in own),
        norm([parameters[n] for n in own]),
        norm(grads),
        share_of_update(case, own),
        case.seen.called.get(name, 0),
        case.seen.sizes.get(name, math.nan),
        sum(flow.dead_share * flow.units for flow in rectifiers) / units if units else math.nan,
        max((flow.flat_share for flow in squashers), default=math.nan),
        covered(case, own, held),
    )


def norm(tensors):
    """The norm over all entries; nan of none."""
    if not tensors:
        return math.nan
    return math.hypot(*(t.detach().float().norm().item() for t in tensors))


def share_of_update(case, own):
    if not own or not case.finite or not case.updates.moved:
        return math.nan
    largest = max(own, key=lambda n: case.task.parameters()[n].numel())
    shares = sorted(case.updates.moved.get(largest, []))
    return shares[len(shares) // 2] if shares else math.nan


def covered(case, own, held):
    if not own:
        return ""
    parameters = case.task.parameters()
    if not any(parameters[n].requires_grad for n in own):
        return "frozen"
    if all(case.seen.grads.get(n) is None for n in own):
        return "unused"
    if held is None:
        return ""
    inside = sum(n in held for n in own)
    return "yes" if inside == len(own) else "part" if inside else "no"
