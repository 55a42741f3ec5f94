"""What the loss makes of the outputs: shapes, squashing, logarithms, bounds, and their size."""

import math

import torch

from ...nested import has_slopes, tensors
from ..alike import alike
from ..causes import found
from ..graph import (
    before_views,
    double_squash,
    nodes_behind,
    passes_through,
    without_scales,
    without_views,
)
from ..references import root
from ..updates import maximises
from .reach import all_the_same
from .words import factor, percent

LOUD = 5.0
WELL_ENOUGH = 0.8  # of the first loss, after a hundred updates on the batch
LARGE = 3.0  # of an output's root mean square
BEYOND = 0.05  # of the targets
DISTANCES = {
    *("NllLoss", "BinaryCrossEntropy", "BinaryCrossEntropyWithLogits"),
    *("MseLoss", "SmoothL1Loss", "HuberLoss"),
}
NO_LOGARITHM = {"Softmax", "Sigmoid", "Relu", "Addmm", "Mm", "Convolution"}


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


def negated_loss(case):
    """The distance between outputs and targets, with a minus before it: it is made larger.

    Seen in the graph: the whole loss is a known distance times a negative number. Losses that are
    negative by right, as log-likelihoods, are no such distance. Targets that are all the same, as
    of a generator that is to be taken for false, are left out, and so is an optimiser that
    maximises.
    """
    if not case.task.pair or maximises(case.optimizer):
        return []
    node, factor = without_scales(case.seen.total.grad_fn, sums=True)
    if not (factor < 0 and passes_through(node).removesuffix("2D") in DISTANCES):
        return []
    if all_the_same(case.task.target):
        return []
    return [
        found(
            "negated loss",
            "",
            f"The loss is {passes_through(node)} with a minus before it: an update takes the"
            " outputs away from their targets, and the loss falls without end.",
            "Drop the minus; a gradient is subtracted by the optimiser itself.",
            factor=factor,
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


def missing_logarithm(case):
    """The negative log-likelihood of what is no logarithm: probabilities, or bare sums.

    Seen in the graph, whatever the numbers: nll_loss takes the number at the label as it is, so
    that the loss falls without end, or stops where a probability is one.
    """
    for node in nodes_behind(case.seen.total):
        if passes_through(node).startswith("NllLoss"):
            inner = without_views(node.next_functions[0][0])
            if passes_through(inner) in NO_LOGARITHM:
                home = case.seen.maker.get(inner, "")
                home = "" if home == "the loss" else home
                return [
                    found(
                        "missing logarithm",
                        home,
                        f"nll_loss takes logarithms of probabilities, and gets what"
                        f" {passes_through(inner).lower()} of {case.called(home)} gives out.",
                        "Use nn.CrossEntropyLoss on the numbers before any softmax, or a"
                        " log-softmax at the end of the model.",
                    )
                ]
    return []


def softmax_over_examples(case):
    """The softmax at the end of the model runs over the examples, so that these compete."""
    last = before_views(case.seen.out)
    if passes_through(last) not in ("Softmax", "LogSoftmax"):
        return []
    outs = [t for t in tensors(case.seen.out) if t.requires_grad]
    if last._saved_dim % (1 << 64) != 0 or outs[0].dim() < 2 or not case.one_for_each(outs):
        return []
    home = case.seen.maker.get(last, "")
    return [
        found(
            "softmax over examples",
            home,
            f"The softmax of {case.called(home)} runs over axis 0, the examples: what one of them"
            " gets is taken from the others.",
            "Let it run over the classes: dim=-1, or dim=1 where positions follow.",
        )
    ]


REACH = {
    **dict.fromkeys(("Relu", "Softplus", "Exp", "Abs"), (0.0, math.inf)),
    **dict.fromkeys(("Sigmoid", "Softmax", "Hardsigmoid"), (0.0, 1.0)),
    "Tanh": (-1.0, 1.0),
}


def output_bounded(case):
    """More than a twentieth of the targets lie where the last activation cannot go.

    A few outliers beyond an end do no harm, and the loss is asked: with all outputs at an end of
    the range, its slope says for which of them it wants to go beyond. So a target that it masks is
    none, nor one for outputs that it scales. Where it has the targets inside, this slope is all
    that is known, and a model whose loss falls by a fifth in a hundred updates has no such fault:
    the evidence that a net gathers for the wrong classes, say, is asked to fall, and cannot fall
    below zero by its meaning.
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
    rounding = 1e-6 * (high - low if math.isfinite(high) else 1.0)
    below, above = wanted_beyond(case, out, low, 1), wanted_beyond(case, out, high, -1)
    if below is None or above is None:
        return 0.0, ""
    if isinstance(target, torch.Tensor) and has_slopes(target) and target.numel() == out.numel():
        target = target.reshape(out.shape)
        beyond = (below & (target < low - rounding)) | (above & (target > high + rounding))
        return beyond.float().mean().item(), "the targets lie"
    both = math.isfinite(low) and math.isfinite(high)
    if both or case.fallen < WELL_ENOUGH:  # of two ends, every output wants to get away from one
        return 0.0, ""
    return (below | above).float().mean().item(), "what the loss asks for lies"


def wanted_beyond(case, out, end, sign):
    """For which outputs, with all at one end of the range, the loss falls beyond it."""
    if not math.isfinite(end):
        return torch.zeros_like(out, dtype=torch.bool)
    slope = case.slope_with(lambda t: torch.full_like(t, end))
    if slope is None or slope.shape != out.shape:
        return None
    return sign * slope > 0


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
    three times that. Outputs of that size are no loud start either where the targets are much
    smaller than one: there it is the targets that are small. Losses that can be negative have no
    such ratio, and are left out.
    """
    constant = case.loss_of_constant
    if not (constant > 0 and case.loss > LOUD * constant):
        return []
    if max(map(root, tensors(case.seen.out)), default=0.0) <= LARGE:
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
