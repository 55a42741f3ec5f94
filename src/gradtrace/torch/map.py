"""The map of a PyTorch model's gradient norms: layers × time steps, or blocks × positions."""

from dataclasses import dataclass

import numpy as np
import torch

from ..expect import given
from .anomalies import Anomaly
from .arguments import expect_arguments
from .bridge import in_words
from .choose import choose_steps
from .layout import expect_rows, of_blocks, of_layers
from .measure import norms_of_rows
from .norms import back
from .passes import recorded_pass
from .record import GridRecorder
from .walk import log_norms_walked, range_of

TOKENS = "whole numbers, and no state at all, have no gradient"
UNKNOWN = "it, or what it is made of, is zero or past the float range, which cannot be told apart"
IN_PLACE = f"{UNKNOWN} where a state is changed in place (model.double() has more range)"
HOOKED = f"{UNKNOWN} where a hook changes gradients (model.double() has more range)"
SPOILT = "it, or what it is made of, is nan or past the float range, as the anomalies say"
LOST = "it left the float range within one cell or block (model.double() has more range)"


@dataclass(frozen=True)
class ModelGrid:
    """Logarithms of gradient norms on a grid, as in a :class:`~gradtrace.GridTrace`.

    Attributes
    ----------
    log_h : ndarray of shape (layers + 1, T + 1) or (blocks + 1, positions)
        ``ln ‖∂L/∂h‖`` over batch and features. Row 0 is what the lowest layer or block reads, row
        ``l`` what the ``l``-th hands up. The index of a column is the number of its time step, and
        column 0 then where the layers start, or the position in the tensor, from 0. A gradient that
        is exactly zero gives ``-inf``, also where none passes, as behind a causal mask, or after
        ``detach``. ``nan``: there is none, as at ``[0, 0]`` of a recurrent module and for whole
        numbers, or it could not be computed.
    names : tuple of str
        What each row is: ``"input"``, then the layers or blocks.
    axes : tuple of str
        ``("layer", "step")`` or ``("block", "position")``.
    notes : tuple of str
        A sentence for the ``nan`` of each row, but not for ``[0, 0]``, and for every module under
        ``no_grad``.
    loss : float
        As the model gives it without a trace, bit for bit.
    anomalies : tuple of Anomaly
        Where numbers first cease to be finite, forward and on the way back, if they do.
    coverage : float
        The share of the model's parameters that lie within the layers or blocks.

    Examples
    --------
    >>> ModelGrid(np.zeros((3, 5)), ("input", "0", "1"), ("block", "position")).axes
    ('block', 'position')
    """

    log_h: np.ndarray
    names: tuple[str, ...]
    axes: tuple[str, str]
    notes: tuple[str, ...] = ()
    loss: float = np.nan
    anomalies: tuple[Anomaly, ...] = ()
    coverage: float = 1.0

    def __str__(self):
        rows, columns = self.log_h.shape
        return in_words(
            f"{rows - 1} {self.axes[0]}s × {columns} {self.axes[1]}s", self.names[1:], self
        )


def grid(model, input, loss=None, steps=None, batch_first=None):
    """``ln ‖∂L/∂h[l, t]‖`` of a PyTorch model: of every layer at every step, or block and position.

    Of an ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` the grid is that of :func:`gradtrace.trace` on a
    :func:`gradtrace.stack` with the same weights::

        log_h[l, t]   what layer l hands up at time t (an LSTM's h), before the dropout above it
        log_h[0, t]   the input of time t                                     (t = 1 … T)
        log_h[l, 0]   the initial state of layer l, given or zero             (l = 1 … layers)
        log_h[0, 0]   does not exist, nan

    In two directions every layer has two rows; what the reverse one starts from stands in column 0,
    too. Several modules, such as an LSTM for each layer, stand one upon another.

    Of a stack of blocks, such as those of an ``nn.TransformerEncoder``, it is::

        log_h[b, i]   what block b hands on at position i                     (b = 1 … blocks)
        log_h[0, i]   what the first block reads there                        (i = 0 … positions-1)

    As in :func:`gradtrace.torch.trace`, the state of a block is its first argument, so that what
    happens between two blocks belongs to the earlier one, and after the last block only modules
    without parameters that keep the shape. A block that is called again, as where blocks share
    their weights, is a row again. A gradient is the whole one, with all that reaches the loss
    without passing the next layer or block.

    The model is left as it was, even if it raises, as by :func:`gradtrace.torch.trace`, which says
    more of this, of hooks and of the passes that are made.

    Where a gradient leaves the float range, or is zero, the pass back is made once more from state
    to state, each time with numbers near one; a power of two is kept apart for every step or
    position. So the norms are right whatever the range, and whatever lies between the states. What
    a single cell or block shrinks or blows up so far that it is lost within it is ``nan``, and so
    is all that depends on it. ``nan`` is also what is zero or past the range, and what comes after
    it on the way back, where a hook changes gradients other than by a factor, or a state is changed
    in place. A note says which. What stays zero in a block that is given a gradient seven eighths
    of the way to overflow counts as zero, ``-inf``.

    Parameters
    ----------
    model : torch.nn.Module
        In training or evaluation mode, as you want it traced.
    input : Tensor, tuple, mapping or dataclass
        What the model is called with, as by :func:`gradtrace.torch.trace`.
    loss : callable, optional
        What the model returns to the number ``L``, unless the model computes it.
    steps : str, type, Module, or list of these, optional
        The recurrent modules, or the blocks: by name (as in ``model.named_modules()``), by class,
        or themselves. Otherwise all recurrent modules, if there are any; else the longest stack of
        blocks, one of two in an encoder and decoder. ``coverage`` says how much of the model it is.
    batch_first : bool, optional
        Whether the states of blocks are ``(batch, positions, width)``, not ``(positions, batch,
        width)``. PyTorch's own recurrent modules and transformer layers say so themselves, and may
        do without a batch; of other blocks it is assumed, unless there is a sign against it.

    Returns
    -------
    ModelGrid

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind; the model has neither a recurrent module nor blocks; a
        recurrent module is a cell, fed a packed sequence, called more than once, or has other
        steps than another one; a state of a block is no tensor of ``batch``, ``positions`` and
        ``width``, or these are not as many in all of them; and for what
        :func:`gradtrace.torch.trace` refuses.

    Notes
    -----
    Source: Graves et al. (2013), for the stack.

    Examples
    --------
    >>> rnn = torch.nn.LSTM(2, 8, num_layers=3)
    >>> found = grid(rnn, torch.ones(20, 4, 2), lambda out: out[0][-1].pow(2).sum())
    >>> found.log_h.shape, found.axes, found.names[1:]
    ((4, 21), ('layer', 'step'), ('LSTM layer 1', 'LSTM layer 2', 'LSTM layer 3'))
    """
    model, inputs, loss = expect_arguments(model, input, loss)
    if not (batch_first is None or isinstance(batch_first, bool)):
        raise TypeError(f"batch_first: expected True, False or None, got {given(batch_first)}")
    chosen = choose_steps(model, steps, blocks=True)
    recurrent = expect_rows(chosen, batch_first)
    with recorded_pass(model, inputs, loss, chosen, GridRecorder) as (record, total, passes):
        layout = of_layers(record) if recurrent else of_blocks(record, batch_first)
        logs, why = log_norms(record, total, layout.axes, passes.explain)
    log_h = np.array([[entry(logs, place) for place in row] for row in layout.rows])
    axes = ("layer", "step") if recurrent else ("block", "position")
    return ModelGrid(
        log_h,
        layout.names,
        axes,
        notes_on(record, layout, log_h, why),
        total.item(),
        passes.anomalies or (),
        passes.coverage(record),
    )


def log_norms(record, total, axes, explain):
    """``{key: ln ‖g‖}``, one number for each place along the key's axis, and why some are nan.

    ``explain()`` is called where a gradient is not finite, and says whether that is a fault.
    """
    logs = {key: nothing_at(record.kept[key], axis) for key, axis in axes.items()}
    exact = {}

    def hear(key, g):
        if key in axes:
            logs[key], exact[key] = measured(g, axes[key])

    back(record, total, hear)
    spoilt = not all((logs[key] < np.inf).all() for key in exact) and explain()
    if all(good.all() for good in exact.values()):
        return logs, ""
    walked = log_norms_walked(record, total, axes)
    why = IN_PLACE if walked is None else LOST
    if walked is None:
        walked = {key: np.full(len(good), np.nan) for key, good in exact.items()}
    rounding = 1e-3 + 20 * max(torch.finfo(record.kept[key].dtype).eps for key in axes)
    found, hooked = combined(logs, exact, walked, rounding)
    if spoilt:
        nothing = {key: np.isnan(logs[key]) for key in exact}
        found |= {key: np.where(nothing[key], np.nan, found[key]) for key in exact}
        return found, SPOILT
    return found, HOOKED if hooked else why


def combined(plain, exact, walked, rounding):
    """The logarithms of the plain pass while it is sound, then those of the walk; and whether the
    two disagree where both are.

    The keys of ``exact`` are in the order of the way back. After the first place that has lost
    digits, a gradient that has all of them may be made of ones that had not.
    """
    logs, sound, hooked = dict(plain), {}, False
    so_far = True
    for key, good in exact.items():
        zero = (plain[key] == -np.inf) & (walked[key] == -np.inf)
        sound[key] = so_far & (good | zero)
        hooked |= not agree(plain[key], walked[key], so_far & good, rounding)
        so_far &= bool(sound[key].all())
    for key in exact:
        beyond = np.nan if hooked else walked[key]
        logs[key] = np.where(sound[key], plain[key], beyond)
    return logs, hooked


def nothing_at(tensor, axis):
    """``ln 0`` for each place along the axis; for one place without an axis."""
    return np.full(1 if axis is None else tensor.shape[axis], -np.inf)


def measured(g, axis):
    """``ln ‖g‖`` of each place along an axis, and whether it has all digits.

    The norms are taken where ``g`` lies, in its own dtype or float32.
    """
    low, _ = range_of(g)
    a = g.detach()
    a = torch.view_as_real(a.resolve_conj()) if a.is_complex() else a
    a = a.float() if torch.finfo(a.dtype).bits < 32 else a
    a = (a[None] if axis is None else a.movedim(axis, 0)).flatten(1)
    tops = a.abs().amax(1) if a.shape[1] else a.new_zeros(len(a))
    near_one = norms_of_rows(a / torch.where(tops > 0, tops, 1)[:, None])
    size, norm = (found.cpu().numpy().astype(float) for found in (tops, near_one))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(size) + np.where(size > 0, np.log(norm), 0)
    return logs, (low <= size) & (size < np.inf)


def agree(plain, walked, exact, rounding):
    """Whether both ways gave the same norms where the plain one is exact."""
    both = exact & ~np.isnan(walked)
    return bool((np.abs(plain[both] - walked[both]) < rounding).all())


def entry(logs, place):
    """The logarithm at a place; nan where there is none."""
    if place is None:
        return np.nan
    key, i = place
    return logs[key][i]


def notes_on(record, layout, log_h, why):
    """A sentence for the ``nan`` of each row, and for each module that passes no gradient on."""
    cut = [record.chosen[call.module] for call in record.calls if call.cut]
    notes = [
        f"{name} ran under torch.no_grad(): it passes no gradient on, which counts as zero, -inf"
        for name in dict.fromkeys(cut)
    ]
    for l, (name, places, logs) in enumerate(zip(layout.names, layout.rows, log_h, strict=True)):
        lost = sum(
            place is not None and np.isnan(log) for place, log in zip(places, logs, strict=True)
        )
        if not any(places):
            notes.append(f"log_h[{l}], of {name}, is nan: {TOKENS}")
        elif lost:
            notes.append(f"log_h[{l}], of {name}, is nan in {lost} of {len(logs)} columns: {why}")
    return tuple(notes)
