"""Optimisers: rules that turn gradients into the next parameters.

An optimiser is a frozen dataclass of hyperparameters. ``start(p)`` gives its state,
``step(p, grads, state)`` the next parameters and the next state; nothing is changed in place. The
state is a plain dict, so ``np.savez(file, **state)`` keeps it and a run resumes bit for bit.
Parameters are one flat dict; for the list of dicts of a deep net, :func:`~gradtrace.flatten_params`
makes one and ``unflatten_params`` goes back.

Where ε stands in those that scale each parameter by what its gradients have been is a choice,
``eps_inside``: ``√(v + ε)`` as in the slides, or ``√v + ε``. The default is as published.
"""

import copy
from dataclasses import dataclass, fields

import numpy as np

from ..expect import expect_array, expect_bool, expect_positive, expect_size, given
from .params import align_sweep, expect_dict, expect_rate, expect_sweep_axes


class Optimiser:
    """What all optimisers share: ``p ← p − η · direction``, which the ``rule`` of each gives.

    The learning rate η, and μ, β₁ and β₂, may be arrays ``(*sweep,)``, a number for each member
    of a sweep; then every gradient carries the sweep axes in front. Optimisers of one class with
    equal numbers are equal.
    """

    buffers = ()  # names of the averages kept for every parameter

    def __post_init__(self):
        for name in self._rates():
            value = expect_rate(name, getattr(self, name), below=np.inf if name == "lr" else 1.0)
            # what the caller does to his array changes nothing here
            if isinstance(value, np.ndarray):
                value = value.copy()
                value.setflags(write=False)
                object.__setattr__(self, name, value)
        if "eps" in vars(self):
            expect_positive("eps", self.eps)
            expect_bool("eps_inside", self.eps_inside)

    def _rates(self):
        """Names of the hyperparameters that may differ from one sweep member to the next."""
        rates = ("lr", "mu", "beta1", "beta2")
        return [field.name for field in fields(self) if field.name in rates]

    def __eq__(self, other):
        if not isinstance(other, Optimiser):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self):
        return hash(self._identity())

    def _identity(self):
        """The class and all numbers, to be compared and hashed."""
        values = [np.asarray(getattr(self, field.name)) for field in fields(self)]
        return type(self), *((value.shape, *value.ravel().tolist()) for value in values)

    def _aligned(self, g):
        """This optimiser, its arrays of hyperparameters ready to multiply ``g`` by members."""
        swept = [name for name in self._rates() if isinstance(getattr(self, name), np.ndarray)]
        if not swept:
            return self
        own = copy.copy(self)
        for name in swept:
            value = getattr(self, name)
            object.__setattr__(own, name, value.reshape(*value.shape, *[1] * (g.ndim - value.ndim)))
        return own

    def start(self, p):
        """The state before the first step: ``"t"`` and every buffer, such as ``"v.W"``, are 0."""
        expect_dict("p", p)
        state = {"t": 0}
        for b in self.buffers:
            state |= {f"{b}.{name}": np.zeros_like(w) for name, w in p.items()}
        return state

    def step(self, p, grads, state):
        """The next parameters and the next state.

        Parameters
        ----------
        p, grads : dict of str to ndarray
            The same names; a gradient has the shape of its parameter, or sweep axes in front of it.
        state : dict
            From :meth:`start`, or from the step before.

        Returns
        -------
        p, state : dict

        Raises
        ------
        TypeError, ValueError
            An array is missing, misshapen, not finite or of another dtype.
        FloatingPointError
            All went in finite and the step overflows.
        """
        self._expect(p, grads, state)
        t = int(state["t"]) + 1
        new, after = {}, {"t": t}
        for name, g in grads.items():
            kept = [state[f"{b}.{name}"] for b in self.buffers]
            try:
                with np.errstate(over="raise", divide="raise", invalid="raise", under="ignore"):
                    direction, *kept = self._aligned(g).rule(g, t, *kept)
                    w = p[name] - align_sweep(self.lr, g) * direction
                    new[name] = np.asarray(w, dtype=g.dtype)
                    kept = [np.asarray(average, dtype=g.dtype) for average in kept]
            except FloatingPointError as error:
                raise FloatingPointError(
                    f"p[{name!r}]: expected step {t} of {type(self).__name__} within {g.dtype},"
                    f" got {error}; clip the gradient or use a smaller learning rate"
                ) from None
            after |= {f"{b}.{name}": average for b, average in zip(self.buffers, kept, strict=True)}
        return {name: new[name] for name in p}, after

    def _expect(self, p, grads, state):
        expect_dict("p", p)
        expect_dict("grads", grads)
        if p.keys() != grads.keys():
            raise ValueError(f"grads: expected the names {sorted(p)}, got {sorted(grads)}")
        wanted = {"t", *(f"{b}.{name}" for b in self.buffers for name in p)}
        if not isinstance(state, dict) or state.keys() != wanted:
            got = sorted(state) if isinstance(state, dict) else given(state)
            raise ValueError(
                f"state: expected start(p) of {type(self).__name__} with {sorted(wanted)},"
                f" got {got}"
            )
        expect_size("state['t']", np.asarray(state["t"])[()], least=0)
        for name, g in grads.items():
            w = p[name]
            if g.shape[max(0, g.ndim - w.ndim) :] != w.shape:
                raise ValueError(
                    f"grads[{name!r}]: expected the shape {w.shape} of its parameter, got {g.shape}"
                )
            if g.dtype != w.dtype:
                raise TypeError(
                    f"grads[{name!r}]: expected {w.dtype} as p[{name!r}], got {g.dtype}"
                )
            for rate in self._rates():
                expect_sweep_axes(rate, getattr(self, rate), f"grads[{name!r}]", g)
            for key in (f"{b}.{name}" for b in self.buffers):
                kept = expect_array(f"state[{key!r}]", state[key])
                if (kept.shape, kept.dtype) != (w.shape, w.dtype):
                    raise ValueError(
                        f"state[{key!r}]: expected {w.dtype} of shape {w.shape} as p[{name!r}],"
                        f" got {kept.dtype} of shape {kept.shape}"
                    )


@dataclass(frozen=True, eq=False)
class GradientDescent(Optimiser):
    """``p ← p − η g``. Source: Lee (n.d.), "Gradient Descent Method".

    Examples
    --------
    >>> rule, p = GradientDescent(lr=0.1), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.8])
    """

    lr: float | np.ndarray = 0.01

    def rule(self, g, t):
        return (g,)


@dataclass(frozen=True, eq=False)
class Momentum(Optimiser):
    """``m ← μ m + g``, ``p ← p − η m``.

    The gradient enters undamped, as in ``torch.optim.SGD`` with its dampening at 0, so a steady
    gradient ends up multiplied by ``1 / (1 − μ)``.

    Source: Polyak (1964); Lee (n.d.), "Methods in Momentum".

    Examples
    --------
    >>> rule, p = Momentum(lr=0.1), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.8])
    """

    lr: float | np.ndarray = 0.01
    mu: float | np.ndarray = 0.9
    buffers = ("m",)

    def rule(self, g, t, m):
        m = self.mu * m + g  # m = μ m + g
        return m, m


@dataclass(frozen=True, eq=False)
class Nesterov(Optimiser):
    """``m ← μ m + g``, ``p ← p − η (g + μ m)``, momentum that looks ahead.

    Nesterov takes the gradient at the point ``p + μ v`` that momentum is about to reach. Written
    for that point instead of ``p``, as here and in ``torch.optim.SGD``, the gradient is that of the
    parameters in hand.

    Source: Nesterov (1983); Sutskever et al. (2013), eq. 3–4; Lee (n.d.), "Nesterov Accelerated
    Gradient (NAG)".

    Examples
    --------
    >>> rule, p = Nesterov(lr=0.1), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.62])
    """

    lr: float | np.ndarray = 0.01
    mu: float | np.ndarray = 0.9
    buffers = ("m",)

    def rule(self, g, t, m):
        m = self.mu * m + g  # m = μ m + g
        return g + self.mu * m, m


@dataclass(frozen=True, eq=False)
class AdaGrad(Optimiser):
    """``v ← v + g²``, ``p ← p − η g / (√v + ε)``.

    Source: Duchi et al. (2011), fig. 1; Lee (n.d.), "AdaGrad".

    Examples
    --------
    >>> rule, p = AdaGrad(lr=0.1), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.9])
    """

    lr: float | np.ndarray = 0.01
    eps: float = 1e-10
    eps_inside: bool = False
    buffers = ("v",)

    def rule(self, g, t, v):
        v = v + g * g  # v = Σ g²
        return g / root(v, self.eps, self.eps_inside), v


@dataclass(frozen=True, eq=False)
class RMSProp(Optimiser):
    """``v ← β₂ v + (1 − β₂) g²``, ``p ← p − η g / (√v + ε)``.

    Published without ε; outside the root is the custom of ``torch.optim.RMSprop``.

    Source: Hinton et al. (2012); Lee (n.d.), "RMSProp".

    Examples
    --------
    >>> rule, p = RMSProp(lr=0.1), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.683772])
    """

    lr: float | np.ndarray = 0.001
    beta2: float | np.ndarray = 0.9
    eps: float = 1e-8
    eps_inside: bool = False
    buffers = ("v",)

    def rule(self, g, t, v):
        v = self.beta2 * v + (1 - self.beta2) * g * g  # v = β₂ v + (1 − β₂) g²
        return g / root(v, self.eps, self.eps_inside), v


@dataclass(frozen=True, eq=False)
class AdaDelta(Optimiser):
    """``p ← p − η Δ`` with ``Δ = g √(r + ε) / √(v + ε)``.

    ``v ← β₂ v + (1 − β₂) g²`` and, after the step, ``r ← β₂ r + (1 − β₂) Δ²``. ε in the numerator
    is what moves the first step.

    Source: Zeiler (2012), algorithm 1; Lee (n.d.), "AdaDelta".

    Examples
    --------
    >>> rule, p = AdaDelta(), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.995528])
    """

    lr: float | np.ndarray = 1.0
    beta2: float | np.ndarray = 0.95
    eps: float = 1e-6
    eps_inside: bool = True
    buffers = ("v", "r")

    def rule(self, g, t, v, r):
        v = self.beta2 * v + (1 - self.beta2) * g * g  # v = β₂ v + (1 − β₂) g²
        delta = g * root(r, self.eps, self.eps_inside) / root(v, self.eps, self.eps_inside)
        r = self.beta2 * r + (1 - self.beta2) * delta * delta  # r = β₂ r + (1 − β₂) Δ²
        return delta, v, r


@dataclass(frozen=True, eq=False)
class Adam(Optimiser):
    """``m ← β₁ m + (1 − β₁) g``, ``v ← β₂ v + (1 − β₂) g²``, ``p ← p − η m̂ / (√v̂ + ε)``.

    The averages start at zero and are too small at first; ``m̂ = m / (1 − β₁ᵗ)`` and
    ``v̂ = v / (1 − β₂ᵗ)`` correct it.

    Source: Kingma and Ba (2015), algorithm 1; Lee (n.d.), "Adam".

    Examples
    --------
    >>> rule, p = Adam(lr=0.1), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.9])
    """

    lr: float | np.ndarray = 0.001
    beta1: float | np.ndarray = 0.9
    beta2: float | np.ndarray = 0.999
    eps: float = 1e-8
    eps_inside: bool = False
    buffers = ("m", "v")

    def rule(self, g, t, m, v):
        m = self.beta1 * m + (1 - self.beta1) * g  # m = β₁ m + (1 − β₁) g
        v = self.beta2 * v + (1 - self.beta2) * g * g  # v = β₂ v + (1 − β₂) g²
        m_hat = m / (1 - self.beta1**t)  # m̂ = m / (1 − β₁ᵗ)
        v_hat = v / (1 - self.beta2**t)  # v̂ = v / (1 − β₂ᵗ)
        return m_hat / root(v_hat, self.eps, self.eps_inside), m, v


def root(v, eps, inside):
    """``√(v + ε)`` with ε inside the root, ``√v + ε`` with ε outside."""
    return np.sqrt(v + eps) if inside else np.sqrt(v) + eps
