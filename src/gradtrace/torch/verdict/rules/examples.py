"""Whether the examples of a batch have to do with one another, and positions with later ones."""

import torch

from ...choose import RECURRENT
from ...nested import copied, has_slopes, replace, tensors
from ..alike import order
from ..causes import found
from ..observe import calls_of
from .mode import BATCH_NORM

ATTENTION = torch.nn.MultiheadAttention
MOVED = 1e-3  # of how far outputs lie from one another: sums in another order move them by 1e-6


def mixed_examples(case):
    """The output for one example changes where another example of the batch does.

    Tried in evaluation mode, as batch norm and its kin mix in training by design. Only where the
    first axis is that of the examples: it has as many in the output as in the input, which has
    three axes or more, or ids, and the second axis has another length. Left out are nodes of a
    graph, and outputs that compare each example with each other. Attention between examples, or
    the mean of a batch, is a choice, and treats all of them alike: so it is a fault if the order of
    the examples matters, or if all attention of the model reads (batch, time) as (time, batch).
    Rows of numbers without a time axis might be the steps of one sequence; they count if each
    output belongs to exactly one other row.
    """
    if not compares_examples(case):
        return []
    first = case.task.first_input()
    plain, moved, calls = trial(case, 0)
    if plain is None or not moved[1:].any():
        return []
    if has_slopes(first) and first.dim() == 2:
        if not all(belongs_elsewhere(case, place) for place in (0, len(first) // 2, -1)):
            return []
    elif not order_matters(case, plain) and not attends_across(case, calls):
        return []
    home = mixed_at(calls)
    modules = {name: module for module, name in case.task.names.items()}
    axes = isinstance(modules.get(home), (*RECURRENT, ATTENTION))
    return [
        found(
            "mixed examples",
            home,
            f"The examples of the batch are mixed in {case.called(home)}: where one of them is"
            " replaced, the outputs of others change, too.",
            f"Set batch_first=True in {case.called(home)}, or hand it (time, batch, features)."
            if axes
            else "Look at the order of the axes: of a roll, a mean, a softmax, or of a reshape that"
            " should be a transpose.",
            share=moved.float().mean().item(),
        )
    ]


def answer_in_input(case):
    """A model that is to name the next symbol is shown it.

    The targets are an input, shifted by one position, and the output at a position changes where
    the next symbol of that input does, and of no other input's alone: as with a causal mask that is
    missing or stands the wrong way round, or a net that reads both ways. Such a loss falls to
    nothing, and nothing is learnt that helps where there is no next symbol.
    """
    target = case.task.target
    if not isinstance(target, torch.Tensor) or has_slopes(target):
        return []
    shifted = [t for t in tensors(case.task.inputs) if is_shifted(t, target)]
    if not shifted or not all(sees_next(case, t) for t in shifted):
        return []
    return [
        found(
            "answer in input",
            "",
            "The targets are the input, shifted by one position, and the output at a position"
            " depends on the next one, which is its answer.",
            "Look at the causal mask: position t may see up to t itself"
            " (nn.Transformer.generate_square_subsequent_mask; in a mask of booleans True hides in"
            " nn.MultiheadAttention, and shows in scaled_dot_product_attention).",
        )
    ]


def is_shifted(t, target):
    """Whether targets are what comes next in an input of symbols, as far as they are given."""
    if has_slopes(t) or t.dim() != 2 or t.shape[1] < 4 or t.numel() != target.numel():
        return False
    target = target.reshape(t.shape)[:, :-1]
    given = target >= 0
    if not given.any() or (t[:, 1:] == t[:, :-1]).float().mean() > 0.9:
        return False
    return bool((target == t[:, 1:])[given].float().mean() > 0.99)


def sees_next(case, symbols):
    """Whether outputs change at the position before one where the symbols are exchanged."""
    length = symbols.shape[1]
    place = length // 2
    other = symbols.clone()
    other[:, place] = symbols[:, place].roll(1)
    if torch.equal(other, symbols):
        other[:, place] = symbols[:, place - 1]

    def change(t):
        return other if t.shape == symbols.shape and torch.equal(t, symbols) else t

    inputs = copied(case.task.inputs)
    inputs = type(inputs)(replace(inputs.args, change), replace(inputs.kwargs, change))
    outs = []
    for task in (case.task, case.task.with_inputs(inputs)):
        out = next((t for t in tensors(calls_of(task)[0]) if has_slopes(t)), None)
        out = by_position(out, symbols.shape)
        if out is None:
            return False
        outs.append(out[:, place - 1])
    return bool(rows_that_move(*outs).any())


def by_position(out, shape):
    """An output as (examples, positions, …); None if it has not the form."""
    if out is None or out.dim() < 2:
        return None
    if out.dim() == 2 and len(out) == shape[0] * shape[1]:
        return out.reshape(*shape, -1)
    axes = [axis for axis in (1, 2) if axis < out.dim() and out.shape[axis] == shape[1]]
    if out.dim() != 3 or len(out) != shape[0] or len(axes) != 1:
        return None
    return out.movedim(axes[0], 1)


def compares_examples(case):
    """Whether the batch and the output have the form in which examples can be told apart."""
    first = case.task.first_input()
    outs = [t for t in tensors(case.seen.out) if has_slopes(t)]
    if first is None or first.is_sparse or first.dim() < 2 or len(first) < 3 or len(outs) != 1:
        return False
    (out,) = outs
    count = len(first)
    if out.dim() not in (1, 2) or len(out) != count:
        return False
    rows = has_slopes(first) and first.dim() == 2
    if first.shape[1] == count and not rows:  # either axis might be that of the examples
        return False
    if out.dim() == 2 and out.shape[1] == count:
        return False
    if any(isinstance(m, BATCH_NORM) and m.running_mean is None for m in case.task.names):
        return False
    return not any(is_graph(t, count) for t in held_tensors(case))


def held_tensors(case):
    """All tensors besides the first input: other inputs, buffers, and attributes of modules."""
    held = tensors(case.task.inputs)[1:]
    for module in case.task.names:
        held += [*module.buffers(recurse=False), *tensors([*vars(module).values()])]
    return [t for t in held if not isinstance(t, torch.nn.Parameter)]


def is_graph(t, count):
    """Whether a tensor may hold edges, or say which example belongs to which."""
    if t.layout is not torch.strided:
        return True
    square = t.dim() > 1 and tuple(t.shape[-2:]) == (count, count)
    edges = not has_slopes(t) and t.dim() == 2 and len(t) == 2
    return square or edges


def trial(case, place):
    """The output, which of its rows move where one example is replaced, and the calls of both."""
    inputs = case.with_one_replaced(place)
    if inputs is None:
        return None, None, ()
    try:
        plain, calls = calls_of(case.task)
        other, other_calls = calls_of(case.task.with_inputs(inputs))
    except (TypeError, ValueError, RuntimeError, KeyError, AttributeError):
        return None, None, ()  # a model that cannot be evaluated on this batch
    one, two = (next(iter(tensors(out)), None) for out in (plain, other))
    if one is None or two is None or one.shape != two.shape or len(one) != case.task.examples():
        return None, None, ()
    return one, rows_that_move(one, two), (calls, other_calls)


def rows_that_move(one, two):
    """Which rows of an output move, measured by how far rows lie from one another."""
    size = (one - one.mean(0)).abs().max()
    return (one - two).abs().reshape(len(one), -1).amax(1) > MOVED * size


def belongs_elsewhere(case, place):
    """Whether exactly one output moves where an example is replaced, and it is not its own."""
    _, moved, _ = trial(case, place)
    return moved is not None and bool(moved.sum() == 1 and not moved[place])


def order_matters(case, plain):
    """Whether outputs change, beyond changing places, where the examples change places."""
    if case.shuffled_inputs is None:
        return False
    out, _ = calls_of(case.task.with_inputs(case.shuffled_inputs))
    there = plain[order(len(plain)).to(plain.device)]
    return bool(rows_that_move(there, next(iter(tensors(out)))).any())


def attends_across(case, calls):
    """Whether all of PyTorch's attention runs over the first axis, with another axis beside it."""
    modules = {name: module for module, name in case.task.names.items()}
    attentions = [m for m in case.task.names if isinstance(m, ATTENTION)]
    if not attentions or any(m.batch_first for m in attentions):
        return False
    count = case.task.examples()
    for name, inside, _ in calls[0]:
        if isinstance(modules[name], ATTENTION):
            shape = inside[0].shape
            return len(shape) == 3 and shape[0] == count and shape[1] > 1
    return False


def mixed_at(calls):
    """The first module to end that takes in examples apart and gives them out mixed."""
    for (name, took, gave), (_, took_then, gave_then) in zip(*calls, strict=False):
        if not mixed(took, took_then) and mixed(gave, gave_then):
            return name
    return ""


def mixed(ones, twos):
    """Whether rows besides the first are others, of tensors with one for each example."""
    return any(
        one.shape == two.shape and one.dim() and len(one) > 1 and not torch.equal(one[1:], two[1:])
        for one, two in zip(ones, twos, strict=False)
    )
