"""Normalisation: steps that set the scale of a state or of their own weights.

The gradient goes through that scale, too.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..expect import expect_array, expect_floats, expect_number
from .arrays import Grads, T, outer, row, total
from .contract import Phi, Size, Step


class Statistics(NamedTuple):
    """Mean and variance of every feature over a batch, each ``(*sweep, n)``.

    ``var`` divides by the size B of the batch, ``unbiased`` by B − 1.
    """

    mean: np.ndarray
    var: np.ndarray
    unbiased: np.ndarray


def batch_statistics(h):
    """Mean, variance and unbiased variance of a batch ``h`` of shape ``(*sweep, batch, n)``.

    A batch has two samples or more. As in PyTorch, training normalises with ``var``, and what is
    kept for prediction is ``mean`` and ``unbiased``.

    Raises
    ------
    ValueError, TypeError
        ``h`` is no array of finite floats, or holds fewer than two samples.
    FloatingPointError
        A variance overflows.

    Notes
    -----
    Source: Ioffe and Szegedy (2015), alg. 1 and 2.

    Examples
    --------
    >>> batch_statistics(np.array([[1.0], [3.0]]))
    Statistics(mean=array([2.]), var=array([1.]), unbiased=array([2.]))
    """
    expect_array("h", h, (None, None))
    batch = _expect_batch("h", h)
    with np.errstate(all="ignore"):
        mean, var = h.mean(axis=-2), h.var(axis=-2)
        unbiased = var * (batch / (batch - 1))
    if not np.isfinite(unbiased).all():
        raise FloatingPointError(f"h: expected a variance within {h.dtype}, got an overflow")
    return Statistics(mean, var, unbiased)


@dataclass(frozen=True)
class BatchNorm(Step):
    """``h' = γ (h − μ) / √(σ² + ε) + β`` with mean and variance of the batch, as in training.

    The statistics depend on every sample, and the gradient flows through them.

    Parameters
    ----------
    n : int
        Width of the state.
    eps : float
        ``ε > 0``, which keeps a feature that is constant over the batch finite.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n)`` with a batch of at least two, ``gamma`` and ``beta`` are
    ``(*sweep, n)``. ``init_params`` starts ``gamma`` at one.

    Source: Lee (n.d.), "Batch Normalization"; Ioffe and Szegedy (2015), alg. 1.

    Examples
    --------
    >>> norm = BatchNorm(1)
    >>> p = init_params(norm, np.random.default_rng(0))
    >>> h, vjp = norm(p, np.array([[1.0], [3.0], [8.0]]))
    >>> h.round(3).ravel()
    array([-1.019, -0.34 ,  1.359])
    >>> abs(vjp(np.ones((3, 1))).h).max() < 1e-15   # moving all samples alike changes nothing
    np.True_
    """

    n: Size
    eps: float = 1e-5

    def __post_init__(self):
        super().__post_init__()
        self.set("eps", _expect_eps(self.eps))

    @property
    def features(self):
        return (self.n,)

    def __str__(self):
        return f"BatchNorm({self.n})"

    def shapes(self):
        return {"gamma": (self.n,), "beta": (self.n,)}

    def inference(self, mean, var):
        """The :class:`BatchNormInference` for prediction, with statistics kept from training."""
        expect_array("mean", mean, (self.n,))
        return BatchNormInference(mean, var, self.eps)

    # fmt: off
    def step(self, p, h, x=None):
        _expect_batch(f"h of {self}", h)
        z, z_vjp = standardise(h, self.eps, axis=-2)        # z  = (h − μ) / √(σ² + ε) of the batch
        def vjp(g):                                         # g  = ∂L/∂h'
            return Grads(h=z_vjp(g * row(p["gamma"])),      # ∂L/∂z = g ⊙ γ, then through z, μ and σ
                         x=None,
                         p={"gamma": total(g * z),          # ∂L/∂γ = Σ g ⊙ z
                            "beta": total(g)})              # ∂L/∂β = Σ g
        return z * row(p["gamma"]) + row(p["beta"]), vjp    # h' = γ z + β


@dataclass(frozen=True, eq=False)
class BatchNormInference(Step):
    """``h' = γ (h − μ) / √(σ² + ε) + β`` with ``μ`` and ``σ²`` fixed, as in prediction.

    Every sample is normalised by itself.

    Parameters
    ----------
    mean, var : ndarray of shape (*sweep, n)
        ``μ`` and ``σ²``, kept from training; see :func:`batch_statistics`.
    eps : float
        ``ε > 0``.

    Notes
    -----
    Source: Ioffe and Szegedy (2015), alg. 2.

    Examples
    --------
    >>> from gradtrace.steps.norms import BatchNormInference
    >>> norm = BatchNormInference(mean=np.array([4.0]), var=np.array([9.0]))
    >>> p = {"gamma": np.ones(1), "beta": np.zeros(1)}
    >>> norm(p, np.array([[10.0]]))[0].round(4)
    array([[2.]])
    """

    mean: np.ndarray = field(repr=False)
    var: np.ndarray = field(repr=False)
    eps: float = 1e-5

    def __post_init__(self):
        n = expect_array("mean", self.mean, (None,)).shape[-1]
        if (expect_array("var", self.var, (n,)) < 0).any():
            raise ValueError(f"var: expected at least 0, got {self.var.min()}")
        expect_floats(mean=self.mean, var=self.var)
        self.set("mean", self.mean.copy())
        self.set("var", self.var.copy())
        self.set("eps", _expect_eps(self.eps))

    @property
    def features(self):
        return self.mean.shape[-1:]

    @property
    def sweep(self):
        return np.broadcast_shapes(self.mean.shape[:-1], self.var.shape[:-1])

    def __str__(self):
        return f"BatchNormInference({self.features[0]})"

    def shapes(self):
        return {"gamma": self.features, "beta": self.features}

    # fmt: off
    def step(self, p, h, x=None):
        s = row(np.sqrt(self.var + self.eps)).astype(h.dtype)       # s  = √(σ² + ε), constant
        z = (h - row(self.mean).astype(h.dtype)) / s                # z  = (h − μ) / s
        def vjp(g):                                                 # g  = ∂L/∂h'
            return Grads(h=g * row(p["gamma"]) / s,                 # ∂L/∂h = g ⊙ γ / s
                         x=None,
                         p={"gamma": total(g * z),                  # ∂L/∂γ = Σ g ⊙ z
                            "beta": total(g)})                      # ∂L/∂β = Σ g
        return z * row(p["gamma"]) + row(p["beta"]), vjp            # h' = γ z + β


@dataclass(frozen=True)
class LayerNorm(Step):
    """``h' = γ (h − μ) / √(σ² + ε) + β`` with mean and variance over the features of each sample.

    Parameters
    ----------
    n : int
        Width of the state.
    eps : float
        ``ε > 0``.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n)``, ``gamma`` and ``beta`` are ``(*sweep, n)``. ``init_params``
    starts ``gamma`` at one.

    Source: Ba et al. (2016), sec. 3.

    Examples
    --------
    >>> norm = LayerNorm(4)
    >>> p = init_params(norm, np.random.default_rng(0))
    >>> norm(p, np.array([[1.0, 2.0, 3.0, 4.0]]))[0].round(3)
    array([[-1.342, -0.447,  0.447,  1.342]])
    """

    n: Size
    eps: float = 1e-5

    def __post_init__(self):
        super().__post_init__()
        self.set("eps", _expect_eps(self.eps))

    @property
    def features(self):
        return (self.n,)

    def __str__(self):
        return f"LayerNorm({self.n})"

    def shapes(self):
        return {"gamma": (self.n,), "beta": (self.n,)}

    # fmt: off
    def step(self, p, h, x=None):
        z, z_vjp = standardise(h, self.eps, axis=-1)        # z  = (h − μ) / √(σ² + ε) of a sample
        def vjp(g):                                         # g  = ∂L/∂h'
            return Grads(h=z_vjp(g * row(p["gamma"])),      # ∂L/∂z = g ⊙ γ, then through z, μ and σ
                         x=None,
                         p={"gamma": total(g * z),          # ∂L/∂γ = Σ g ⊙ z
                            "beta": total(g)})              # ∂L/∂β = Σ g
        return z * row(p["gamma"]) + row(p["beta"]), vjp    # h' = γ z + β


@dataclass(frozen=True)
class WeightNorm(Step):
    """``h' = φ(h W + b)`` with ``W = length · v / ‖v‖``, column by column.

    Parameters
    ----------
    n_in, n_out : int
        Width of the state before and after.
    phi : str or Activation
        ``φ``, by name or as an object.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n_in)``, ``v`` is ``(*sweep, n_in, n_out)`` without a column of
    zeros, ``length`` and ``b`` are ``(*sweep, n_out)``. ``init_params`` starts ``length`` at one.
    ``∂L/∂v`` is orthogonal to ``v``, column by column.

    Source: Salimans and Kingma (2016), eq. 2 and 3, with ``g`` for ``length``.

    Examples
    --------
    >>> layer = WeightNorm(2, 1, "identity")
    >>> p = {"v": np.array([[3.0], [4.0]]), "length": np.array([10.0]), "b": np.zeros(1)}
    >>> layer(p, np.array([[1.0, 0.0]]))[0]         # 10 times the first entry of v / ‖v‖
    array([[6.]])
    """

    n_in: Size
    n_out: Size
    phi: Phi = "tanh"

    @property
    def features(self):
        return (self.n_in,)

    def __str__(self):
        return f"WeightNorm({self.n_in}, {self.n_out}, {self.phi})"

    def shapes(self):
        return {"v": (self.n_in, self.n_out), "length": (self.n_out,), "b": (self.n_out,)}

    # fmt: off
    def step(self, p, h, x=None):
        size = length(p["v"], axis=-2)                      # ‖v‖, per column
        if not size.all():
            raise ValueError(f"p['v'] of {self}: expected no column of zeros, got one")
        u = p["v"] / size                                   # u  = v / ‖v‖
        W = u * row(p["length"])                            # W  = u length
        a = h @ W + row(p["b"])                             # a  = h W + b
        def vjp(g):                                         # g  = ∂L/∂h'
            d = g * self.phi.slope(a)                       # d = ∂L/∂a = g ⊙ φ'(a)
            dW = np.asarray(outer(h, d))                    # ∂L/∂W = hᵀ d
            along = (u * dW).sum(axis=-2)                   # uᵀ ∂L/∂W, per column
            across = dW - u * row(along)                    # what of ∂L/∂W turns v
            return Grads(h=d @ T(W),                        # ∂L/∂h = d Wᵀ
                         x=None,
                         # ∂L/∂v = (I − u uᵀ) ∂L/∂W length / ‖v‖
                         p={"v": across * row(p["length"]) / size,
                            "length": along,                    # ∂L/∂length = uᵀ ∂L/∂W
                            "b": total(d)})                     # ∂L/∂b = Σ d
        return self.phi(a), vjp                             # h' = φ(a)


def standardise(h, eps, axis):
    """``z = (h − μ) / s`` with ``s = √(σ² + ε)`` over one axis, and the pullback of ``z``."""
    c = h - h.mean(axis, keepdims=True)  # c = h − μ
    sigma = length(c / h.shape[axis] ** 0.5, axis)
    s = np.hypot(sigma, eps**0.5)  # s = √(σ² + ε)
    z = c / s

    def vjp(d):  # d = ∂L/∂z
        # Moving all alike changes nothing, nor, but for ε, does stretching.
        through_mean = d.mean(axis, keepdims=True)
        through_scale = z * (d * z).mean(axis, keepdims=True)
        return (d - through_mean - through_scale) / s

    return z, vjp


def length(v, axis):
    """``‖v‖`` along one axis, which is kept; without overflow or underflow of the squares."""
    top = np.abs(v).max(axis, keepdims=True)
    unit = v / np.where(top > 0, top, 1)
    return top * np.sqrt((unit * unit).sum(axis, keepdims=True))


def _expect_batch(name, h):
    if h.shape[-2] < 2:
        raise ValueError(
            f"{name}: expected a batch of at least 2, got {h.shape[-2]}; one sample has no variance"
        )
    return h.shape[-2]


def _expect_eps(eps):
    if expect_number("eps", eps) <= 0:
        raise ValueError(f"eps: expected more than 0, got {eps}")
    return float(eps)
