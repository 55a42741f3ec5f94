"""Whether the examples of a batch have to do with one another, and positions with later ones."""

import torch

from ...choose import RECURRENT
from ...nested import copied, has_slopes, is_plain, replace, tensors
from ..causes import found
from ..observe import calls_of
from .mode import BATCH_NORM

ATTENTION = torch.nn.MultiheadAttention
MOVED = 1e-3  # of how far outputs lie from one another: sums in another order move them by 1e-6


def mixed_examples(case):
    """The output for one example changes where another example of the batch does.

    Tried in evaluation mode, as batch norm and its kin mix in training by design. Only where the
    first axis is that of the examples: it has as many in the output as in the input, and the second
    axis has another length. Left out are nodes of a graph, and outputs that compare each example
    with each other. Attention between examples, the mean of a batch, or frames of one film may be
    meant to be mixed. So it is a fault only if a recurrent module, or all attention of the model,
    reads (batch, time) as (time, batch); or if an example is answered by what was seen of others,
    and not of itself, as after a roll or a reshape.
    """
    if not compares_examples(case):
        return []
    count = case.task.examples()
    for place in {0, 1, count // 2}:  # two examples may have in common what is read of them
        moved, calls = trial(case, place)
        if moved is not None and moved[torch.arange(count) != place].any():
            break
    else:
        return []
    home = mixed_at(calls, place)
    axes = runs_across(case, home, calls)
    if not axes and moved[place]:
        return []
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
    inputs = tensors(case.task.inputs)
    shifted = [place for place, t in enumerate(inputs) if is_shifted(t, target)]
    if not shifted or not all(sees_next(case, place) for place in shifted):
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
    if not is_plain(t) or has_slopes(t) or t.dim() != 2 or t.shape[1] < 4:
        return False
    if t.numel() != target.numel():
        return False
    target = target.reshape(t.shape)[:, :-1]
    given = target >= 0
    if not given.any() or (t[:, 1:] == t[:, :-1]).float().mean() > 0.9:
        return False
    return bool((target == t[:, 1:])[given].float().mean() > 0.99)


def sees_next(case, number):
    """Whether outputs change at the position before one where the symbols are exchanged.

    In one of the inputs alone: a decoder may be shown by its encoder what it must not see itself.
    """
    symbols = tensors(case.task.inputs)[number]
    length = symbols.shape[1]
    place = length // 2
    other = symbols.clone()
    other[:, place] = symbols[:, place].roll(1)
    if torch.equal(other, symbols):
        other[:, place] = symbols[:, place - 1]

    count = iter(range(number + 1))

    def change(t):
        return other if next(count, None) == number else t

    inputs = copied(case.task.inputs)
    inputs = type(inputs)(replace(inputs.args, change), replace(inputs.kwargs, change))
    outs = []
    for task in (case.task, case.task.with_inputs(inputs)):
        out = next((t for t in tensors(evaluated(task)[0]) if has_slopes(t)), None)
        out = by_position(out, symbols.shape)
        if out is None:
            return False
        outs.append(out.detach()[:, place - 1])
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
    if first is None or not is_plain(first) or first.dim() < 2 or len(first) < 3:
        return False
    if len(outs) != 1 or not is_plain(outs[0]):
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
    if not is_plain(t):
        return True
    square = t.dim() > 1 and tuple(t.shape[-2:]) == (count, count)
    edges = not has_slopes(t) and t.dim() == 2 and len(t) == 2
    return square or edges


def trial(case, place):
    """Which rows of the output move where one example is replaced, and the calls of both passes."""
    inputs = case.with_one_replaced(place)
    if inputs is None:
        return None, ()
    plain, calls = evaluated(case.task)
    other, other_calls = evaluated(case.task.with_inputs(inputs))
    one, two = (next((t.detach() for t in tensors(out)), None) for out in (plain, other))
    if one is None or two is None or one.shape != two.shape or len(one) != case.task.examples():
        return None, ()
    return rows_that_move(one, two), (calls, other_calls)


def evaluated(task):
    """The output in evaluation mode and all calls; None where it cannot be had."""
    try:
        return calls_of(task)
    except Exception:  # of the model, which may want another batch there, or the targets
        return None, ()


def rows_that_move(one, two):
    """Which rows of an output move, measured by how far rows lie from one another."""
    size = (one - one.mean(0)).abs().max()
    return (one - two).abs().reshape(len(one), -1).amax(1) > MOVED * size


def runs_across(case, home, calls):
    """Whether a recurrent module, or all attention, runs over the first axis of (batch, time)."""
    modules = {name: module for module, name in case.task.names.items()}
    module = modules[home]
    if not isinstance(module, (*RECURRENT, ATTENTION)):
        return False
    if any(isinstance(m, ATTENTION) and m.batch_first for m in case.task.names):
        return False
    took = next(took for name, took, _ in calls[0] if name == home)
    shape = took[0].shape
    return len(shape) == 3 and shape[0] == case.task.examples() and shape[1] > 1


def mixed_at(calls, place):
    """The first module to end that takes in examples apart and gives them out mixed."""
    for (name, took, gave), (_, took_then, gave_then) in zip(*calls, strict=False):
        if not mixed(took, took_then, place) and mixed(gave, gave_then, place):
            return name
    return ""


def mixed(ones, twos, place):
    """Whether rows besides one are others, of tensors with one for each example."""
    for one, two in zip(ones, twos, strict=False):
        if one.shape == two.shape and one.dim() and len(one) > place:
            rest = torch.arange(len(one)) != place
            if not torch.equal(one[rest], two[rest]):
                return True
    return False
