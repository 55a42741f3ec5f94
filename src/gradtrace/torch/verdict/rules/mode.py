"""Modes and switches: evaluation mode, and what is frozen."""

import torch

from ..causes import found
from .reach import twins

DROPOUT = torch.nn.modules.dropout._DropoutNd
BATCH_NORM = torch.nn.modules.batchnorm._BatchNorm


def evaluation_mode(case):
    """Dropout or batch norm in evaluation mode in a model that an optimiser is to train.

    Or batch norm in training mode that sees one example, and normalises it by itself alone.

    A part is meant to be so if it is frozen, or, of batch norm, if its averages have been learnt:
    then they are those of a model trained before.
    """
    alone = [name for name, shape in case.batch_norms() if shape[0] == 1]
    if alone:
        return [
            found(
                "evaluation mode",
                alone[0],
                f"{case.called(alone[0])} is in training mode and sees one example at a time: it"
                " takes away what distinguishes this one from others, and the averages that"
                " evaluation uses fit none.",
                "Train with larger batches, or use GroupNorm or LayerNorm.",
            )
        ]
    if case.optimizer is None:
        return []
    whole = not case.task.model.training
    asleep = []
    for module, name in case.task.names.items():
        if module.training or not sleeps(module):
            continue
        if whole or not (in_frozen_part(case, name) or has_averages(module)):
            asleep.append(name)
    if not asleep:
        return []
    what = "The model is" if whole else "A part of the model is"
    return [
        found(
            "evaluation mode",
            asleep[0],
            f"{what} in evaluation mode while an optimiser is to train it: {len(asleep)} layers of"
            f" dropout or batch norm, first {case.called(asleep[0])}, do not do what they do in"
            " training.",
            "Call model.train() before the updates, and model.eval() for the measurements alone.",
            layers=len(asleep),
        )
    ]


def sleeps(module):
    """Whether a module does something else in evaluation mode."""
    if isinstance(module, DROPOUT):
        return module.p > 0
    return isinstance(module, BATCH_NORM) and module.track_running_stats


def in_frozen_part(case, name):
    """Whether the innermost module around one, itself included, that has weights is frozen."""
    modules = dict(case.task.model.named_modules())
    while not any(True for _ in modules[name].parameters()):
        if not name:
            return False
        name = name.rpartition(".")[0]
    return not any(p.requires_grad for p in modules[name].parameters())


def has_averages(module):
    """Whether a batch norm's running averages have been learnt."""
    if not isinstance(module, BATCH_NORM) or module.running_mean is None:
        return False
    return bool((module.running_mean != 0).any() or (module.running_var != 1).any())


def frozen(case):
    """No parameter requires a gradient; or weights that do not are still as they were drawn.

    A frozen backbone was trained before, here or elsewhere: most of its weights then no
    longer fill, evenly and to the edge, the interval from which PyTorch draws them, or are no
    longer as normal as a usual start. A twin of a module that learns, as a target network or a
    teacher, has weights of that. And random features may be meant to stay: where the rest of the
    net learns with them, nothing is wrong.
    """
    parameters = case.task.parameters()
    still = {name: p for name, p in parameters.items() if not p.requires_grad}
    copies = twins(case, {*still})
    if parameters and len(still) == len(parameters):
        return [
            found(
                "frozen",
                "",
                "No parameter of the model requires a gradient: nothing can learn.",
                "Call requires_grad_(True) on the parts that are to learn.",
                share=1.0,
            )
        ]
    drawn = [name for name, p in still.items() if as_drawn(p) and name not in copies]
    count = sum(still[name].numel() for name in drawn)
    if count <= sum(p.numel() for p in still.values()) / 2 or case.learns:
        return []
    home = drawn[0].rpartition(".")[0]
    whole = sum(p.numel() for p in parameters.values())
    return [
        found(
            "frozen",
            home,
            f"{count:,} of {whole:,} parameters, first in {case.called(home)}, do not require a"
            " gradient, and are still as PyTorch draws them at random: nobody has trained them, and"
            " nobody will.",
            f"Call requires_grad_(True) on {case.called(home)}, or load the weights that it is to"
            " have.",
            share=count / whole,
        )
    ]


def as_drawn(p):
    """Whether a matrix fills, evenly and to the edge, an interval that PyTorch draws from.

    Or is normal, as in :func:`is_normal`.

    That is ±1/√n_in of nn.Linear and convolutions, ±1/√n of recurrent modules, Xavier's or He's.
    The largest of n such numbers lies within 5/n of the edge in all but one of 150 cases, and never
    beyond; their fourth moment over the square of the second is 9/5, with a standard deviation of
    1.4/√n, about. An update of any size takes some of them over the edge.
    """
    if p.dim() < 2 or p.numel() < 64 or not p.is_floating_point():
        return False
    w = p.detach().float().flatten()
    n, n_in, n_out = len(w), p[0].numel(), p[:, 0].numel()
    edges = {n_in**-0.5, (6 / (n_in + n_out)) ** 0.5, (6 / n_in) ** 0.5}
    edges |= {(gates / n_out) ** 0.5 for gates in (1, 3, 4)}
    top, square = w.abs().max().item(), w.square().mean().item()
    if not square:
        return False
    fourth = (w**4).mean().item() / square**2
    if any(1 - 5 / n < top / edge < 1 + 1e-5 for edge in edges):
        return abs(fourth - 1.8) < 6 / n**0.5
    return is_normal(w, fourth, square**0.5, n_in, n_out)


def is_normal(w, fourth, deviation, n_in, n_out):
    """Whether a matrix is as a usual normal start draws it: an embedding's, He's, Xavier's, 0.02.

    Within three standard deviations of n numbers each, of the mean (1/√n), the deviation (1/√2n)
    and the fourth moment over the square of the second, 3 (√(24/n)).
    """
    n = len(w)
    usual = {1.0, 0.02, 0.01, n_in**-0.5, (2 / n_in) ** 0.5, (2 / n_out) ** 0.5}
    usual.add((2 / (n_in + n_out)) ** 0.5)
    return (
        any(abs(deviation / each - 1) < 3 / (2 * n) ** 0.5 for each in usual)
        and abs(w.mean().item()) < 3 * deviation / n**0.5
        and abs(fourth - 3) < 3 * (24 / n) ** 0.5
    )
