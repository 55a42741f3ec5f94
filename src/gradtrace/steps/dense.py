"""A fully connected layer."""

from dataclasses import dataclass

from ..expect import expect_size
from .activations import Activation, activation
from .arrays import T, outer, row, total
from .contract import Grads, checked


@dataclass(frozen=True)
class Dense:
    """``h' = φ(h W + b)``, one layer.

    Parameters
    ----------
    n_in, n_out : int
        Width of the state before and after.
    phi : str or Activation
        ``φ``, by name or as an object.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n_in)``, ``W`` is ``(*sweep, n_in, n_out)``, ``b`` is ``(*sweep, n_out)``.

    Source: Giselsson, "Backpropagation summarized".

    Examples
    --------
    >>> layer = Dense(2, 1, "relu")
    >>> p = {"W": np.array([[1.0], [-2.0]]), "b": np.array([0.5])}
    >>> h, vjp = layer(p, np.array([[3.0, 1.0]]))
    >>> h, vjp(np.array([[1.0]])).h                 # 3 - 2 + 0.5, and W
    (array([[1.5]]), array([[ 1., -2.]]))
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
        return f"Dense({self.n_in}, {self.n_out}, {self.phi})"

    def shapes(self):
        return {"W": (self.n_in, self.n_out), "b": (self.n_out,)}

    @checked
    def __call__(self, p, h, x=None):
        a = h @ p["W"] + row(p["b"])                        # a  = h W + b
        def vjp(g):                                         # g  = ∂L/∂h'
            d = g * self.phi.slope(a)                       # d  = ∂L/∂a = g ⊙ φ'(a)
            return Grads(h=d @ T(p["W"]),                   # ∂L/∂h = d Wᵀ
                         x=None,
                         p={"W": outer(h, d),               # ∂L/∂W = hᵀ d
                            "b": total(d)})                 # ∂L/∂b = Σ d
        return self.phi(a), vjp                             # h' = φ(a)
