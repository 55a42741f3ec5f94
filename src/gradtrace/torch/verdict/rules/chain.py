"""How gradients fare along depth and time."""

import math

import numpy as np

from ..causes import found
from .words import factor, percent

POWERS = math.log(1e3)
ROUNDING = math.log(2.0**-24)  # of float32
WEIGHTS = 1e-5
LONG, SHORT = 30, 0.2
ADVICE = {
    ("vanishing", False): (
        "Start with weights that fit the activation (He for ReLU, Xavier for tanh), add skip"
        " connections, or normalise."
    ),
    ("exploding", False): (
        "Start with smaller weights, or normalise; a smaller learning rate does not even the layers"
        " out."
    ),
    ("exploding", True): (
        "Clip the norm of the gradient, and start with recurrent weights of a smaller radius."
    ),
}


def vanishing(case):
    """The gradient is a thousandfold smaller at the start of a chain than at its end.

    One learning rate serves all layers: in a thousand updates the slow end then moves as far as the
    fast end in one. An optimiser that scales, as Adam does, gives each entry a rate of its own: a
    net that learns with its optimiser all the same has no such fault. In time all steps share their
    weights, and their gradients add up; there the limit is the rounding error of float32, below
    which a step adds nothing to the sum.
    """
    logs, places = chain(case)
    if len(logs) < 4:
        return by_weights(case)
    limit = ROUNDING if case.in_time else -POWERS
    if logs[0] - logs[-1] >= limit or (not case.in_time and case.learns):
        return []
    return [along("vanishing", case, logs, places)]


def exploding(case):
    """The gradient is a thousandfold larger at the start of a chain than at its end.

    The limit is that of ``vanishing``, for the same reason.
    """
    logs, places = chain(case)
    if len(logs) < 4 or logs[0] - logs[-1] < POWERS:
        return []
    return [along("exploding", case, logs, places)]


def along(cause, case, logs, places):
    steps = int(places[-1] - places[0])
    power = (logs[0] - logs[-1]) / math.log(10)
    timely = bool(case.in_time)
    names = case.trace.names
    where = f"{names[places[0]]} to {names[places[-1] - 1]}"
    rate = math.exp((logs[0] - logs[-1]) / steps)
    own = (cause, timely) == ("vanishing", True)
    advice = in_time_advice(case) if own else ADVICE[cause, timely]
    words = "fades" if cause == "vanishing" else "grows"
    return found(
        cause,
        case.in_time,
        f"On its way back through {steps} steps, {where}, the gradient {words} by"
        f" {abs(power):.1f} powers of ten, by a factor of {rate:.2g} a step.",
        advice,
        in_time=timely,
        power=power,
        rate=rate,
    )


def in_time_advice(case):
    """What to do about early steps that are not heard: not gates where there are some already."""
    share = case.padding_at_the_end()
    if share:
        return (
            f"The sequences of the batch end in padding, {percent(share)} of all steps: read each"
            " at its own last step, not at that of the longest, by its length or by"
            " pack_padded_sequence. Then look anew."
        )
    module = {name: m for m, name in case.task.names.items()}.get(case.in_time)
    if type(module).__name__.startswith(("LSTM", "GRU")):
        return (
            "It has gates already: start the forget gate's bias at one or more, let the loss see"
            " earlier steps, or take attention."
        )
    return "Take gates, orthogonal weights, or a shorter way to the loss."


def chain(case):
    """``ln ‖∂L/∂h‖`` along the longest chain, as far as there are numbers, and their places.

    In depth without the input: the gradient there has the inverse of the data's unit.
    """
    if case.chain is None:
        return np.array([]), np.array([])
    first, last = case.chain
    first = max(first, 0 if case.in_time else 1)
    logs = case.trace.log_h[first : last + 1]
    places = np.flatnonzero(np.isfinite(logs))
    return logs[places], first + places


def by_weights(case):
    """Where there is no chain to follow: ``‖∂L/∂W‖ / ‖W‖`` of the modules, as they were called.

    The median of the first third is less than a hundred-thousandth of that of the last: the limit
    of a chain, and two powers for what layers differ by anyhow.
    """
    modules = case.with_weights()
    ratios = [case.relative_gradient(name) for name in modules]
    ratios = [ratio for ratio in ratios if 0 < ratio < math.inf]
    third = len(ratios) // 3
    if third < 2:
        return []
    early, late = np.median(ratios[:third]), np.median(ratios[-third:])
    if early > WEIGHTS * late or case.learns:
        return []
    return [
        found(
            "vanishing",
            "",
            f"The gradients of the first modules, over their weights, are {factor(early / late)} of"
            f" those of the last ones, from {case.called(modules[0])} to"
            f" {case.called(modules[-1])}.",
            ADVICE["vanishing", False],
            ratio=early / late,
        )
    ]


def short_reach(case):
    """The gradient of a long run comes from its last steps alone.

    Of at least thirty steps, less than a fifth holds 99 % of the sum of ``‖∂L/∂h_t‖``. A task of
    thirty steps may need no more than the last few: read it as a question.
    """
    log = case.trace
    if log is None or not case.in_time or len(log.names) < LONG:
        return []
    logs = np.where(np.isnan(log.log_h), -np.inf, log.log_h)
    if not np.isfinite(logs).any():
        return []
    sizes = np.exp(logs - logs.max())
    heard = np.cumsum(sizes[::-1]) / sizes.sum()
    reach = int(np.searchsorted(heard, 0.99)) + 1
    if reach >= SHORT * len(logs):
        return []
    home = case.in_time
    return [
        found(
            "short reach",
            home,
            f"{case.called(home)} hears the last {reach} of {len(log.names)} steps: 99 % of the"
            " gradient comes from these, and what stood before them cannot be learnt from it.",
            in_time_advice(case),
            in_time=True,
            reach=reach,
            steps=len(log.names),
        )
    ]
