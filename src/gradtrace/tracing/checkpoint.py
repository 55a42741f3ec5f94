"""Backpropagation through more states than there is room for: forward and back in one call, by a plan.

The gradients of ``backward`` and the norms of ``trace``, from states that were kept or computed again. Which ones is
said by the actions of a plan; see :mod:`gradtrace.tracing.schedules`.
"""

import math
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ..expect import expect_array
from ..steps.contract import expect_state
from .path import FUSED, Path, Unrolled, _sweep_axes, forward
from .schedules import Full, expect_plan
from .trace import _fitting, add_scaled, log_scaled, rescale, shift, trace

PIECE, SHORT = 128, 32                                      # steps that a fused run walks at a time
SMALL = 2**12                                               # bytes of a state above which it is the short ones


def bptt(path, h0, g, plan=Full()):  # noqa: B008 - a plan is frozen
    """Forward and back through a path under a plan that says which states to keep.

    Parameters
    ----------
    path : Path
    h0 : ndarray of shape (*sweep, batch, *features)
    g : ndarray, list of T + 1 ndarrays or None, or callable
        ``∂L/∂h_T``; or what the loss puts directly on each state ``h_0 … h_T``, as for :func:`~gradtrace.backward`;
        or ``g(t, h_t)``, which returns that for one state, so that a long path needs no list.
    plan : Full, SqrtT, Binomial or Truncated
        The first three give the same gradients; :class:`~gradtrace.Truncated` gives part of them.

    Returns
    -------
    LeanTrace

    Raises
    ------
    ValueError, TypeError
        An argument is misshapen, of another dtype or not finite.
    FloatingPointError
        A state overflows.

    Notes
    -----
    Source: Cremer, "Memory Concerns"; Lee, "(Truncated) Backpropagation Through Time"; Griewank and Walther 2000;
    Gruslys et al. 2016.

    Examples
    --------
    >>> from gradtrace import RNN, draw, unroll
    >>> from gradtrace.tracing.schedules import SqrtT
    >>> rng = np.random.default_rng(0)
    >>> path = unroll(RNN(1, 4), draw(RNN(1, 4), rng), rng.standard_normal((100, 1, 1)))
    >>> bptt(path, np.zeros((1, 4)), np.ones((1, 4)), SqrtT()).account
    Account(states=20, nbytes=640, evaluations=190, lost=0)
    """
    if not isinstance(path, Path):
        raise TypeError(f"path: expected deep(...) or unroll(...), came {type(path).__name__} {path!r:.40}")
    expect_state(path[0].step, h0, path[0].x, names=("h0", "x"))
    plan = expect_plan(plan, len(path), h0.nbytes or 1)
    run = _Run(path, h0, g, PIECE if h0.nbytes <= SMALL else min(SHORT, getattr(plan, "block", SHORT)))
    for kind, start, stop in plan.actions(len(path)):
        getattr(run, kind)(start, stop)
    return run.result()


@dataclass(frozen=True)
class Account:
    """What a plan took.

    Attributes
    ----------
    states, nbytes : int
        The most states that were held at a time, and their bytes; of a state that a stretch is recorded from, only
        while it is stored, so that binomial plans hold one more. Besides, the pullbacks of a readable step hold its
        pre-activations, and a fused run takes up to two arrays like its states for 128 steps on its way back.
    evaluations : int
        Forward steps, those among them that were made to record a pullback included.
    lost : int
        How many pairs of a state's loss and an earlier step were cut; 0 for every plan but truncation.

    Examples
    --------
    >>> Account(states=200, nbytes=1600, evaluations=19_900, lost=0).states
    200
    """

    states: int
    nbytes: int
    evaluations: int
    lost: int


@dataclass(frozen=True)
class LeanGradients:
    """Plain gradients, summed on the way.

    Attributes
    ----------
    h0 : ndarray
        ``∂L/∂h_0``.
    p : list of dict
        ``∂L/∂θ`` for each different dict of parameters along the path: one in time, as many as layers in depth.

    Examples
    --------
    >>> LeanGradients(np.zeros((1, 2)), [{"b": np.ones(2)}]).shared()
    {'b': array([1., 1.])}
    """

    h0: np.ndarray
    p: list[dict[str, np.ndarray]]

    def shared(self):
        """The gradient of weights that all steps share."""
        return {name: sum(p[name] for p in self.p) for name in self.p[0]}


@dataclass(frozen=True)
class LeanTrace:
    """The norms, the gradients and the account of :func:`~gradtrace.bptt`.

    Attributes
    ----------
    log_h : ndarray of shape (T + 1, *sweep)
        ``ln ‖∂L/∂h_t‖`` for ``t = 0 … T``, as :func:`~gradtrace.trace` gives it. Where ways back overlap, of the
        longest gradient; ``-inf`` where none comes.
    account : Account

    Examples
    --------
    >>> LeanTrace(np.zeros(3), None, LeanGradients(np.full((1, 1), np.inf), [])).grads
    Traceback (most recent call last):
    FloatingPointError: ∂L/∂h_0 overflows float64; log_h keeps logarithms
    """

    log_h: np.ndarray
    account: Account
    plain: LeanGradients = field(repr=False)

    @property
    def grads(self):
        """The :class:`LeanGradients`, or a ``FloatingPointError`` that names one of them that overflows."""
        named = [("h_0", self.plain.h0), *((name, a) for p in self.plain.p for name, a in p.items())]
        for name, a in named:
            if not np.isfinite(a).all():
                raise FloatingPointError(f"∂L/∂{name} overflows {a.dtype}; log_h keeps logarithms")
        return self.plain


class _Run:
    """Carries out actions, one method for each kind; the present state is ``h`` at time ``at``.

    A fused run walks ``chunk`` steps at a time, no more than a record takes.
    """

    def __init__(self, path, h0, g, chunk):
        self.path, self.loss, self.chunk = path, _loss(g, len(path), h0.dtype), chunk
        self.sweep = _sweep_axes(_part(path, 0, 1) if isinstance(path, Unrolled) else path, h0)
        self.fused = isinstance(path, Unrolled) and type(path.step) in FUSED and not self.sweep
        self.at, self.h, self.stored, self.recorded, self.walked = 0, h0, {}, {}, set()
        self.log_h, self.sums, self.dh0 = None, {}, np.zeros_like(h0)
        self.held, self.most, self.evaluations, self.lost = np.zeros(2, int), np.zeros(2, int), 0, 0

    def store(self, _, t):
        self.stored[t] = self.h.copy()
        self._hold(1, self.h.nbytes)

    def advance(self, start, stop):
        h = self.h if self.at == start else self.stored[start]
        if self.fused and self.chunk >= 8:
            for a in range(start, stop, self.chunk):
                h = self._forward(a, min(a + self.chunk, stop), h)[0][-1]
            h = h.copy()
        else:                                               # keeps no state, and is hardly slower for large ones
            for t in range(start, stop):
                step, p, x = self.path[t]
                with _named(t, t + 1, len(self.path)):
                    h = step(p, h, x)[0]
        self.at, self.h = stop, h
        self.evaluations += stop - start
        self._hold(1, h.nbytes)
        self._hold(-1, -h.nbytes)

    def record(self, start, stop):
        h, runs = self.h if self.at == start else self.stored[start], []
        for a in range(start, stop, self.chunk):
            states, vjps = self._forward(a, min(a + self.chunk, stop), h)
            runs.append((a, states, vjps))
            h = states[-1]
        self.recorded[start, stop], self.at, self.h = runs, stop, h
        self.evaluations += stop - start
        self._hold(stop - start, _nbytes(runs))

    def begin(self, after, stop):
        g, self.after = self.loss(stop, self.h), after
        self.carried, self.lost = g is not None, self.lost + (0 if g is None else stop)
        g = np.zeros_like(self.h) if g is None else _fitting(g, self.h, stop)
        if self.log_h is None:
            self.log_h = np.full((len(self.path) + 1, *self.h.shape[:self.sweep]), -np.inf)
        self.g, self.exponent = rescale(g, np.zeros(self.h.shape[:self.sweep], dtype=int))
        self.log = log_scaled(self.g, self.exponent)
        self.log_h[stop] = np.maximum(self.log_h[stop], self.log)

    def backward(self, start, stop):
        self.walked.add((start, stop))
        for first, h, vjps in reversed(self.recorded[start, stop]):
            direct = [None] * len(vjps)
            for i in reversed(range(len(vjps))):
                self.lost -= self.carried                   # what the losses so far had to say to this step is kept
                if first + i > self.after and (extra := self.loss(first + i, h[i])) is not None:
                    direct[i], self.carried, self.lost = extra, self.carried + 1, self.lost + first + i
            if not (self.fused and vjps.fast and self._fast(first, vjps, direct)):
                self._slow(first, vjps, direct)
        if start == 0:
            with np.errstate(all="ignore"):
                self.dh0 = self.dh0 + shift(self.g, self.exponent)

    def free(self, start, stop):
        if self.at == stop:
            self.h = self.h.copy()                          # it was a part of what goes
        if start == stop:
            self._hold(-1, -self.stored.pop(start).nbytes)
            return
        runs = self.recorded.pop((start, stop))
        self._hold(start - stop, -_nbytes(runs))
        if (start, stop) not in self.walked:                # the losses on these states were never read
            self.lost += sum(t for first, h, vjps in runs for t in range(first, first + len(vjps))
                             if t > start and self.loss(t, h[t - first]) is not None)
        self.walked.discard((start, stop))

    def result(self):
        links = [self.path[0]] if isinstance(self.path, Unrolled) else {id(link.p): link for link in self.path}.values()
        p = [self.sums.get(id(link.p)) or {k: np.zeros_like(a) for k, a in link.p.items()} for link in links]
        return LeanTrace(self.log_h, Account(*map(int, self.most), self.evaluations, self.lost),
                         LeanGradients(self.dh0, p))

    def _forward(self, a, b, h):
        with _named(a, b, len(self.path)):
            return forward(_part(self.path, a, b), h)

    def _hold(self, *more):
        self.held += more
        self.most = np.maximum(self.most, self.held)

    def _slow(self, first, vjps, direct):
        """Step by step, as :func:`~gradtrace.trace` goes."""
        for i in reversed(range(len(vjps))):
            dh, _, dp = vjps[i](self.g)
            self._add(self.path[first + i].p, dp)
            if direct[i] is not None:
                dh, self.exponent = add_scaled(dh, self.exponent, _fitting(direct[i], dh, first + i))
            self.g, self.exponent = rescale(dh, self.exponent)
            self.log = log_scaled(self.g, self.exponent)
            self.log_h[first + i] = np.maximum(self.log_h[first + i], self.log)

    def _fast(self, first, vjps, direct):
        """All at once and true, or ``False`` where the scale of the gradient asks for :meth:`_slow`."""
        if not self.g.any() and all(extra is None for extra in direct):
            return True                                     # zero stays zero
        limit = 0.45 * math.log(np.finfo(self.g.dtype).max)
        if abs(self.log) < limit:
            self.g, self.exponent = shift(self.g, self.exponent), np.zeros_like(self.exponent)
        else:
            self.g, self.exponent = rescale(self.g, self.exponent)
        if self.exponent and any(extra is not None for extra in direct):
            return False
        for i, extra in enumerate(direct):
            if extra is not None:
                _fitting(extra, self.g, first + i)
        run = trace(vjps, [*direct, self.g])
        if not np.abs(run.log_h).max() < 2 * limit:
            return False
        self._add(self.path[first].p, run.grads.shared())
        log = run.log_h[:-1] + self.exponent * math.log(2)
        self.g, self.log, here = run.grads.h[0], log[0], self.log_h[first:first + len(log)]
        here[:] = np.maximum(here, log)
        return True

    def _add(self, p, dp):
        sums = self.sums.setdefault(id(p), {})
        with np.errstate(all="ignore"):
            for name, value in dp.items():
                value = shift(value, self.exponent) if np.any(self.exponent) else value
                if name in sums:
                    sums[name] += value
                else:
                    sums[name] = value.copy()


def _loss(g, T, dtype):
    """``g`` as a function of ``t`` and ``h_t``, with its values checked."""
    def fit(name, value):
        if value is not None and expect_array(name, value).dtype != dtype:
            raise TypeError(f"{name}: expected {dtype}, the dtype of the states, came {value.dtype}")
        return value
    if callable(g):
        return lambda t, h: fit(f"g({t}, h_{t})", g(t, h))
    if not isinstance(g, list | tuple):
        fit("g", expect_array("g", g))
        return lambda t, h: g if t == T else None
    if len(g) != T + 1:
        raise ValueError(f"g: expected {T + 1} entries, one for each state, came {len(g)}")
    values = [fit(f"g[{t}]", value) for t, value in enumerate(g)]
    return lambda t, h: values[t]


def _part(path, a, b):
    """The steps ``a + 1 … b``."""
    if not isinstance(path, Unrolled):
        return Path(path.links[a:b])
    part = Unrolled(path.step, path.p, path.x[a:b])
    vars(part)["copies"] = False
    return part


def _nbytes(runs):
    return sum(h.nbytes for _, states, _ in runs for h in states[1:])


@contextmanager
def _named(a, b, T):
    """Errors of a part of the path say which part it was."""
    try:
        yield
    except (FloatingPointError, ValueError, TypeError) as error:
        raise type(error)(f"steps {a + 1} to {b} of {T}: {error}") from None
