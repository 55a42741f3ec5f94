"""Fully connected layers, and layers whose units compete.

Maxout lets the largest through, softmax shares one unit of probability out.
"""

import math
from dataclasses import dataclass

import numpy as np

from .arrays import Grads, T, outer, row, total
from .contract import Phi, Size, Step


@dataclass(frozen=True)
class Dense(Step):
    """``h' = φ(h W + b)``, one layer.

    Parameters
    ----------
    n_in, n_out : int
        Width of the state before and after.
    phi : str or Activation
        ``φ``, by name or as an object.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n_in)``, ``W`` is ``(*sweep, n_in, n_out)``, ``b`` is
    ``(*sweep, n_out)``.

    Source: Giselsson (n.d.), "Backpropagation summarized".

    Examples
    --------
    >>> layer = Dense(2, 1, "relu")
    >>> p = {"W": np.array([[1.0], [-2.0]]), "b": np.array([0.5])}
    >>> h, vjp = layer(p, np.array([[3.0, 1.0]]))
    >>> h, vjp(np.array([[1.0]])).h                 # 3 - 2 + 0.5, and W
    (array([[1.5]]), array([[ 1., -2.]]))
    """

    n_in: Size
    n_out: Size
    phi: Phi = "tanh"

    @property
    def features(self):
        return (self.n_in,)

    def __str__(self):
        return f"Dense({self.n_in}, {self.n_out}, {self.phi})"

    def shapes(self):
        return {"W": (self.n_in, self.n_out), "b": (self.n_out,)}

    # fmt: off
    def step(self, p, h, x=None):
        a = h @ p["W"] + row(p["b"])                        # a  = h W + b
        def vjp(g):                                         # g  = ∂L/∂h'
            d = g * self.phi.slope(a)                       # d = ∂L/∂a = g ⊙ φ'(a)
            return Grads(h=d @ T(p["W"]),                   # ∂L/∂h = d Wᵀ
                         x=None,
                         p={"W": outer(h, d),               # ∂L/∂W = hᵀ d
                            "b": total(d)})                 # ∂L/∂b = Σ d
        return self.phi(a), vjp                             # h' = φ(a)


@dataclass(frozen=True)
class Maxout(Step):
    """``h' = max_k (h W_k + b_k)``, unit by unit the largest of several linear pieces.

    Parameters
    ----------
    n_in, n_out : int
        Width of the state before and after.
    pieces : int
        How many pieces ``k`` each unit chooses from; a convex function with that many straight
        parts.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n_in)``, ``W`` is ``(*sweep, n_in, pieces n_out)`` and ``b`` is
    ``(*sweep, pieces n_out)``; the first ``n_out`` columns are the first piece. Where pieces tie,
    the first wins.

    Source: Goodfellow et al. (2013).

    Examples
    --------
    >>> step = Maxout(1, 1, pieces=2)
    >>> p = {"W": np.array([[1.0, -1.0]]), "b": np.zeros(2)}
    >>> step(p, np.array([[-3.0], [2.0]]))[0].ravel()      # max(h, -h)
    array([3., 2.])
    """

    n_in: Size
    n_out: Size
    pieces: Size = 2

    @property
    def features(self):
        return (self.n_in,)

    def __str__(self):
        return f"Maxout({self.n_in}, {self.n_out}, {self.pieces})"

    def shapes(self):
        return {"W": (self.n_in, self.pieces * self.n_out), "b": (self.pieces * self.n_out,)}

    # fmt: off
    def step(self, p, h, x=None):
        a = h @ p["W"] + row(p["b"])                        # a  = h W + b, all pieces side by side
        a = a.reshape(*a.shape[:-1], self.pieces, self.n_out)
        won = np.arange(self.pieces)[:, None] == a.argmax(axis=-2)[..., None, :]
        def vjp(g):                                         # g  = ∂L/∂h'
            d = g[..., None, :] * won                       # d  = ∂L/∂a: g to the piece that won
            d = d.reshape(*d.shape[:-2], math.prod(d.shape[-2:]))
            return Grads(h=d @ T(p["W"]),                   # ∂L/∂h = d Wᵀ
                         x=None,
                         p={"W": outer(h, d),               # ∂L/∂W = hᵀ d
                            "b": total(d)})                 # ∂L/∂b = Σ d
        return a.max(axis=-2), vjp                          # h' = max_k a_k


@dataclass(frozen=True)
class Softmax(Step):
    """``h'_i = e^{h_i} / Σ_j e^{h_j}``: any scores become probabilities.

    The Jacobian is ``diag(h') - h' h'ᵀ``.

    Parameters
    ----------
    n : int
        Number of classes.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n)``; there are no parameters. To train, leave this step out and give
    the scores to :func:`~gradtrace.cross_entropy`, which contains it.

    Source: Lee (n.d.), "Activation Functions", 4.

    Examples
    --------
    >>> q, vjp = Softmax(3)({}, np.zeros((1, 3)))
    >>> q.round(4)
    array([[0.3333, 0.3333, 0.3333]])
    >>> vjp(np.array([[1.0, 0.0, 0.0]])).h.round(4)  # a row of diag(q) - q qᵀ
    array([[ 0.2222, -0.1111, -0.1111]])
    """

    n: Size

    @property
    def features(self):
        return (self.n,)

    def __str__(self):
        return f"Softmax({self.n})"

    def shapes(self):
        return {}

    # fmt: off
    def step(self, p, h, x=None):
        e = np.exp(h - h.max(axis=-1, keepdims=True))       # the largest is 1: nothing overflows
        q = e / e.sum(axis=-1, keepdims=True)
        top = np.arange(self.n) == h.argmax(axis=-1)[..., None]
        def vjp(g):                                         # g  = ∂L/∂h'
            # What is the same for all adds nothing; g measured from the winner's,
            # 1 - q of the winner is not rounded to 0.
            r = g - (g * top).sum(axis=-1, keepdims=True)
            mean = (r * q).sum(axis=-1, keepdims=True)
            return Grads(h=q * (r - mean),                  # ∂L/∂h = (diag(q) - q qᵀ) g
                         x=None, p={})
        return q, vjp                                       # h' = q
