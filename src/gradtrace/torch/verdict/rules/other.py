"""Faults that have no word of their own."""

import math

import torch

from ...nested import has_slopes, tensors
from ..causes import found
from ..graph import before_views, nodes_behind, passes_through, without_views
from .mode import BATCH_NORM

NO_LOGARITHM = {"Softmax", "Sigmoid", "Relu", "Addmm", "Mm", "Convolution"}


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
                        "other",
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
            "other",
            home,
            f"The softmax of {case.called(home)} runs over axis 0, the examples: what one of them"
            " gets is taken from the others.",
            "Let it run over the classes: dim=-1, or dim=1 where positions follow.",
        )
    ]


def too_much_decay(case):
    """Weight decay pulls ten times as much as the loss does, at weights that have not learnt.

    Over all matrices, the decay times their norm is compared with that of their gradient; where it
    is decoupled, as in AdamW, a fiftieth of the weights in every update is too much.
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
    if not (pull > 10 * push > 0 or lost > 0.02):
        return []
    how = (
        f"pulls {pull / push:.2g} times as much at the weights as the loss does"
        if pull > 10 * push
        else f"takes {100 * lost:.2g} % of the weights away in every update"
    )
    return [
        found(
            "other",
            "",
            f"The weight decay {how}: the model forgets faster than it learns.",
            "Lower weight_decay tenfold or more; 0.0001 to 0.01 is usual, 0.1 with AdamW.",
        )
    ]


def mixed_examples(case):
    """The output for one example changes where another example of the batch does.

    Tried with one example replaced by its neighbour, without batch norm in training, which does
    mix, and only where the first axis is that of the examples alone: the input has three axes or
    more, the output two, and the second axis of the input has another length. So it is where a
    recurrent module reads (batch, time) as (time, batch), or a softmax runs over the batch.
    """
    first = case.task.first_input()
    outs = [t for t in tensors(case.seen.out) if has_slopes(t)]
    if first is None or first.dim() < 3 or len(first) < 3 or len(outs) != 1:
        return []
    (out,) = outs
    if out.dim() != 2 or len(out) != len(first) or len(first) == first.shape[1]:
        return []
    if any(isinstance(m, BATCH_NORM) and m.training for m in case.task.names):
        return []
    other = case.output_with_one_replaced()
    if other is None or torch.equal(out[1:].detach(), other[1:].detach()):
        return []
    apart = (out[1:] - other[1:]).abs().max().item()
    size = (out[1:] - out[1:].mean(0)).abs().max().item()
    if apart <= 1e-3 * size:  # sums in another order
        return []
    return [
        found(
            "other",
            "",
            "The examples of the batch are mixed: where one of them is replaced, the outputs of the"
            " others change, too.",
            "Look at the order of the axes: batch_first=True of recurrent modules and attention,"
            " the axis of a softmax or a mean, a reshape where a transpose is meant.",
            change=apart / size if size else float("inf"),
        )
    ]
