"""Errors of a model that are faults which a report knows."""

import torch

from .causes import found

ONE_EXAMPLE = "Expected more than 1 value per channel when training"


def found_in_error(error, task):
    """The finding that an error of the model stands for, or None.

    Batch norm in training mode has no variance of a single number, and says so.
    """
    if not (isinstance(error, ValueError) and ONE_EXAMPLE in str(error)):
        return None
    norms = [
        name
        for module, name in task.names.items()
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.training
    ]
    return found(
        "evaluation mode",
        norms[0] if norms else "",
        "Batch norm in training mode was given a single number per channel, which has no variance:"
        " the model cannot run on a batch of one example.",
        "Train with larger batches (drop_last=True in the DataLoader), use GroupNorm or LayerNorm,"
        " or call eval() where you do not train.",
    )
