"""Gradient norms of a model while it trains, from its own backward passes."""

import math
import numbers as kinds
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from weakref import WeakSet

import numpy as np
import torch

from ..expect import given
from .batches import Batches
from .choose import choose_steps
from .history import Row, TrainingLog, reach
from .measure import log_norms
from .optimizers import expect_optimizer
from .received import Received, norms_of, parameters_of, scaler_of_step
from .spikes import Spikes
from .states import States
from .wrappers import compiled_parts, expect_python, named_modules, unwrapped

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

    With a ``GradScaler`` gradients are those of the loss without its scale, and an update that it
    skips is none. An optimiser that is called with a closure, as LBFGS, gets the gradient of the
    closure's first call. Calls under ``no_grad``, and those that no backward pass reaches, do not
    count.

    Of a model that is compiled, no states are heard. In ``DistributedDataParallel`` gradients are
    the mean over the processes, states and batches those of this one.

    Where a recurrent module reads data without a gradient, it is computed at the watched updates;
    it changes no other; a frozen one that reads data has no reach. A recurrent module that writes
    into its input cannot be watched yet: training would end in an error. Modules and lists of
    parameters have to stay the same while they are watched.

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
        self.model, self.chosen = model, choose_steps(unwrapped(model), steps)
        self.most = expect_count("spikes", spikes, 0)
        self._stack = None

    def __enter__(self):
        if self.optimizer in WATCHED:
            raise ValueError(
                "optimizer: expected one that is not watched yet, got one that is; end the other"
                " watch first"
            )
        self.count, self.log = 0, TrainingLog(self.names.values())
        self.step, self.in_closure = None, False  # the frame of the step under way
        self.closed = False  # whether the optimiser has got the gradient of the coming update
        self.received = Received(self._pass_ended)
        self.batches = Batches(self.model)
        self.states = States(self.model, self.chosen, self.batches)
        self.spikes = Spikes(self.most)
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
        self._tell_spikes()
        for listener in (self.received, self.batches, self.states):
            listener.deafen()
        self.log.notes = self._notes()

    def _notes(self):
        if not self.count:
            return ("no update: optimizer.step was not called while it was watched",)
        if len(self.log.updates) and not self.log.names and not self.log.log_x:
            return (f"log_h is empty: {self._why_no_states()}",)
        return ()

    def _why_no_states(self):
        first = ", ".join([*self.chosen.values()][:3])
        if self.chosen.keys() <= compiled_parts(self.model):
            return f"the steps {first} are compiled"
        if all(isinstance(m, torch.nn.RNNBase) and m.bidirectional for m in self.chosen):
            return f"{first} reads in two directions, and hides its states"
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
        if self.watching:
            self._follow()
            self.received.listen(self.parameters.values())
            self.batches.listen()
            self.states.listen()

    def _follow(self):
        """Find the parameters that the model and the optimiser have in common now."""
        common = [p for p in parameters_of(self.optimizer) if p in self.names]
        self.parameters = {self.names[p]: p for p in common}

    def _gradients(self):
        """By name, where there is one."""
        grads = {name: p.grad for name, p in self.parameters.items()}
        return {name: g for name, g in grads.items() if g is not None}

    def _pass_ended(self):
        if self.closed and self.in_closure:
            return
        if self.closed:  # the step that got the gradient before ended in an error
            self.closed, self.row = False, Unfinished()
        if self.watching:
            self._follow()
        grads = self._gradients()
        if self.most:
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
        if self.watching:
            self._follow()
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
        if self.most:
            self.spikes.received(self.count, self.batches.reached, scaler)
        if self.watching:
            grads = self._gradients()
            self.row.after = dict(zip(grads, norms_of(grads.values()), strict=True))
            scale = math.log(scaler.get_scale()) if scaler else 0.0
            ours = getattr(self.optimizer, "grad_scale", None)
            self.row.scales = scale, 0.0 if ours is None else math.log(ours)

    def _after_step(self, optimizer, args, kwargs):
        if sys._getframe(1) is self.step:
            self.step = None
            self._end()

    @torch.no_grad()
    def _end(self):
        if self.watching:
            self.log.add(
                self.row.finished(self.count, self.parameters, self.names, self.states.last)
            )
            if self.log.thin_out():
                self.every *= 2
            self.states.deafen()
            if not self.most:
                self.received.deafen()
                self.batches.deafen()
            self._tell_spikes()
            for callback in self.callbacks:
                callback(self.log)
        self.count += 1
        self._await_update()

    def _tell_spikes(self):
        self.log.spikes = tuple(sorted(self.spikes.kept, key=update_of))


def on_stack(frame):
    """Whether a call is still under way."""
    at = sys._getframe(1)
    while at is not None and at is not frame:
        at = at.f_back
    return at is not None


def update_of(spike):
    return spike.update


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
        names : dict of Parameter to str
            All of the model.
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
            np.array([before.get(name, math.nan) for name in names.values()]),
            np.array([moved.get(name, math.nan) for name in names.values()]),
        )
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
