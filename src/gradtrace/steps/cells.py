"""Recurrent cells: one step in time."""

from dataclasses import dataclass

from .activations import Activation, activation
from .arrays import T, expect_size, outer, row, total
from .contract import Grads, checked


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

    Source: I2DL, "Long-term dependencies" (there V is our W, W is our U). Taught in: notebook 10.
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
