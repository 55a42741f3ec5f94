"""Gradient norms of a model while it trains, from its own backward passes."""

import math
import numbers as kinds
import sys
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from weakref import WeakSet

import numpy as np
import torch

from ..expect import given
from .batches import Batches
from .choose import choose_steps
from .history import Row, TrainingLog, in_words, reach
from .measure import log_norms
from .optimizers import expect_optimizer
from .received import Received, norms_of, parameters_of, scaler_of_step
from .spikes import Spikes
from .states import States, is_read_by_others
from .wrappers import compiled_parts, expect_python, named_modules, unwrapped
from .zeroing import Zeroing

WATCHED = WeakSet()  # the optimisers that are watched now


def watch(model, optimizer, every=100, steps=None, spikes=5, callbacks=()):
    """Watch a model while it trains: a context manager that gives a :class:`TrainingLog`.

    Your own loop runs as it is, however it may be written::

        with gradtrace.torch.watch(model, optimizer, every=100) as log:
            train()

    Nothing runs that would not run without: hooks listen to your forward and backward passes and to
    ``optimizer.step``. Parameters, losses and random numbers are those of a run without it, bit for
    bit. All hooks are gone at the end, also after an error.

    At the watched updates, 0, ``every``, 2 ``every``, …, the norm of each parameter's gradient is
    taken at the end of each backward pass, so that the last one before the update has the whole of
    accumulated gradients, and again when the optimiser gets it, after clipping. A copy of the
    weights is held while the optimiser moves them. In between, only the norm of the whole gradient
    is taken at each update, and compared with those before. On four models at ``every=100``
    training takes 3 to 9 % longer, and no longer than can be measured with ``spikes=0`` (see the
    benchmarks); at ``every=1`` it takes twice to three times as long.

    A spike is an update whose gradient, before clipping, is longer than 5 times the median of the
    100 before, once there are 20, or not finite while the one before was. The largest are kept with
    the batch that made them. In between the arguments of each call of the model are held by
    reference until its update is over.

    If gradients are not set to zero from one update to the next, the log's notes say so. What was
    accumulated in several passes before one update is not meant.

    With a ``GradScaler`` gradients are those of the loss without its scale, and an update that it
    skips is none. An optimiser that is called with a closure, as LBFGS, gets the gradient of the
    closure's first call. Calls under ``no_grad``, and those that no backward pass reaches, do not
    count.

    Of a model that is compiled, no states are heard. In ``DistributedDataParallel`` gradients are
    the mean over the processes, states and batches those of this one.

    Where a recurrent module reads data without a gradient, it is computed at the watched updates;
    it changes no other; a frozen one that reads data has no reach, and neither has one with a
    ``forward`` of its own, or with a forward hook. A parameter that is replaced while it is watched
    is found at the next watched update, or when the optimiser gets it, and so is a module.

    Parameters
    ----------
    model : torch.nn.Module
        Whatever your loop calls, with its wrappers.
    optimizer : torch.optim.Optimizer
        Of parameters of the model. Watch each of several optimisers, as of a GAN, by itself.
    every : int
        How many updates apart the watched ones are.
    steps
        As for :func:`trace`: the modules whose states ``log_h`` is about.
    spikes : int
        How many are kept; with 0 nothing is done between watched updates but to count them.
    callbacks : callable or iterable of callable
        Each is called with the log after every watched update, as those of
        ``gradtrace.torch.callbacks``.

    Returns
    -------
    context manager
        It gives the :class:`TrainingLog`, which fills as training goes on.

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind, the optimiser has no parameter of the model, or is being
        watched already; a part of the model is TorchScript, or lazy and was not called yet.

    Notes
    -----
    Source: Karpathy (2015c), lecture notes, for ``‖ΔW‖ / ‖W‖``.

    Examples
    --------
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with watch(model, optimizer, every=10) as log:
    ...     for update in range(30):
    ...         optimizer.zero_grad()
    ...         model(torch.randn(8, 4)).pow(2).mean().backward()
    ...         norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
    ...         optimizer.step()
    >>> log.updates, log.log_p["0.weight"].shape, log.log_h.shape, bool((log.clipped > 0).all())
    (array([ 0, 10, 20]), (3,), (3, 3), True)
    """
    return Watch(model, optimizer, every, steps, spikes, callbacks)


class Watch:
    """The context manager behind :func:`watch`.

    Attributes
    ----------
    every : int
    count : int
        The number of the update that comes next.
    """

    def __init__(self, model, optimizer, every, steps, spikes, callbacks):
        if not isinstance(model, torch.nn.Module):
            raise TypeError(f"model: expected a torch.nn.Module, got {given(model)}")
        expect_python(model)
        self.optimizer = expect_optimizer(optimizer)
        self.every = expect_count("every", every, 1)
        self.callbacks = expect_callbacks(callbacks)
        self.names = names_of(model)
        if self.names.keys().isdisjoint(parameters_of(self.optimizer)):
            raise ValueError(
                "optimizer: expected one of the model's parameters, got an optimiser that has none"
                f" of those of {type(model).__name__}"
            )
        self.model, self.steps, self.chosen = model, steps, choose_steps(unwrapped(model), steps)
        self.most = expect_count("spikes", spikes, 0)

    def __enter__(self):
        if self.optimizer in WATCHED:
            raise ValueError(
                "optimizer: expected one that is not watched yet, got one that is; end the other"
                " watch first"
            )
        self.names = names_of(self.model)
        self.count, self.log = 0, TrainingLog(self.names.values())
        self.calls, self.skipped = 0, 0  # of step; those of which a scaler has made nothing
        self.flags = []  # on the device: which of the last calls it has made nothing of
        self.replaced = {}  # by name, the update at which another parameter was found
        self.added_up = None  # the first update that got the gradient of the one before, too
        self.parameters, self.held = {}, []
        self.step, self.in_closure = None, False  # the frame of the step under way
        self.closed = False  # whether the optimiser has got the gradient of the coming update
        self.received = Received(self._pass_ended)
        self.batches = Batches(self.model)
        self.states = States(self.model, self.chosen, self.batches)
        self.spikes = Spikes(self.most)
        self.zeroing = Zeroing()
        self.row = Unfinished()
        self._stack = ExitStack()
        self._stack.callback(self._rest)
        WATCHED.add(self.optimizer)
        before = self.optimizer.register_step_pre_hook(self._before_step)
        after = self.optimizer.register_step_post_hook(self._after_step)
        self._stack.callback(before.remove)
        self._stack.callback(after.remove)
        self._await_update()
        return self.log

    def __exit__(self, *error):
        self._stack.close()

    def _rest(self):
        WATCHED.discard(self.optimizer)
        self.step = None
        self.spikes.finish()
        self._settle()
        self._tell()
        for listener in (self.received, self.batches, self.states):
            listener.deafen()
        self.zeroing.forget()
        self.parameters, self.held = {}, []

    def _tell(self):
        """Put into the log what it does not have from its rows."""
        self.log.spikes = tuple(self.spikes.so_far())
        self.log.skipped = self.skipped + self.spikes.given_up
        self.log.notes = self._notes()

    def _notes(self):
        if not self.calls:
            return ("no update: optimizer.step was not called while it was watched",)
        notes = []
        if self.added_up is not None:
            between = f"between updates {self.added_up - 1} and {self.added_up}"
            notes.append(
                f"zero_grad was not called {between}: the gradients of earlier updates are still in"
                " .grad, and those that come are added to them; call optimizer.zero_grad() before"
                " each backward pass, or after each optimizer.step()"
            )
        if self.replaced:
            notes.append(self._what_was_replaced())
        if len(self.log.updates) and not self.log.has_states:
            notes.append(f"log_h is empty: {self._why_no_states()}")
        own = in_words(name for m, name in self.chosen.items() if is_read_by_others(m))
        if own:
            notes.append(
                f"log_x does not have {own}: a forward of its own, or a hook, gets what it reads"
                " and may write into it"
            )
        return tuple(notes)

    def _what_was_replaced(self):
        ours = {self.names[p] for p in parameters_of(self.optimizer) if p in self.names}
        stale = [name for name in self.replaced if name not in ours]
        which = in_words(stale or self.replaced)
        first = min(self.replaced[name] for name in stale or self.replaced)
        found = f"{which}: replaced by another parameter, seen at update {first}"
        if not stale:
            return found
        return (
            f"{found}, which the optimiser does not have, so that it is not trained; hand it over"
            " with optimizer.add_param_group, or replace it before the optimiser is made"
        )

    def _why_no_states(self):
        read = in_words(self.log.reads)
        if read:
            return (
                f"{read} reads whole sequences at once and hides its states; log_x has the"
                " gradients at what it reads, and gradtrace.torch.trace has those at its states"
            )
        first = in_words(self.chosen.values())
        if self.chosen.keys() <= compiled_parts(self.model):
            return f"the steps {first} are compiled"
        if all(isinstance(m, torch.nn.RNNBase) for m in self.chosen):
            two = all(m.bidirectional for m in self.chosen)
            how = "in two directions" if two else "whole sequences at once"
            return f"{first} reads {how}, and hides its states"
        return (
            f"none of the steps {first} was called in the last pass before an update; choose others"
            " with steps"
        )

    @property
    def watching(self):
        """Whether the coming update is one of those that are watched."""
        return self.count % self.every == 0

    def _await_update(self):
        """Listen for what the coming update needs."""
        self.closed, self.row = False, Unfinished()
        self.batches.clear()
        self.spikes.measured = None
        if self.watching:
            self._settle()
        if self.watching:
            self.zeroing.wake()
            self._follow()
            self._follow_modules()
            self.received.listen(self.parameters.values())
            self.batches.listen()
            self.states.listen()
            self.zeroing.listen()
        if self.calls:
            self.zeroing.stepped()

    def _settle(self):
        """Count again, without the calls of ``step`` that a scaler let do nothing."""
        if not self.flags:
            return
        flags = torch.stack([flag.reshape(()).to(self.flags[0].device) for flag in self.flags])
        skipped = int((flags != 0).sum())
        self.count -= skipped
        if not self.most:
            self.skipped += skipped
        self.flags = []

    def _follow(self):
        """Find the parameters that the model and the optimiser have in common now."""
        before, ours = self.names, {*self.parameters}
        self.names = names_of(self.model)
        held = parameters_of(self.optimizer)
        self.held = [*map(id, held)]
        self.parameters = {self.names[p]: p for p in held if p in self.names}
        for p, name in self.names.items():
            if name in ours and p not in before and p.requires_grad:
                self.replaced[name] = self.count
        if self.zeroing.parameter not in self.names:
            self.zeroing.forget()

    def _follow_if_others(self):
        """The same, if the optimiser has other parameters than before."""
        if [*map(id, parameters_of(self.optimizer))] != self.held:
            self._follow()
            self.received.listen(self.parameters.values())

    def _follow_modules(self):
        """Choose the steps anew if one of them has left the model."""
        if self.chosen.keys() <= {*self.model.modules()}:
            return
        with suppress(ValueError, TypeError):  # those that were named may be gone
            self.chosen = self.states.chosen = choose_steps(unwrapped(self.model), self.steps)

    def _gradients(self):
        """By name, where there is one."""
        grads = {name: p.grad for name, p in self.parameters.items()}
        return {name: g for name, g in grads.items() if g is not None}

    def _pass_ended(self):
        self.zeroing.passed()
        if self.closed and self.in_closure:
            return
        if self.closed:  # the step that got the gradient before ended in an error
            self.closed, self.row = False, Unfinished()
        if self.watching:
            self._follow()
            self.received.listen(self.parameters.values())
        else:
            self._follow_if_others()
        grads = self._gradients()
        if self.zeroing.parameter is None:
            self.zeroing.look_at(self.parameters.values())
            self.zeroing.listen()
        if self.most:
            if self.zeroing.began_anew():
                self.spikes.began_anew()
            self.spikes.measure(grads)
        if self.watching:
            self.row.before = dict(zip(grads, norms_of(grads.values()), strict=True))
            self.states.pass_ended()

    def _before_step(self, optimizer, args, kwargs):
        if self.step and on_stack(
            self.step
        ):  # a step that calls another, as of a class derived from Adam
            return None
        self.step = sys._getframe(1)
        return self._begin(args, kwargs)

    @torch.no_grad()
    def _begin(self, args, kwargs):
        self._follow_if_others()
        if self.watching:
            self.row.weights = {name: p.detach().clone() for name, p in self.parameters.items()}
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if not callable(closure):
            self._optimizer_gets()
            return None

        def heard(*args, **kwargs):
            self.in_closure = True
            try:
                loss = closure(*args, **kwargs)
            finally:
                self.in_closure = False
            if not self.closed:
                self._optimizer_gets()
            return loss

        if len(args) > 1:
            return (args[0], heard, *args[2:]), kwargs
        return args, kwargs | {"closure": heard}

    @torch.no_grad()
    def _optimizer_gets(self):
        self.closed = True
        scaler = scaler_of_step()
        if self.added_up is None and self.zeroing.forgotten():
            self.added_up = max(self.count, 1)  # 0 if a scaler let the first one do nothing
        if self.most:
            scale = None if scaler is None else scaler._get_scale_async()  # it waits for no device
            flag = skip_flag(self.optimizer)
            self.spikes.received(self.calls, self.batches.reached, scale, flag)
        if self.watching:
            grads = self._gradients()
            self.row.after = dict(zip(grads, norms_of(grads.values()), strict=True))
            scale = math.log(scaler.get_scale()) if scaler else 0.0
            ours = getattr(self.optimizer, "grad_scale", None)
            self.row.scales = scale, 0.0 if ours is None else math.log(ours)

    def _after_step(self, optimizer, args, kwargs):
        if sys._getframe(1) is self.step:
            self.step = None
            made = self._end()
            try:
                for callback in self.callbacks if made else ():
                    callback(self.log)
            finally:  # an error of theirs may be caught, and training go on
                self._await_update()

    @torch.no_grad()
    def _end(self):
        """Count the update, and enter it in the log if it is watched; say whether it was."""
        watched, update = self.watching, self.count
        self.calls, self.count = self.calls + 1, self.count + 1
        flag = skip_flag(self.optimizer)
        if flag is not None:
            self.flags.append(flag.clone())
        if watched:
            self._settle()
        made = watched and self.count > update
        if made:
            names = self.log.learn(self.names.values())
            self.log.add(self.row.finished(update, self.parameters, names, self.states.last))
            if self.log.thin_out():
                self.every *= 2
        if watched:
            self.states.deafen()
            if not self.most:
                self.received.deafen()
                self.batches.deafen()
                self.zeroing.deafen()
            self._tell()
        return made


def skip_flag(optimizer):
    """Where a ``GradScaler`` tells an optimiser that unscales by itself to do nothing; or None."""
    return getattr(optimizer, "found_inf", None)


def on_stack(frame):
    """Whether a call is still under way."""
    at = sys._getframe(1)
    while at is not None and at is not frame:
        at = at.f_back
    return at is not None


class Unfinished:
    """A watched update while it comes about: norms that wait on the device, by parameter."""

    def __init__(self):
        self.before, self.after, self.weights, self.scales = {}, {}, {}, (0.0, 0.0)

    @np.errstate(invalid="ignore", over="ignore")  # of infinite logarithms
    def finished(self, update, parameters, names, heard):
        """The row of the update, once the optimiser has moved the weights.

        Parameters
        ----------
        update : int
        parameters : dict of str to Parameter
            Those that the optimiser has.
        names : list of str
            Of all parameters that the model has or had.
        heard : Heard or None
        """
        changes = [change(parameters[name], old) for name, old in self.weights.items()]
        lengths, moves = norms_of(self.weights.values()), norms_of(changes)
        groups = [self.before.values(), self.after.values(), lengths, moves]
        logs = iter(log_norms([norm for group in groups for norm in group]))
        before = {name: next(logs) - self.scales[0] for name in self.before}
        after = {name: next(logs) - self.scales[1] for name in self.after}
        length = {name: next(logs) for name in self.weights}
        moved = {name: np.exp(next(logs) - length[name]) for name in self.weights}
        seen = bool(before)
        for name in self.weights:
            now = after.setdefault(name, -math.inf)
            if name not in before or now == -math.inf:  # set by hand, or to zero since
                before[name] = now
        norm, norm_after = total(before, self.weights), total(after, self.weights)
        row = Row(
            update,
            float(np.exp(norm)),
            float(1 - np.exp(norm_after - norm)) if seen else math.nan,
            np.array([before.get(name, math.nan) for name in names]),
            np.array([moved.get(name, math.nan) for name in names]),
        )
        row.lost = tuple(name for name in names if not before.get(name, 0) < math.inf)
        if heard is not None:
            row.log_h, row.names = heard.log_h(), heard.names()
            row.log_x = heard.log_x()
            row.reach = {m: reach(logs) for m, logs in row.log_x.items()}
            for m, places in heard.repeated().items():
                row.reach[m] = reach(row.log_h[1:][places])
        return row


def total(logs, names):
    """``ln ‖g‖`` over all parameters, where ``logs`` has that of each."""
    return np.logaddexp.reduce([2 * logs[name] for name in names]) / 2


def change(p, before):
    """``ΔW`` in float32 or wider."""
    wide = torch.promote_types(p.dtype, torch.float32)
    return p.detach().to(wide) - before.to(wide)


def names_of(model):
    """``{parameter: name}``, without the names of wrappers; a shared one has its first name."""
    names = {}
    for module, where in named_modules(model).items():
        for name, p in module.named_parameters(recurse=False):
            names.setdefault(p, f"{where}.{name}".lstrip("."))
    return names


def expect_count(name, value, least):
    if not isinstance(value, kinds.Integral) or isinstance(value, bool):
        raise TypeError(f"{name}: expected an integer, got {given(value)}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}")
    return int(value)


def expect_callbacks(callbacks):
    found = [callbacks] if callable(callbacks) else callbacks
    if not isinstance(found, Iterable):
        raise TypeError(f"callbacks: expected functions of the log, got {given(callbacks)}")
    found = [*found]
    for one in found:
        if not callable(one):
            raise TypeError(f"callbacks: expected functions of the log, got {given(one)}")
    return found
