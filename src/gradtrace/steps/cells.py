"""Recurrent cells without gates, and a mask over time: one step in time."""

from dataclasses import dataclass

import numpy as np

from ..expect import expect_size
from .activations import Activation, activation
from .arrays import T, outer, row, total
from .contract import Grads, Step, checked, expect_same_features


@dataclass(frozen=True)
class RNN:
    """``h' = φ(h W + x U + b)``, the plain recurrent cell.

    Parameters
    ----------
    n_in : int
        Width of the input ``x`` of each step.
    n : int
        Width of the state ``h``.
    phi : str or Activation
        ``φ``, by name or as an object.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n)``, ``x`` is ``(*sweep, batch, n_in)``, ``W`` is ``(*sweep, n, n)``, ``U`` is
    ``(*sweep, n_in, n)`` and ``b`` is ``(*sweep, n)``.

    Source: I2DL, "Long-term dependencies" (there V is our W, W is our U).

    Examples
    --------
    >>> cell = RNN(n_in=1, n=2)
    >>> p = {"W": np.eye(2), "U": np.ones((1, 2)), "b": np.zeros(2)}
    >>> h, vjp = cell(p, np.zeros((1, 2)), np.array([[0.5]]))
    >>> h.round(4)                                  # tanh(0.5)
    array([[0.4621, 0.4621]])
    >>> vjp(np.ones((1, 2))).h.round(4)             # 1 - tanh²(0.5), as W is the identity
    array([[0.7864, 0.7864]])
    """

    n_in: int
    n: int
    phi: str | Activation = "tanh"

    def __post_init__(self):
        object.__setattr__(self, "n_in", expect_size("n_in", self.n_in))
        object.__setattr__(self, "n", expect_size("n", self.n))
        object.__setattr__(self, "phi", activation(self.phi))
        object.__setattr__(self, "features", (self.n,))
        object.__setattr__(self, "inputs", (self.n_in,))

    def __str__(self):
        return f"RNN({self.n_in}, {self.n}, {self.phi})"

    def shapes(self):
        return {"W": (self.n, self.n), "U": (self.n_in, self.n), "b": (self.n,)}

    @checked
    def __call__(self, p, h, x):
        a = h @ p["W"] + x @ p["U"] + row(p["b"])           # a  = h W + x U + b
        def vjp(g):                                         # g  = ∂L/∂h'
            d = g * self.phi.slope(a)                       # d  = ∂L/∂a = g ⊙ φ'(a)
            return Grads(h=d @ T(p["W"]),                   # ∂L/∂h = d Wᵀ
                         x=d @ T(p["U"]),                   # ∂L/∂x = d Uᵀ
                         p={"W": outer(h, d),               # this step's share of ∂L/∂W = hᵀ d
                            "U": outer(x, d),               # … of ∂L/∂U = xᵀ d
                            "b": total(d)})                 # … of ∂L/∂b = Σ d
        return self.phi(a), vjp                             # h' = φ(a)


def irnn(n_in, n):
    """``RNN(n_in, n, "relu")``, an IRNN once it is drawn with the identity: ``draw(cell, rng, W=init.identity)``.

    Where the state stays positive every Jacobian is then the identity, and gradients neither fade nor grow. Le et al.
    draw ``U`` from N(0, 0.001²): ``U=lambda rng, shape: init.gaussian(rng, shape, 0.001)``.

    Source: Le et al. 2015; Grosse–Ba, "Identity RNNs".

    Examples
    --------
    >>> cell = irnn(1, 3)
    >>> p = draw(cell, np.random.default_rng(0), W=init.identity)
    >>> h, vjp = cell(p, np.ones((1, 3)), np.zeros((1, 1)))
    >>> vjp(np.array([[1.0, 2.0, 3.0]])).h
    array([[1., 2., 3.]])
    """
    return RNN(n_in, n, "relu")


@dataclass(frozen=True)
class NARX:
    """``h_t = φ(Σ_k h_{t-k} W_k + x U + b)``, skip connections in time; ``k`` runs over ``delays``.

    Parameters
    ----------
    n_in, n : int
        Widths of the input ``x`` of each step and of ``h``.
    delays : tuple of int
        The ``k``, different and at least 1; ``(1,)`` is the plain :class:`RNN`.
    phi : str or Activation
        ``φ``, by name or as an object.

    Notes
    -----
    The state is a shift register ``[h_{t-1} | h_{t-2} | … | h_{t-D}]`` of shape ``(*sweep, batch, D n)`` with
    ``D = max(delays)``. ``x`` is ``(*sweep, batch, n_in)``; there is a ``Wk`` (``W1``, ``W4``, …) of shape
    ``(*sweep, n, n)`` for each delay, ``U`` is ``(*sweep, n_in, n)`` and ``b`` is ``(*sweep, n)``. The first ``n``
    columns of ``∂L/∂state`` are the gradient of ``h_{t-1}`` along all ways to the loss.

    Source: Lin et al. 1996; Cremer, "Deep Network Gradients Conclusion".

    Examples
    --------
    >>> cell = NARX(1, 2, delays=(1, 3))
    >>> cell.shapes()
    {'W1': (2, 2), 'W3': (2, 2), 'U': (1, 2), 'b': (2,)}
    >>> cell.features
    (6,)
    """

    n_in: int
    n: int
    delays: tuple[int, ...] = (1, 4)
    phi: str | Activation = "tanh"

    def __post_init__(self):
        object.__setattr__(self, "n_in", expect_size("n_in", self.n_in))
        object.__setattr__(self, "n", expect_size("n", self.n))
        if not isinstance(self.delays, tuple | list) or not self.delays:
            raise TypeError(f"delays: expected a tuple of at least one whole number, came {self.delays!r:.40}")
        delays = tuple(expect_size(f"delays[{i}]", k) for i, k in enumerate(self.delays))
        if len(set(delays)) < len(delays):
            raise ValueError(f"delays: expected each delay once, came {delays}")
        object.__setattr__(self, "delays", delays)
        object.__setattr__(self, "phi", activation(self.phi))
        object.__setattr__(self, "features", (max(delays) * self.n,))
        object.__setattr__(self, "inputs", (self.n_in,))

    def __str__(self):
        return f"NARX({self.n_in}, {self.n}, {self.delays}, {self.phi})"

    def shapes(self):
        return {f"W{k}": (self.n, self.n) for k in self.delays} | {"U": (self.n_in, self.n), "b": (self.n,)}

    @checked
    def __call__(self, p, h, x):
        n, place = self.n, {k: slice((k - 1) * self.n, k * self.n) for k in self.delays}
        a = x @ p["U"] + row(p["b"])                        # a  = x U + b + Σ_k h_{t-k} W_k
        for k in self.delays:
            a = a + h[..., place[k]] @ p[f"W{k}"]
        def vjp(g):                                         # g  = ∂L/∂[h_t | h_{t-1} | … | h_{t-D+1}]
            d = g[..., :n] * self.phi.slope(a)              # d  = ∂L/∂a = ∂L/∂h_t ⊙ φ'(a)
            dh = np.concatenate([g[..., n:], np.zeros_like(d)], axis=-1)    # the register shifts back
            for k in self.delays:
                dh[..., place[k]] += d @ T(p[f"W{k}"])      # ∂L/∂h_{t-k} gains d W_kᵀ
            return Grads(h=dh,
                         x=d @ T(p["U"]),                   # ∂L/∂x = d Uᵀ
                         p={f"W{k}": outer(h[..., place[k]], d) for k in self.delays}   # ∂L/∂W_k = h_{t-k}ᵀ d
                         | {"U": outer(x, d),               # ∂L/∂U = xᵀ d
                            "b": total(d)})                 # ∂L/∂b = Σ d
        kept = np.broadcast_to(h[..., :-n], (*a.shape[:-1], h.shape[-1] - n))
        return np.concatenate([self.phi(a), kept], axis=-1), vjp            # [h_t | h_{t-1} | … | h_{t-D+1}]


@dataclass(frozen=True)
class Masked:
    """``h' = m F(h, x) + (1 - m) h``: a sample steps where its mask ``m`` is 1 and keeps its state where it is 0.

    Batches of sequences of different lengths end with steps whose mask is 0; their padding has to be finite and is
    otherwise ignored, and gradients pass through it unchanged.

    Parameters
    ----------
    inner : Step
        ``F``, which keeps the shape of its state. Parameters are those of ``F``.

    Notes
    -----
    The input is ``[x | m]`` of shape ``(*sweep, batch, n_in + 1)``; for a step without input it is ``m`` alone.

    Source: the usual way to batch sequences of different lengths.

    Examples
    --------
    >>> cell = Masked(RNN(1, 2))
    >>> p = draw(cell, np.random.default_rng(0))
    >>> x = np.array([[0.5, 1.0], [0.5, 0.0]])      # the second sample is at its end
    >>> h, vjp = cell(p, np.ones((2, 2)), x)
    >>> h[1]
    array([1., 1.])
    """

    inner: Step

    def __post_init__(self):
        if not isinstance(self.inner, Step):
            raise TypeError(f"inner: expected a step, came {type(self.inner).__name__} {self.inner!r:.40}")
        if self.inner.inputs is not None and len(self.inner.inputs) != 1:
            raise ValueError(f"inner: expected a step whose input is a vector, came {self.inner}")
        object.__setattr__(self, "features", self.inner.features)
        object.__setattr__(self, "inputs", (1 + sum(self.inner.inputs or ()),))

    def __str__(self):
        return f"Masked({self.inner})"

    def shapes(self):
        return self.inner.shapes()

    @checked
    def __call__(self, p, h, x):
        over = tuple(range(-len(self.features), 0))
        m = np.expand_dims(x[..., -1], over)
        f, inner_vjp = self.inner(p, h, x[..., :-1] if self.inner.inputs else None)
        expect_same_features(self, self.inner, f)
        def vjp(g):                                         # g = ∂L/∂h'
            dh, dx, dp = inner_vjp(m * g)                   # only samples that step reach F
            dm = (g * (f - h)).sum(axis=over)[..., None]    # ∂L/∂m = Σ g ⊙ (F - h)
            return Grads(h=dh + (1 - m) * g,                # ∂L/∂h = m g ∂F/∂h + (1 - m) g
                         x=dm if dx is None else np.concatenate([dx, dm], axis=-1),
                         p=dp)
        return m * f + (1 - m) * h, vjp                     # h' = m F(h, x) + (1 - m) h
