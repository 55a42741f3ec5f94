"""Backpropagation through more states than there is room for: in one call, by a plan.

The gradients of ``backward`` and the norms of ``trace``, from states that were kept or computed
again. Which ones is said by the actions of a plan; see :mod:`gradtrace.tracing.schedules`.
"""

from dataclasses import dataclass, field

import numpy as np

from ..expect import expect_array, given
from ..steps.arrays import sum_of_products
from .path import Path, blocks, expect_start, forward_pass, sweep_shape
from .schedules import Full, expect_plan
from .trace import (
    backward_pass,
    expect_finite_gradient,
    expect_loss_shape,
    expect_shape,
    log_scaled,
    rescale,
    scale_by_power,
    scaled_backward_pass,
    squared_norms,
    with_exponents,
    within_range,
)


def bptt(path, h0, g, plan=Full()):  # noqa: B008 - a plan is frozen
    """Forward and back through a path under a plan that says which states to keep.

    Parameters
    ----------
    path : Path
    h0 : ndarray of shape (*sweep, batch, *features)
    g : ndarray, list of T + 1 ndarrays or None, or callable
        ``∂L/∂h_T``; or what the loss puts directly on each state ``h_0 … h_T``, as for
        :func:`~gradtrace.backward`; or ``g(t, h_t)``, which returns that for one state, so that a
        long path needs no list.
    plan : Full, SqrtT, Binomial or Truncated
        The first three give the same gradients; :class:`~gradtrace.Truncated` gives part of them.

    Returns
    -------
    BPTTResult

    Raises
    ------
    ValueError, TypeError
        An argument is misshapen, of another dtype or not finite.
    FloatingPointError
        A state overflows.

    Notes
    -----
    Source: Cremer (2017), "Memory Concerns"; Lee (n.d.), "(Truncated) Backpropagation Through
    Time"; Griewank and Walther (2000); Gruslys et al. (2016).

    Examples
    --------
    >>> from gradtrace import RNN, init_params, unroll
    >>> from gradtrace.tracing.schedules import SqrtT
    >>> rng = np.random.default_rng(0)
    >>> path = unroll(RNN(1, 4), init_params(RNN(1, 4), rng), rng.standard_normal((100, 1, 1)))
    >>> bptt(path, np.zeros((1, 4)), np.ones((1, 4)), SqrtT()).usage
    Usage(states=20, nbytes=640, evaluations=190, truncated=0)
    """
    if not isinstance(path, Path):
        raise TypeError(f"path: expected deep(...) or unroll(...), got {given(path)}")
    expect_start(path, h0)
    plan = expect_plan(plan, len(path), h0.nbytes or 1)
    run = _Execution(path, h0.copy(), g)
    for kind, start, stop in plan.actions(len(path)):
        getattr(run, kind)(start, stop)
    return run.result()


@dataclass(frozen=True)
class Usage:
    """What a plan took.

    Attributes
    ----------
    states, nbytes : int
        The most states that were held at a time, and their bytes; of a state that a stretch is
        recorded from, only while it is stored, so that binomial plans hold one more. Besides,
        pullbacks hold what they need, such as pre-activations, and the backward pass holds the
        gradients of a block of steps.
    evaluations : int
        Forward steps, those among them that were made to record a pullback included.
    truncated : int
        How many pairs of a state's loss and an earlier step were cut; 0 for every plan but
        truncation.

    Examples
    --------
    >>> Usage(states=200, nbytes=1600, evaluations=19_900, truncated=0).states
    200
    """

    states: int
    nbytes: int
    evaluations: int
    truncated: int


@dataclass(frozen=True)
class SummedGradients:
    """Plain gradients, summed on the way.

    Attributes
    ----------
    h0 : ndarray
        ``∂L/∂h_0``.
    p : list of dict
        ``∂L/∂θ`` for each different dict of parameters along the path: one in time, as many as
        layers in depth.

    Examples
    --------
    >>> SummedGradients(np.zeros((1, 2)), [{"b": np.ones(2)}]).shared()
    {'b': array([1., 1.])}
    """

    h0: np.ndarray
    p: list[dict[str, np.ndarray]]

    def shared(self):
        """The gradient of weights that all steps share; a ``ValueError`` if they differ."""
        first, *others = ({name: value.shape for name, value in p.items()} for p in self.p)
        for other in others:
            if other != first:
                raise ValueError(
                    f"shared: expected steps with the same parameters, got {first} and {other}"
                )
        return {name: sum(p[name] for p in self.p) for name in first}


@dataclass(frozen=True)
class BPTTResult:
    """The norms, the gradients and the usage of memory and time of :func:`~gradtrace.bptt`.

    Attributes
    ----------
    log_h : ndarray of shape (T + 1, *sweep)
        ``ln ‖∂L/∂h_t‖`` for ``t = 0 … T``, as :func:`~gradtrace.trace` gives it. Where backward
        passes overlap, of the longest gradient; ``-inf`` where none comes.
    usage : Usage

    Examples
    --------
    >>> result = BPTTResult(np.zeros(3), None, SummedGradients(np.full((1, 1), np.inf), []))
    >>> try:
    ...     result.grads
    ... except FloatingPointError as error:
    ...     print(str(error).partition(";")[0])
    ∂L/∂h_0: expected finite numbers, got an overflow of float64
    """

    log_h: np.ndarray
    usage: Usage
    plain: SummedGradients = field(repr=False)

    @property
    def grads(self):
        """The :class:`SummedGradients`; a ``FloatingPointError`` names one that overflows."""
        expect_finite_gradient("∂L/∂h_0", self.plain.h0)
        for p in self.plain.p:
            for name, value in p.items():
                expect_finite_gradient(f"∂L/∂{name}", value)
        return self.plain


class _Execution:
    """Carries out actions, one method for each kind; the present state is ``h`` at time ``at``."""

    def __init__(self, path, h0, g):
        self.path, self._loss = path, _loss(g, len(path), h0.dtype)
        self.members = sweep_shape(path, h0)
        self.sweep = len(self.members)
        self.at, self.h = 0, h0
        self.stored, self.recorded, self.reversed = {}, {}, set()
        self.log_h, self.sums, self.dh0 = None, {}, np.zeros_like(h0)
        self.held, self.most = np.zeros(2, int), np.zeros(2, int)  # states and their bytes
        self.evaluations = self.truncated = 0

    def loss(self, t, h):
        """What the loss puts on ``h_t``, or ``None``."""
        g = self._loss(t, h)
        if g is not None:
            expect_loss_shape(f"g[{t}]", g, h, self.path.steps[t] if t < len(self.path) else None)
        return g

    def store(self, _, t):
        self.stored[t] = self.h
        self._hold(1, self.h.nbytes)

    def advance(self, start, stop):
        h = self.h if self.at == start else self.stored[start]
        for block in blocks(stop - start, h.nbytes):  # keeps no state but the last of each block
            h = forward_pass(self.path, h, start + block.start, start + block.stop)[0][-1]
        self.at, self.h = stop, h
        self.evaluations += stop - start
        self._hold(1, h.nbytes)
        self._hold(-1, -h.nbytes)

    def record(self, start, stop):
        h = self.h if self.at == start else self.stored[start]
        states, vjps = forward_pass(self.path, h, start, stop)
        self.recorded[start, stop] = states, vjps
        self.at, self.h = stop, states[-1]
        self.evaluations += stop - start
        self._hold(stop - start, _nbytes(states))

    def begin(self, after, stop):
        g, self.after = self.loss(stop, self.h), after
        if g is None:
            self.carried, g = 0, np.zeros_like(self.h)
        else:
            self.carried, g = 1, expect_shape(g, self.h, stop).copy()
        self.truncated += self.carried * stop
        if self.log_h is None:
            self.log_h = np.full((len(self.path) + 1, *self.members), -np.inf)
        self.g, self.exponent = rescale(self._swept(stop, g), np.zeros(self.members, dtype=int))
        self._note(stop, log_scaled(self.g, self.exponent))

    def backward(self, start, stop):
        self.reversed.add((start, stop))
        states, vjps = self.recorded[start, stop]
        # holds the gradients of one block at a time
        for block in reversed(blocks(stop - start, states[-1].nbytes)):
            first = start + block.start
            self._back(first, vjps[block], self._direct(first, states[block]))
        if start == 0:
            with np.errstate(all="ignore"):
                self.dh0 = self.dh0 + scale_by_power(self.g, self.exponent)

    def free(self, start, stop):
        if start == stop:
            self._hold(-1, -self.stored.pop(start).nbytes)
            return
        states, vjps = self.recorded.pop((start, stop))
        self._hold(start - stop, -_nbytes(states))
        if (start, stop) not in self.reversed:  # the losses on these states were never read
            self.truncated += sum(
                t for t in range(start + 1, stop) if self.loss(t, states[t - start]) is not None
            )
        self.reversed.discard((start, stop))

    def result(self):
        p = []
        for name, t in self.path.distinct_params().items():
            zeros = {key: np.zeros_like(value) for key, value in self.path.params[t].items()}
            p.append(self.sums.get(name) or zeros)
        usage = Usage(*map(int, self.most), self.evaluations, self.truncated)
        return BPTTResult(self.log_h, usage, SummedGradients(self.dh0, p))

    def _hold(self, *more):
        self.held += more
        self.most = np.maximum(self.most, self.held)

    def _note(self, t, log):
        self.log_h[t] = np.maximum(self.log_h[t], log)  # where passes overlap, the longest gradient

    def _direct(self, first, states):
        """What the loss puts on these states, and the count of the pairs that are truncated."""
        direct = [None] * len(states)
        for i in reversed(range(len(states))):
            t = first + i
            self.truncated -= self.carried  # the losses so far do reach this step
            direct_g = self.loss(t, states[i]) if t > self.after else None
            if direct_g is not None:
                direct[i] = self._swept(t, direct_g)
                self.carried += 1
                self.truncated += t
        return direct

    def _swept(self, t, g):
        """What the loss puts on ``h_t`` with all sweep axes, though the sweep may begin later."""
        if t == len(self.path):
            return g
        own = 1 + len(self.path.steps[t].features)
        return np.broadcast_to(g, (*self.members, *g.shape[max(g.ndim - own, 0) :]))

    def _back(self, first, vjps, direct):
        """Back through one block; with powers of two apart if plain numbers leave the range."""
        with np.errstate(all="ignore"):
            g = scale_by_power(self.g, self.exponent)
        h, shares = backward_pass(vjps, g, direct)
        squares = squared_norms(h, self.sweep)
        if within_range(squares, g.dtype):
            logs, exponents = 0.5 * np.log(squares, dtype=float), None
            self.g, self.exponent = rescale(h[0], np.zeros_like(self.exponent))
        else:
            of_loss = with_exponents(direct, np.zeros_like(self.exponent))
            h, exponents, shares = scaled_backward_pass(vjps, self.g, self.exponent, of_loss)
            logs = [log_scaled(g, exponent) for g, exponent in zip(h, exponents, strict=True)]
            self.g, self.exponent = h[0], exponents[0]
        for t in range(len(vjps)):
            self._note(first + t, logs[t])
        self._sum(first, [p for _, p in shares], exponents)

    def _sum(self, first, shares, exponents):
        """Add the shares of a block to the gradients of their parameters, one product a dict."""
        params = self.path.params[first : first + len(shares)]
        for name in {id(p): p for p in params}:
            mine = [t for t, p in enumerate(params) if id(p) == name]
            sums = self.sums.setdefault(name, {})
            with np.errstate(all="ignore"):
                for key in shares[mine[0]]:
                    if exponents is None:
                        value = sum_of_products([shares[t][key] for t in mine])
                    else:
                        value = sum(_scaled(shares[t][key], exponents[t + 1]) for t in mine)
                    sums[key] = sums[key] + value if key in sums else value


def _loss(g, T, dtype):
    """``g`` as a function of ``t`` and ``h_t``, with its values checked."""

    def fit(name, value):
        if value is not None and expect_array(name, value, complex=True).dtype != dtype:
            raise TypeError(f"{name}: expected {dtype}, the dtype of the states, got {value.dtype}")
        return value

    if callable(g):

        def of_state(t, h):
            value = fit(f"g({t}, h_{t})", g(t, h))
            return None if value is None else value.copy()  # its owner may use one buffer for all

        return of_state
    if not isinstance(g, list | tuple):
        fit("g", expect_array("g", g, complex=True))
        return lambda t, h: g if t == T else None
    if len(g) != T + 1:
        raise ValueError(f"g: expected {T + 1} entries, one for each state, got {len(g)}")
    values = [fit(f"g[{t}]", value) for t, value in enumerate(g)]
    return lambda t, h: values[t]


def _scaled(share, exponent):
    """A share as an array, times ``2^exponent``."""
    return scale_by_power(np.asarray(share), exponent)


def _nbytes(states):
    return sum(h.nbytes for h in states[1:])
