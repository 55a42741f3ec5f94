"""Optimisers that scale each parameter by what its gradients have been.

Where ε stands is a choice, ``eps_inside``: ``√(v + ε)`` as in the slides, or ``√v + ε``. The default is as published.
"""

from dataclasses import dataclass

import numpy as np

from .optim import Optimiser


def root(v, eps, inside):
    """``√(v + ε)`` with ε inside the root, ``√v + ε`` with ε outside."""
    return np.sqrt(v + eps) if inside else np.sqrt(v) + eps


@dataclass(frozen=True)
class AdaGrad(Optimiser):
    """``v ← v + g²``, ``p ← p − η g / (√v + ε)``.

    Source: Duchi 2011, fig. 1; Lee, "AdaGrad".

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
        v = v + g * g                                       # v = Σ g²
        return g / root(v, self.eps, self.eps_inside), v


@dataclass(frozen=True)
class RMSProp(Optimiser):
    """``v ← ρ v + (1 − ρ) g²``, ``p ← p − η g / (√v + ε)``.

    Published without ε; outside the root is the custom of ``torch.optim.RMSprop``.
    Source: Hinton 2012, lecture 6e; Lee, "RMSProp".

    Examples
    --------
    >>> rule, p = RMSProp(lr=0.1), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.683772])
    """

    lr: float | np.ndarray = 0.001
    rho: float = 0.9
    eps: float = 1e-8
    eps_inside: bool = False
    buffers = ("v",)

    def rule(self, g, t, v):
        v = self.rho * v + (1 - self.rho) * g * g           # v = ρ v + (1 − ρ) g²
        return g / root(v, self.eps, self.eps_inside), v


@dataclass(frozen=True)
class AdaDelta(Optimiser):
    """``v ← ρ v + (1 − ρ) g²``, ``Δ = g √(u + ε) / √(v + ε)``, ``u ← ρ u + (1 − ρ) Δ²``, ``p ← p − η Δ``.

    ε in the numerator is what moves the first step.
    Source: Zeiler 2012, algorithm 1; Lee, "AdaDelta".

    Examples
    --------
    >>> rule, p = AdaDelta(), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.995528])
    """

    lr: float | np.ndarray = 1.0
    rho: float = 0.95
    eps: float = 1e-6
    eps_inside: bool = True
    buffers = ("v", "u")

    def rule(self, g, t, v, u):
        v = self.rho * v + (1 - self.rho) * g * g           # v = ρ v + (1 − ρ) g²
        delta = g * root(u, self.eps, self.eps_inside) / root(v, self.eps, self.eps_inside)
        u = self.rho * u + (1 - self.rho) * delta * delta   # u = ρ u + (1 − ρ) Δ²
        return delta, v, u


@dataclass(frozen=True)
class Adam(Optimiser):
    """``m ← β₁ m + (1 − β₁) g``, ``v ← β₂ v + (1 − β₂) g²``, ``p ← p − η m̂ / (√v̂ + ε)``.

    The averages start at zero and are too small at first; ``m̂ = m / (1 − β₁ᵗ)`` and ``v̂ = v / (1 − β₂ᵗ)`` correct it.
    Source: Kingma 2015, algorithm 1; Lee, "Adam".

    Examples
    --------
    >>> rule, p = Adam(lr=0.1), {"w": np.array([1.0])}
    >>> p, state = rule.step(p, {"w": np.array([2.0])}, rule.start(p))
    >>> p["w"].round(6)
    array([0.9])
    """

    lr: float | np.ndarray = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    eps_inside: bool = False
    buffers = ("m", "v")

    def rule(self, g, t, m, v):
        m = self.beta1 * m + (1 - self.beta1) * g           # m = β₁ m + (1 − β₁) g
        v = self.beta2 * v + (1 - self.beta2) * g * g       # v = β₂ v + (1 − β₂) g²
        m_hat = m / (1 - self.beta1 ** t)                   # m̂ = m / (1 − β₁ᵗ)
        v_hat = v / (1 - self.beta2 ** t)                   # v̂ = v / (1 − β₂ᵗ)
        return m_hat / root(v_hat, self.eps, self.eps_inside), m, v
