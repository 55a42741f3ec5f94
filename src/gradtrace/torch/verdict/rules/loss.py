"""What the loss makes of the outputs: shapes, squashing, bounds, and how large they are."""

import math

import torch

from ...nested import has_slopes, tensors
from ..alike import alike
from ..causes import found
from ..graph import before_views, double_squash, passes_through
from .words import factor, percent

LOUD = 5.0
BEYOND = 0.05  # of the targets


def target_shape(case):
    """A loss in which every output meets every target.

    Output and target are of two shapes that grow into a larger one, and then, tried with outputs
    that all differ, the loss does not change where the targets are given in another order. A loss
    of one example against its own target does.
    """
    meeting = case.broadcast
    if meeting is None or not case.loss_forgets_order():
        return []
    out, target = meeting
    return [
        found(
            "target shape",
            "",
            f"Outputs of shape {out} and targets of shape {target} are broadcast against each"
            " other: every output is compared with the targets of all examples, and the mean of"
            " the targets is the best answer to everything.",
            f"Give both one shape: out.squeeze(-1), or target.unsqueeze(-1). Now: {out} and"
            f" {target}.",
        )
    ]


def double_softmax(case):
    """A softmax or sigmoid whose output, as it is, goes into a loss that squashes once more.

    Seen in the graph, whatever the numbers. A log-softmax before a log-softmax changes nothing, and
    is no finding.
    """
    pair = double_squash(case.seen.total)
    if pair is None:
        return []
    outer, inner = pair
    home = case.seen.maker.get(inner, "")
    first, second = passes_through(inner).lower(), passes_through(outer)
    home = "" if home == "the loss" else home
    return [
        found(
            "double softmax",
            home,
            f"What the {first} of {case.called(home)} gives out goes into {second}, which squashes"
            " by itself: outputs between 0 and 1 can never say that one class is sure, and the"
            " gradient is small throughout.",
            f"Drop the {first} in {case.called(home)}, and give the loss the numbers before it.",
        )
    ]


REACH = {
    **dict.fromkeys(("Relu", "Softplus", "Exp", "Abs"), (0.0, math.inf)),
    **dict.fromkeys(("Sigmoid", "Softmax", "Hardsigmoid"), (0.0, 1.0)),
    "Tanh": (-1.0, 1.0),
}


def output_bounded(case):
    """More than a twentieth of the targets lie where the last activation cannot go.

    A few outliers beyond an end do no harm. Where the loss has the targets inside, it is asked:
    with all outputs at an end of the range, its slope says for which of them it wants to go beyond.
    """
    last = before_views(case.seen.out)
    name = passes_through(last)
    if name not in REACH or case.finite is False:
        return []
    share, how = share_beyond(case, *REACH[name])
    if share <= BEYOND:
        return []
    home = case.seen.maker.get(last, "")
    low, high = REACH[name]
    ends = "below zero" if high == math.inf else f"outside {low:g} to {high:g}"
    return [
        found(
            "output bounded",
            home,
            f"The {name.lower()} of {case.called(home)} is the last thing that the model does, and"
            f" {percent(share)} of {how} {ends}, where it cannot go.",
            f"Leave the {name.lower()} at the end out, or scale the targets into its range.",
            share=share,
        )
    ]


def share_beyond(case, low, high):
    """Which share of the outputs would have to leave a range, and in words of what that is one."""
    target = case.task.target
    out = next(t for t in tensors(case.seen.out) if t.requires_grad)
    if isinstance(target, torch.Tensor) and has_slopes(target) and target.numel() == out.numel():
        rounding = 1e-6 * (high - low if math.isfinite(high) else 1.0)
        beyond = (target < low - rounding) | (target > high + rounding)
        return beyond.float().mean().item(), "the targets lie"
    wanted = torch.zeros_like(out, dtype=torch.bool)
    for end, sign in ((low, 1), (high, -1)):
        if math.isfinite(end):
            slope = case.slope_with(lambda t, end=end: torch.full_like(t, end))
            if slope is None or slope.shape != out.shape:
                return 0.0, ""
            wanted |= sign * slope > 0
    both = math.isfinite(low) and math.isfinite(high)
    if both:  # every output wants to get away from one end
        return 0.0, ""
    return wanted.float().mean().item(), "what the loss asks for lies"


def ignores_input(case):
    """The same output for every example, also after the updates.

    The examples are given in another order, with the same random numbers, and what comes out is the
    same to five digits of its size. After the updates, so that a head that starts at zero is none.
    """
    if case.same_inputs():
        return [
            found(
                "ignores input",
                "",
                "The inputs themselves are the same for every example of the batch: there is"
                " nothing to tell the examples apart by.",
                "Look at how the batch is made: a division of whole numbers, a crop or an index"
                " that is always the same, an input that is overwritten.",
            )
        ]
    if case.shuffled_inputs is None or not case.updates.losses:
        return []
    if not case.one_for_each(case.updates.out) or not alike(
        case.updates.out, case.updates.after_shuffle
    ):
        return []
    home = case.lost_at()
    if home is None:
        return []
    return [
        found(
            "ignores input",
            home,
            "The output is the same for every example of the batch, whatever comes in: the examples"
            f" are told apart up to {case.called(home)}, and no longer after it.",
            f"Look in {case.called(home)} for a factor or weights of zero, a mean over the"
            " batch, or an input that is overwritten.",
        )
    ]


def loud_start(case):
    """A loss five times that of outputs that are all zero, or all the batch's mean.

    Outputs as large as a usual start makes them, with a variance of one or two, come to less than
    three times that. Losses that can be negative have no such ratio, and are left out.
    """
    constant = case.loss_of_constant
    if not (constant > 0 and case.loss > LOUD * constant):
        return []
    home = case.last_weights()
    return [
        found(
            "loud start",
            home,
            f"The loss, {case.loss:.4g}, is {factor(case.loss / constant)} times that of one answer"
            f" to everything, {constant:.4g}: the outputs are far too large, and the first updates"
            " do nothing but shrink them.",
            f"Start {case.called(home)} with smaller weights, or with zeros.",
            ratio=case.loss / constant,
        )
    ]
