"""What PyTorch's graph says of a loss: which operations stand between it and the parameters."""

from ..nested import tensors

# They hand on what they get, in another shape or as a copy.
VIEWS = {
    *("View", "UnsafeView", "ReshapeAlias", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "T"),
    *("Permute", "Slice", "Select", "Alias", "Expand", "Clone", "ToCopy", "Split", "Unbind"),
    *("Swapdims", "AsStrided", "Identity"),
}
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


def nodes_behind(start):
    """All nodes of the graph behind a tensor or a node, nearest first."""
    todo, seen = [getattr(start, "grad_fn", start)], set()
    while todo:
        node = todo.pop(0)
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            todo += [before for before, _ in node.next_functions]


def without_views(node, scales=False):
    """The first node behind one, itself included, that does more than reshape, or than scale."""
    while node is not None:
        only = [before for before, _ in node.next_functions if before is not None]
        scaled = scales and passes_through(node) in ("Mul", "Div") and len(only) == 1
        if not scaled and passes_through(node) not in VIEWS:
            break
        node = only[0]
    return node


def before_views(out):
    """The node that made a model's output, if this is one tensor."""
    found = [t for t in tensors(out) if t.requires_grad]
    return without_views(found[0].grad_fn) if len(found) == 1 else None


def double_squash(total):
    """``(outer, inner)``: a node that squashes what another one has squashed; else None."""
    for node in nodes_behind(total):
        wanted = INSIDE.get(passes_through(node))
        if wanted:
            inner = without_views(node.next_functions[0][0], scales=True)
            if passes_through(inner) in wanted:
                return node, inner
    return None
