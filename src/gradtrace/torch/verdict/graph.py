"""What PyTorch's graph says of a loss: which operations stand between it and the parameters."""

import math

import torch

from ..nested import tensors

# They hand on what they get, in another shape or as a copy.
VIEWS = {
    *("View", "UnsafeView", "ReshapeAlias", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "T"),
    *("Permute", "Slice", "Select", "Alias", "Expand", "Clone", "ToCopy", "Split", "Unbind"),
    *("Swapdims", "AsStrided", "Identity"),
}
SCALES = {"Mul", "Div", "Neg"}
SUMS = {"Sum", "Mean"}
WEIGHTED = {"Addmm", "Mm", "Bmm", "Baddbmm", "Convolution"}
WIDE = 5.0  # of ten classes one can then have 94 % of a softmax; with 1, 23 %
FLAT_STEPS = {"Round", "Sign", "Floor", "Ceil", "Trunc", "Heaviside", "Fix"}
# What squashes by itself, and what it makes of numbers that are squashed already.
INSIDE = {
    "LogSoftmax": {"Softmax", "Sigmoid"},
    "Softmax": {"Softmax", "Sigmoid"},
    "Sigmoid": {"Softmax", "Sigmoid"},
    "BinaryCrossEntropyWithLogits": {"Sigmoid", "Softmax"},
    "LogSigmoid": {"Sigmoid"},
    "Softplus": {"Sigmoid"},
}


def passes_through(node):
    """The operation of a node, as ``"LogSoftmax"``."""
    return node.name().partition("Backward")[0] if node is not None else ""


def nodes_behind(start, until=()):
    """All nodes of the graph behind a tensor or a node, nearest first, none behind ``until``."""
    todo, seen = [getattr(start, "grad_fn", start)], set()
    while todo:
        node = todo.pop(0)
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            if passes_through(node) not in until:
                todo += [before for before, _ in node.next_functions]


def without_views(node):
    """The first node behind one, itself included, that does more than reshape."""
    while node is not None and passes_through(node) in VIEWS:
        node = next(before for before, _ in node.next_functions if before is not None)
    return node


def without_scales(node, sums=False):
    """The first node behind one that does more than reshape and scale, and the factor between.

    With ``sums``, sums and means are handed through, too, at a factor of one.
    """
    factor, node = 1.0, without_views(node)
    through = SCALES | SUMS if sums else SCALES
    while passes_through(node) in through:
        before = [each for each, _ in node.next_functions if each is not None]
        if len(before) != 1:
            break
        factor *= 1.0 if passes_through(node) in SUMS else scaled_by(node)
        node = without_views(before[0])
    return node, factor


def scaled_by(node):
    """The number by which a node multiplies what it gets; nan where that is no single number."""
    if passes_through(node) == "Neg":
        return -1.0
    other = getattr(node, "_saved_other", None)
    if not isinstance(other, torch.Tensor) or other.numel() != 1:
        return math.nan
    return 1 / other.item() if passes_through(node) == "Div" else other.item()


def before_views(out):
    """The node that made a model's output, if this is one tensor."""
    found = [t for t in tensors(out) if t.requires_grad]
    return without_views(found[0].grad_fn) if len(found) == 1 else None


def double_squash(total):
    """``(outer, inner)``: a node that squashes what another one has squashed; else None.

    Behind the last weights alone: before these it is a part of the model, such as a gate. A softmax
    of numbers between 0 and ``WIDE`` or more can be sure, so that this is a choice of the author.
    """
    for node in nodes_behind(total, until=WEIGHTED):
        wanted = INSIDE.get(passes_through(node))
        if wanted:
            inner, factor = without_scales(node.next_functions[0][0])
            wide = passes_through(node) in ("LogSoftmax", "Softmax") and abs(factor) >= WIDE
            if passes_through(inner) in wanted and not wide:
                return node, inner
    return None
