"""A fully connected layer whose weights have their length and their direction apart."""

from dataclasses import dataclass

from ..expect import expect_size
from .activations import Activation, activation
from .arrays import T, outer, row, total
from .contract import Grads, checked
from .norms import length


@dataclass(frozen=True)
class WeightNorm:
    """``h' = φ(h W + b)`` with ``W = v g / ‖v‖``: the length and the direction of every column of ``W`` apart.

    Parameters
    ----------
    n_in, n_out : int
        Width of the state before and after.
    phi : str or Activation
        ``φ``, by name or as an object.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n_in)``, ``v`` is ``(*sweep, n_in, n_out)`` without a column of zeros, ``g`` and ``b``
    are ``(*sweep, n_out)``. ``draw`` starts ``g`` at one. ``∂L/∂v`` is orthogonal to ``v``, column by column.

    Source: Salimans–Kingma 2016, eq. 2 and 3.

    Examples
    --------
    >>> layer = WeightNorm(2, 1, "identity")
    >>> p = {"v": np.array([[3.0], [4.0]]), "g": np.array([10.0]), "b": np.zeros(1)}
    >>> layer(p, np.array([[1.0, 0.0]]))[0]         # 10 times the first entry of v / ‖v‖
    array([[6.]])
    """

    n_in: int
    n_out: int
    phi: str | Activation = "tanh"

    def __post_init__(self):
        object.__setattr__(self, "n_in", expect_size("n_in", self.n_in))
        object.__setattr__(self, "n_out", expect_size("n_out", self.n_out))
        object.__setattr__(self, "phi", activation(self.phi))
        object.__setattr__(self, "features", (self.n_in,))

    inputs = None

    def __str__(self):
        return f"WeightNorm({self.n_in}, {self.n_out}, {self.phi})"

    def shapes(self):
        return {"v": (self.n_in, self.n_out), "g": (self.n_out,), "b": (self.n_out,)}

    @checked
    def __call__(self, p, h, x=None):
        size = length(p["v"], axis=-2)                      # ‖v‖, per column
        if not size.all():
            raise ValueError(f"p['v'] of {self}: expected no column of zeros, came one")
        u = p["v"] / size                                   # u  = v / ‖v‖
        W = u * row(p["g"])                                 # W  = u g
        a = h @ W + row(p["b"])                             # a  = h W + b
        def vjp(g):                                         # g  = ∂L/∂h'
            d = g * self.phi.slope(a)                       # d  = ∂L/∂a = g ⊙ φ'(a)
            dW = outer(h, d)                                # ∂L/∂W = hᵀ d
            along = (u * dW).sum(axis=-2)                   # uᵀ ∂L/∂W, per column
            across = dW - u * row(along)                    # what of ∂L/∂W turns v
            return Grads(h=d @ T(W),                        # ∂L/∂h = d Wᵀ
                         x=None,
                         p={"v": across * row(p["g"]) / size,       # ∂L/∂v = (I − u uᵀ) ∂L/∂W g / ‖v‖
                            "g": along,                             # ∂L/∂g = uᵀ ∂L/∂W
                            "b": total(d)})                         # ∂L/∂b = Σ d
        return self.phi(a), vjp                             # h' = φ(a)
