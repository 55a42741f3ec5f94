"""Which gradient is which entry of a grid: rows of a recurrent module, or of a stack of blocks."""

from collections import Counter
from typing import NamedTuple

import torch

OF_PYTORCH = torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer
CHANNELS_IN_THE_MIDDLE = torch.nn.modules.conv._ConvNd, torch.nn.modules.batchnorm._NormBase
CHAINS = "gradtrace.torch.trace follows any chain of modules"


class Layout(NamedTuple):
    """The grid of one record.

    Attributes
    ----------
    rows : list of list of (int, int) or None
        For every entry the key of a tensor and the place along its axis; None: there is none.
    axes : dict of int to int or None
        That axis, for every tensor on which the gradients depend; None: the tensor is one place.
    names : tuple of str
        Of the rows.
    """

    rows: list
    axes: dict
    names: tuple


def expect_rows(chosen, batch_first):
    """Whether the chosen module is recurrent; else raise, or all of them can be blocks."""
    cells = [name for m, name in chosen.items() if isinstance(m, torch.nn.RNNCellBase)]
    if cells:
        raise ValueError(
            f"steps: expected an nn.RNN, nn.LSTM or nn.GRU, or blocks, got the cell {cells[0]};"
            f" {CHAINS}, and a cell through its loop"
        )
    rnns = [m for m in chosen if isinstance(m, torch.nn.RNNBase)]
    if rnns and len(chosen) > len(rnns):
        raise ValueError(
            f"steps: expected recurrent modules alone, or blocks, got {sorted(chosen.values())}"
        )
    for rnn in rnns:
        if batch_first not in (None, rnn.batch_first):
            raise ValueError(
                f"batch_first: expected {rnn.batch_first}, as {chosen[rnn]} says, got {batch_first}"
            )
    for m, name in chosen.items():
        if isinstance(m, CHANNELS_IN_THE_MIDDLE):
            raise ValueError(
                "steps: expected blocks whose states are (batch, positions, width), got"
                f" {name}, a {type(m).__name__}, with channels in the middle; {CHAINS}"
            )
    return bool(rnns)


def of_layers(record):
    """The grid of recurrent modules: layers × steps."""
    calls = Counter((lane.module, lane.name) for lane in record.lanes)
    for (module, _), times in calls.items():
        if times > 1:
            raise ValueError(
                f"steps: expected one call of {record.chosen[module]}, with the whole sequence,"
                f" got {times} calls; {CHAINS}, and a module through its calls"
            )
    long = {len(lane.h): record.chosen[lane.module] for lane in record.lanes}
    if len(long) > 1:
        raise ValueError(
            f"steps: expected as many steps in every recurrent module, got {[*long]} in"
            f" {[*long.values()]}; choose one of them"
        )
    (sequence, _), *_ = record.read
    times = range(*long)
    rows = [[None, *((sequence, t) for t in times)]]
    names = ["input"]
    for lane in record.lanes:
        layer, _, way = lane.name.removeprefix("l").partition("_")
        rows.append([lane.start[0], *((lane.h[t], 0) for t in times)])
        names.append(f"{record.chosen[lane.module]} layer {int(layer) + 1} {way}".rstrip())
    axes = dict.fromkeys(key for call in record.calls for key in call.gives)
    axes |= {key: 0 for lane in record.lanes for key, _ in lane.start} | dict(record.read)
    return Layout(rows, axes, tuple(names))


def of_blocks(record, batch_first):
    """The grid of a stack of blocks: blocks × positions."""
    called = record.names()
    states = [*(f"what {name} reads" for name in called), f"what {called[-1]} hands on"]
    axis, alone = axis_of_positions(record.chosen, batch_first)
    keys, shapes = [], {}
    for state, found in zip(states, record.states(), strict=True):
        if found:
            shapes[state] = shape_of_state(state, [record.kept[key] for key in found], alone)
        keys.append(found[0] if found else None)
    expect_same_places(shapes)
    if len(next(iter(shapes.values()))) == 1:
        axis = 0
    places = next(iter(shapes.values()))[axis]
    rows = [[key if key is None else (key, i) for i in range(places)] for key in keys]
    return Layout(rows, dict.fromkeys(set(keys) - {None}, axis), ("input", *called))


def axis_of_positions(chosen, batch_first):
    """The axis of the positions in a state with a batch, and whether one may do without a batch."""
    said = {}  # what PyTorch's layers say, and the first that does
    for m, name in chosen.items():
        if isinstance(m, OF_PYTORCH):
            said.setdefault(m.self_attn.batch_first, name)
    if batch_first is not None:
        if wrong := [name for first, name in said.items() if first is not batch_first]:
            raise ValueError(
                f"batch_first: expected {not batch_first}, as {wrong[0]} says, got {batch_first}"
            )
        return int(batch_first), bool(said)
    within = [
        f"{name}, a {type(m).__name__}, holds an attention with batch_first=False"
        for m, name in chosen.items()
        for part in m.modules()
        if isinstance(part, torch.nn.MultiheadAttention) and not part.batch_first
    ]
    if not said and within:
        raise ValueError(f"batch_first: expected True or False, as {within[0]}, got None")
    if len(said) > 1:
        raise ValueError(
            f"steps: expected blocks with the same batch_first, got {[*said.values()]}"
        )
    return int(next(iter(said), True)), bool(said)


def shape_of_state(state, tensors, alone):
    """The shape of a block's state, without its width; it may be ``alone``, without a batch."""
    (tensor, *others), axes = tensors, (2, 3) if alone else (3,)
    if not others and tensor.dim() in axes:
        return tuple(tensor.shape[:-1])
    got = f"{len(tensors)} tensors" if others else f"shape {tuple(tensor.shape)}"
    raise ValueError(
        "steps: expected blocks whose state is one tensor (batch, positions, width), got"
        f" {got} for {state}; choose other steps; {CHAINS}"
    )


def expect_same_places(shapes):
    """Raise unless all states have the same batch and positions."""
    (first, shape), *others = shapes.items()
    for state, other in others:
        if other != shape:
            raise ValueError(
                "steps: expected as many samples and positions in every state, got"
                f" {shape} for {first}, but {other} for {state}; choose other steps"
            )
