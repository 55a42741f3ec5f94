"""The backward pass: plain gradients, and their norms past the range of floating-point numbers.

Past that range a gradient is kept as ``g 2^exponent``, with the power of two apart, one for each
sweep member.
"""

import math
from collections.abc import Sequence
from functools import cached_property, partial, singledispatch

import numpy as np

from ..expect import expect_array, given
from ..steps.arrays import Product, log_norm_of, sum_of_products, times_power
from .path import Pullbacks, blocks, first_not_finite


def _safe_range(dtype):
    """Squares of norms in here are exact, and nothing that matters in them has underflowed."""
    kind = np.finfo(dtype)
    tiny, eps, most = float(kind.tiny), float(kind.eps), float(kind.max)
    return tiny / eps**2, most * eps**2


SAFE = {kind: _safe_range(kind) for kind in "fdFD"}


class LazySequence(Sequence):
    """The list of ``compute(t, share)`` for the steps ``t = 1 … T``, computed when asked for."""

    def __init__(self, numbered, compute):
        self.numbered, self.compute = numbered, compute

    def __getitem__(self, t):
        if isinstance(t, slice):
            return LazySequence(self.numbered[t], self.compute)
        return self.compute(*self.numbered[t])

    def __len__(self):
        return len(self.numbered)


class Gradients:
    """Plain gradients of one backward pass.

    Attributes
    ----------
    h : list of ndarray
        ``∂L/∂h_t`` for ``t = 0 … T``.
    x : sequence of ndarray or None
        ``∂L/∂x_t`` for the steps ``t = 1 … T``.
    p : sequence of dict
        The contribution of each step ``t = 1 … T`` to the gradients of its parameters.

    Notes
    -----
    ``x`` and ``p`` are multiplied out when they are asked for.

    Examples
    --------
    >>> layer, p = Dense(1, 1, "identity"), {"W": np.array([[2.0]]), "b": np.zeros(1)}
    >>> h, vjps = forward(deep(layer, 3 * [p]), np.ones((1, 1)))
    >>> backward(vjps, np.ones((1, 1))).shared()["W"]      # if the layers share W: 3 · 2²
    array([[12.]])
    """

    def __init__(self, h, shares, steps):
        self.h, self._shares, self._steps = h, shares, steps
        of_inputs = [(t, x) for t, (x, _) in enumerate(shares, start=1)]
        of_params = [(t, p) for t, (_, p) in enumerate(shares, start=1)]
        self.x = LazySequence(of_inputs, gradient_of_input)
        self.p = LazySequence(of_params, gradients_of_params)

    def shared(self):
        """The gradient of weights that all steps share: the sum of the contributions, ``Σ_t``.

        Raises
        ------
        ValueError
            The steps have different parameters.
        FloatingPointError
            The sum overflows.
        """
        first = self._steps[0]
        for step in self._steps:
            if step is not first and step.shapes() != first.shapes():
                raise ValueError(
                    f"shared: expected steps with the same parameters, got {first} and {step}"
                )
        sums = {name: sum_over_time([p[name] for _, p in self._shares]) for name in first.shapes()}
        return {name: expect_finite_gradient(f"∂L/∂{name}", value) for name, value in sums.items()}


def gradient_of_input(t, share):
    return None if share is None else multiplied(f"∂L/∂x_{t}", share)


def gradients_of_params(t, shares):
    return {
        name: multiplied(f"the share of step {t} in ∂L/∂{name}", share)
        for name, share in shares.items()
    }


def multiplied(name, share):
    """A share as an array: finite, and read-only, since the next who asks would see no change."""
    with np.errstate(all="ignore"):
        value = expect_finite_gradient(name, np.asarray(share))
    value.setflags(write=False)
    return value


def expect_finite_gradient(name, value):
    """Return ``value`` if it is finite; else raise, naming it."""
    if not np.isfinite(value).all():
        raise FloatingPointError(
            f"{name}: expected finite numbers, got an overflow of {value.dtype};"
            " a trace keeps logarithms"
        )
    return value


class Trace:
    """Natural logarithms of gradient norms, one entry per state and one per step.

    Attributes
    ----------
    log_h : ndarray of shape (T + 1, *sweep)
        ``ln ‖∂L/∂h_t‖`` over batch and features, for ``t = 0 … T``. A gradient that is exactly zero
        gives ``-inf``.
    log_p : dict of str to ndarray of shape (T, *sweep)
        The same for each step's contribution to the gradient of a parameter; ``nan`` where a step
        has none of that name.
    grads : Gradients
        The plain gradients for the same ``g``, as :func:`backward` returns or raises.

    Examples
    --------
    >>> layer, p = Dense(1, 1, "identity"), {"W": np.array([[2.0]]), "b": np.zeros(1)}
    >>> h, vjps = forward(deep(layer, 3 * [p]), np.ones((1, 1)))
    >>> log = trace(vjps, np.ones((1, 1)))
    >>> np.exp(log.log_h), log.grads.p[0]["W"]
    (array([8., 4., 2., 1.]), array([[4.]]))
    """

    def __init__(self, log_h, compute_log_p, plain):
        self.log_h, self._compute_log_p, self._plain = log_h, compute_log_p, plain

    @cached_property
    def log_p(self):
        log_p = self._compute_log_p()
        self._compute_log_p = None  # it holds the pullbacks, and nobody needs them any more
        return log_p

    def __getstate__(self):
        """What is pickled: logarithms and gradients, without the pullbacks, which cannot be."""
        return {"log_p": self.log_p, **vars(self)}

    @cached_property
    def grads(self):
        return finite_gradients(*self._plain)


def backward(vjps, g):
    """Backpropagation, ``∂L/∂h_{t-1} = (∂L/∂h_t) ∂h_t/∂h_{t-1}``, through depth or through time.

    Parameters
    ----------
    vjps : Pullbacks or GridPullbacks
        From :func:`forward`.
    g : ndarray, or list of T + 1 ndarrays or None
        ``∂L/∂h_T``. As a list, what the loss puts directly on each state ``h_0 … h_T`` (``None``
        for nothing), as in a many-to-many network. On a grid these are states of the highest layer;
        for a loss on others, a dict ``{(l, t): ndarray}``.

    Returns
    -------
    Gradients or GridGradients

    Raises
    ------
    ValueError, TypeError
        ``g`` is misshapen, of another dtype or not finite.
    FloatingPointError
        A gradient overflows; :func:`trace` keeps logarithms instead.

    Notes
    -----
    Source: Giselsson (n.d.), "Backpropagation summarized"; Grosse and Ba (2019), "Recall: backprop
    through time".

    Examples
    --------
    >>> layer, p = Dense(1, 1, "identity"), {"W": np.array([[2.0]]), "b": np.zeros(1)}
    >>> h, vjps = forward(deep(layer, 3 * [p]), np.ones((1, 1)))
    >>> grads = backward(vjps, np.ones((1, 1)))
    >>> np.ravel(grads.h), grads.p[0]["W"]
    (array([8., 4., 2., 1.]), array([[4.]]))
    """
    return backward_through(vjps, g)


@singledispatch
def backward_through(vjps, g):
    """What :func:`backward` does with each kind of pullbacks; ``grid`` registers its own."""
    raise_no_pullbacks(vjps)


@backward_through.register
def backward_through_path(vjps: Pullbacks, g):
    direct = loss_gradients(vjps, g)
    return finite_gradients(*backward_pass(vjps.lazy, direct[-1], direct[:-1]), vjps.steps)


def raise_no_pullbacks(vjps):
    raise TypeError(f"vjps: expected the pullbacks that forward returns, got {given(vjps)}")


def finite_gradients(h, shares, steps):
    """The :class:`Gradients`, unless one at a state overflows."""
    back = first_not_finite(h[::-1])
    if back is not None:
        t = len(shares) - back
        expect_finite_gradient(f"∂L/∂h_{t} of {len(shares)}", h[t])
    return Gradients(h, shares, steps)


def trace(vjps, g):
    """The logarithm of every gradient norm: ``ln ‖∂L/∂h_t‖`` for all ``t``, past the float range.

    The backward pass is that of :func:`backward`. If a norm leaves the range in which its square is
    exact, it is repeated: after each pullback the gradient is then divided by a power of two, so
    that its largest entry lies between ½ and 1, and the exponent is kept as an integer. 1e-4000 is
    as easy as 1, and no digit is lost, because such a division is exact. There is one exponent per
    sweep member, as steps such as batch norm couple its samples: what lies further below the
    largest entry of the member than floats reach, 1e308 times in float64 and 1e38 in float32, is
    lost. So is what a single step multiplies to less within itself, as nothing is divided in
    between.

    Parameters
    ----------
    vjps, g
        As for :func:`backward`.

    Returns
    -------
    Trace or GridTrace

    Raises
    ------
    ValueError, TypeError
        ``g`` is misshapen, of another dtype or not finite.

    Notes
    -----
    Source: Grosse and Ba (2019), "the Jacobians multiply".

    Examples
    --------
    >>> layer = Dense(1, 1, "identity")
    >>> path = deep(layer, 20_000 * [{"W": np.array([[0.5]]), "b": np.zeros(1)}])
    >>> log = trace(forward(path, np.ones((1, 1)))[1], np.ones((1, 1)))
    >>> log.log_h[0] / np.log(2)                    # of a gradient of 0.5^20000
    np.float64(-20000.0)
    """
    return trace_through(vjps, g)


@singledispatch
def trace_through(vjps, g):
    """What :func:`trace` does with each kind of pullbacks; ``grid`` registers its own."""
    raise_no_pullbacks(vjps)


@trace_through.register
def trace_through_path(vjps: Pullbacks, g):
    direct = loss_gradients(vjps, g)
    h, shares = backward_pass(vjps.lazy, direct[-1], direct[:-1])
    plain = h, shares, vjps.steps
    zero = np.zeros(vjps.end.shape[: vjps.sweep], dtype=int)

    def scaled():
        last, *before = with_exponents(direct[::-1], zero)
        return scaled_backward_pass(vjps.lazy, *rescale(*last), before[::-1])

    def log_p():
        logs = log_norms_by_name(shares, [zero] * len(shares), plain=True)
        if logs is None:  # a share may have faded inside its step: scaled, it stays
            _, exponents, scaled_shares = scaled()
            logs = log_norms_by_name(scaled_shares, exponents[1:])
        return logs

    squares = squared_norms(h, vjps.sweep)
    if within_range(squares, h[0].dtype):
        log = Trace(0.5 * np.log(squares, dtype=float), log_p, plain)
        log.grads = Gradients(*plain)  # into the cache: finite, as their squares are
        return log
    scaled_h, exponents, scaled_shares = scaled()
    log_h = np.array([log_scaled(g, e) for g, e in zip(scaled_h, exponents, strict=True)])
    return Trace(log_h, partial(log_norms_by_name, scaled_shares, exponents[1:]), plain)


def backward_pass(vjps, g, direct):
    """Gradients at the states of a stretch of steps, and each step's shares ``(x, p)``, which wait.

    Parameters
    ----------
    vjps : list of callable
        The pullbacks of the stretch.
    g : ndarray
        ``∂L/∂h`` at its end.
    direct : list of ndarray or None
        What the loss puts on the state before each of its steps.
    """
    h, shares = [g], []
    g.setflags(write=False)
    with np.errstate(all="ignore"):
        for t in reversed(range(len(vjps))):
            g, *share = pulled_back(vjps[t], g, t)
            if direct[t] is not None:
                g = g + expect_shape(direct[t], g, t)
            g.setflags(write=False)  # shares that wait still read it
            h.append(g)
            shares.append(share)
    return h[::-1], shares[::-1]


def pulled_back(vjp, g, t):
    """``vjp(g)`` of step ``t + 1``, named if it writes into ``g``."""
    try:
        return vjp(g)
    except ValueError as error:
        if "read-only" in str(error):
            raise ValueError(
                f"pullback of step {t + 1}: expected it to leave g as it is, got a write"
            ) from error
        raise


def scaled_backward_pass(vjps, g, exponent, direct):
    """The same for gradients ``g 2^exponent``; the exponents come along, also in ``direct``.

    The shares of step ``t`` are to be taken times ``2^exponents[t]``, the exponent at the state
    after it.
    """
    h, exponents, shares = [g], [exponent], []
    with np.errstate(all="ignore"):
        for t in reversed(range(len(vjps))):
            g, *share = vjps[t](g)
            if direct[t] is not None:
                of_loss, power = direct[t]
                g, exponent = add_scaled(g, exponent, expect_shape(of_loss, g, t), power)
            g, exponent = rescale(g, exponent)
            h.append(g)
            exponents.append(exponent)
            shares.append(share)
    return h[::-1], exponents[::-1], shares[::-1]


def with_exponents(direct, zero):
    """What a loss puts on states, as a scaled pass takes it: pairs of ``g`` and an exponent."""
    return [None if g is None else (g, zero) for g in direct]


def squared_norms(arrays, sweep):
    """``‖a‖²`` of every array, over all but the sweep axes: shape ``(T, *sweep)``."""
    squares = []
    with np.errstate(all="ignore"):
        for block in blocks(len(arrays), arrays[0].nbytes):
            part = arrays[block]
            alike = len({a.shape for a in part}) == 1
            for a in [np.stack(part)] if alike else [a[None] for a in part]:
                flat = a.reshape(*a.shape[: 1 + sweep], math.prod(a.shape[1 + sweep :]))
                squares.append(np.vecdot(flat, flat).real)
    return np.concatenate(squares)


def within_range(squares, dtype):
    """Whether nothing that matters in these squares has under- or overflowed."""
    low, high = SAFE[dtype.char]
    return bool(((low < squares) & (squares < high)).all())


def log_norms_by_name(shares, exponents, plain=False):
    """``ln ‖share 2^exponent‖`` of every parameter and step, from the shares ``(x, p)``.

    ``None`` if the shares are of ``plain`` gradients, and one may have left the float range before
    it was multiplied.
    """
    logs = {}
    for name in dict.fromkeys(name for _, p in shares for name in p):
        logs[name] = log_norms_of_shares([p.get(name) for _, p in shares], exponents, plain)
        if logs[name] is None:
            return None
    return logs


def log_norms_of_shares(shares, exponents, plain):
    """The same for one parameter; ``nan`` where a step has none of that name."""
    sweep = exponents[0].ndim
    out = np.full((len(shares), *exponents[0].shape), np.nan)
    there = [t for t, share in enumerate(shares) if share is not None]
    with np.errstate(all="ignore"):
        for block in blocks(len(there), np.asarray(shares[there[0]]).nbytes):
            steps = there[block]
            values = [np.asarray(shares[t]) for t in steps]
            squares = squared_norms(values, sweep)
            out[steps] = 0.5 * np.log(squares, dtype=float)
            if within_range(squares, values[0].dtype):
                continue
            for t, value, square in zip(steps, values, squares, strict=True):
                if within_range(square, value.dtype):
                    continue
                if plain and may_have_underflowed(shares[t]):
                    return None
                if isinstance(shares[t], Product):
                    out[t] = shares[t].log_norm()
                else:
                    out[t] = log_norm_of(value, value.ndim - sweep)
    return out + np.array(exponents) * np.log(2)


def may_have_underflowed(share):
    """Whether the factor that comes from above has left the float range; the state's cannot."""
    if not isinstance(share, Product):
        return True
    if share.a is not None and not share.a.any():
        return False  # an input of zeros: the share is zero, whatever comes
    return not within_range(squared_norms([share.b], share.b.ndim - 2), share.b.dtype)


def sum_over_time(shares):
    """``Σ_t`` of the shares in one gradient, in blocks of steps."""
    first = shares[0].b if isinstance(shares[0], Product) else shares[0]
    total = 0
    with np.errstate(all="ignore"):
        for block in blocks(len(shares), first.nbytes, most=2**21):
            total = total + sum_of_products(shares[block])
    return total


def loss_gradients(vjps, g):
    """What the loss puts on each of the ``T + 1`` states, checked, as a list."""
    if g is None:
        raise TypeError("g: expected ∂L/∂h_T, or a list with an entry for each state, got None")
    direct = g if isinstance(g, list | tuple) else [None] * len(vjps) + [g]
    if len(direct) != len(vjps) + 1:
        raise ValueError(
            f"g: expected {len(vjps) + 1} entries, one for each state, got {len(direct)}"
        )
    if direct[-1] is None:
        direct = [*direct[:-1], np.zeros_like(vjps.end)]
    for t, entry in enumerate(direct):
        if entry is None:
            continue
        name = "g" if direct is not g else f"g[{t}]"
        expect_array(name, entry, complex=True)
        expect_loss_shape(name, entry, vjps.h[t], vjps.steps[t] if t < len(vjps) else None)
        if entry.dtype != vjps.end.dtype:
            raise TypeError(
                f"{name}: expected {vjps.end.dtype}, the dtype of the states, got {entry.dtype}"
            )
    # copies, as the caller may change hers
    return [None if entry is None else entry.copy() for entry in direct]


def expect_loss_shape(name, g, h, step):
    """Raise unless ``g`` can be what the loss puts on the state ``h`` that goes into ``step``.

    At the end ``step`` is ``None``. Before it ``g`` may have more axes than ``h``, since a sweep
    may begin at a later step only.
    """
    own = h.ndim if step is None else 1 + len(step.features)
    same = g.shape[max(0, g.ndim - own) :] == h.shape[h.ndim - own :]
    if not same or (step is None and g.ndim > own):
        raise ValueError(f"{name}: expected the shape {h.shape} of its state, got {g.shape}")


def expect_shape(direct_g, g, t):
    """What the loss puts on ``h_t`` in the shape of ``g``, whose sweep may begin later."""
    if direct_g.shape == g.shape:
        return direct_g
    if direct_g.shape != g.shape[g.ndim - direct_g.ndim :]:
        raise ValueError(
            f"g[{t}]: expected the shape {g.shape} of that state's gradient, got {direct_g.shape}"
        )
    return np.broadcast_to(direct_g, g.shape)


def rescale(g, exponent):
    """Divide each sweep member by the power of two of its largest entry; ``exponent`` takes it."""
    _, power = np.frexp(np.abs(g).max(axis=_within_member(g, exponent), initial=0.0))
    return scale_by_power(g, -power), exponent + power


def add_scaled(g, exponent, direct_g, power):
    """``g 2^exponent + direct_g 2^power``, written with the larger of their two exponents."""
    direct_g, power = rescale(direct_g, power)
    within, nothing = _within_member(g, exponent), np.iinfo(int).min // 4
    of_g = np.where(np.any(g, axis=within), exponent, nothing)
    of_direct = np.where(np.any(direct_g, axis=within), power, nothing)
    top = np.maximum(of_g, of_direct)
    top = np.where(top == nothing, 0, top)
    return scale_by_power(g, exponent - top) + scale_by_power(direct_g, power - top), top


def _within_member(g, exponent):
    """The axes of ``g`` within one sweep member."""
    return tuple(range(exponent.ndim, g.ndim))


@np.errstate(all="ignore")
def scale_by_power(g, power):
    """``g 2^power``, exact while it stays in the float range."""
    power = power[(...,) + (None,) * (g.ndim - power.ndim)]
    if np.abs(power).max(initial=0) < 100:
        return g * np.ldexp(np.ones((), g.real.dtype), power)  # the same, and much faster
    return times_power(g, np.clip(power, -10_000, 10_000))


def log_scaled(g, exponent):
    """``ln ‖g 2^exponent‖``, one for each sweep member."""
    squares = squared_norms([g], exponent.ndim)[0]
    if within_range(squares, g.dtype):
        return exponent * np.log(2) + 0.5 * np.log(squares)
    return exponent * np.log(2) + log_norm_of(g, g.ndim - exponent.ndim)
