"""What units do: dead, or at the flat ends of what squashes them."""

from ...nested import tensors
from ..causes import found
from ..graph import passes_through, without_views
from ..observe import FLAT, PEAKED, slope_of
from .words import percent

DEAD = 0.75
SATURATED = 0.5


def dead_units(case):
    """Most of a layer's units give zero for every example.

    At a random start half of them may, where all examples have nearly the same state: then a
    unit's sign is a coin. The limit is four standard deviations of n coins above that half, and
    three quarters at least. A layer that is dead in whole is one whatever its size, from four on.
    A rectifier behind which nothing learns has no such units, nor has the hinge of a loss.
    """
    worst = None
    for flow in case.seen.flows:
        if flow.dead is None or flow.units < 4 or is_of_a_loss(flow, case):
            continue
        limit = min(max(DEAD, 0.5 + 2 / flow.units**0.5), 1.0)
        if flow.dead_share >= limit and (worst is None or flow.dead_share > worst.dead_share):
            worst = flow
    if worst is None:
        return []
    home = place_of(worst, case)
    return [
        found(
            "dead units",
            home,
            f"{percent(worst.dead_share)} of the {worst.units} units of {case.called(home)}"
            " are off for every example of the batch: they pass no gradient on, and hardly come"
            " back by themselves.",
            "Look at what comes in: a bias far below zero, a step that was too large, inputs that"
            " are not centred. Start anew with a smaller learning rate, or take LeakyReLU or GELU.",
            share=worst.dead_share,
            units=worst.units,
        )
    ]


def saturated(case):
    """More than half of a layer's units, over the batch, stand where their slope is below 5 %.

    That is, two units of tanh or four of a sigmoid from the middle, where 5 % of standard normal
    sums stand. At the output of the model a flat end may be right: there it counts where the slope
    of the loss leads away from it, as where a class was made rare by its bias, and without targets
    not at all. A model that has learnt is left out: its attention may well look at one place.
    Gates of an LSTM or GRU are meant to be open or shut, but hardly a tenth of them are so in nets
    that learn.
    """
    if case.learnt:
        return []
    worst = None
    for flow in case.seen.flows:
        if flow.dead is not None or not flow.entries or is_of_a_loss(flow, case):
            continue
        if flow.flat_share <= SATURATED or may_be_right(case, flow):
            continue
        if worst is None or flow.flat_share > worst.flat_share:
            worst = flow
    if worst is None:
        return []
    home = place_of(worst, case)
    if "softmax" in worst.operation or "attention" in worst.operation:
        return [
            found(
                "saturated",
                home,
                f"In {percent(worst.flat_share)} of the rows of attention in {case.called(home)}"
                " one place gets 99 % of the weight: hardly any gradient passes to queries and"
                " keys.",
                "Divide the scores by the root of the width of a head, start with smaller weights,"
                " or normalise queries and keys.",
                share=worst.flat_share,
            )
        ]
    return [
        found(
            "saturated",
            home,
            f"{percent(worst.flat_share)} of what {worst.operation} gives out in"
            f" {case.called(home)} stands at its flat ends, where the slope is below a twentieth of"
            " the largest: hardly any gradient passes.",
            "Start with smaller weights (Xavier), centre and scale what comes in, or put a"
            " normalisation in front.",
            share=worst.flat_share,
        )
    ]


def is_of_a_loss(flow, case):
    """Whether it stands behind all weights of a model that computes a loss itself, or is one."""
    return not case.task.pair and flow.after == case.last_weights() != flow.module


def may_be_right(case, flow):
    """Whether it is an output of the model of which not half are to leave their flat ends."""
    outs = [t for t in tensors(case.seen.out) if t.requires_grad]
    for place, out in enumerate(outs):
        node = without_views(out.grad_fn)
        made = case.seen.maker.get(node), passes_through(node).lower()
        if made == (flow.module, flow.operation):
            slope = case.slope_at(place) if case.task.pair else None
            return slope is None or wrong_share(flow, out.detach(), slope) <= SATURATED
    return False


def wrong_share(flow, out, slope):
    """Which share of an output stands at a flat end that the slope of the loss leads away from."""
    if flow.operation == "softmax":
        peaked = out.amax(-1) > PEAKED
        return (peaked & (slope.argmin(-1) != out.argmax(-1))).float().mean().item()
    middle = 0.0 if flow.operation == "tanh" else 0.5
    wrong = (slope_of(flow.operation, out) < FLAT) & (slope * (out - middle) > 0)
    return wrong.float().mean().item()


def place_of(flow, case):
    """The module to name: the activation or attention, else the last layer before it."""
    module = dict(case.task.model.named_modules()).get(flow.module)
    alone = module is not None and next(module.children(), None) is None
    whole = alone or "softmax" in flow.operation or "attention" in flow.operation
    return flow.module if flow.module and whole else flow.after or flow.module
