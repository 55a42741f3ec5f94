"""Combinators, which take steps and are steps, and layers that let their state pass by."""

from dataclasses import dataclass, replace

import numpy as np

from ..expect import expect_bool, expect_rng
from .activations import sigmoid
from .arrays import Grads, T, outer, row, total
from .checks import expect_finite, expect_same_shape, expect_state
from .contract import Phi, Size, Step, expect_step
from .dropout import expect_probability


@dataclass(frozen=True)
class Seq(Step):
    """``h' = F_k(… F_2(F_1(h, x)))``, several steps as one; only the first may take an input.

    Parameters
    ----------
    *steps : Step
        At least one. Their parameters are called ``"0.W"``, ``"1.W"`` and so on.

    Notes
    -----
    Source: Giselsson (n.d.), "Deep learning – Model".

    Examples
    --------
    >>> block = Seq(Dense(3, 5, "relu"), Dense(5, 3))
    >>> block.shapes()
    {'0.W': (3, 5), '0.b': (5,), '1.W': (5, 3), '1.b': (3,)}
    """

    steps: tuple[Step, ...]

    def __init__(self, *steps):
        if not steps:
            raise ValueError("steps: expected at least one step, got none")
        for i, step in enumerate(steps):
            expect_step(f"steps[{i}]", step)
            if i and step.inputs is not None:
                raise ValueError(
                    f"steps[{i}]: expected a step without input after the first, got {step}"
                )
        self.set("steps", steps)

    @property
    def features(self):
        return self.steps[0].features

    @property
    def inputs(self):
        return self.steps[0].inputs

    @property
    def sweep(self):
        return np.broadcast_shapes(*(step.sweep for step in self.steps))

    def __str__(self):
        return f"Seq({', '.join(map(str, self.steps))})"

    def shapes(self):
        return {
            f"{i}.{name}": shape
            for i, step in enumerate(self.steps)
            for name, shape in step.shapes().items()
        }

    # fmt: off
    def step(self, p, h, x=None):
        vjps = []
        for i, step in enumerate(self.steps):
            own = {name: p[f"{i}.{name}"] for name in step.shapes()}
            if i:                                           # nobody else sees what is in between
                expect_finite(self.steps[i - 1], h)
                if h.shape[-len(step.features):] != step.features:
                    expect_state(step, h, None)
            h, vjp = step.step(own, h, x if i == 0 else None)
            vjps.append(vjp)
        def vjp(g):
            dp = {}
            for i in reversed(range(len(vjps))):            # the chain rule, last step first
                g, dx, own = vjps[i](g)
                dp |= {f"{i}.{name}": value for name, value in own.items()}
            return Grads(g, dx, dp)
        return h, vjp


@dataclass(frozen=True)
class OnInput(Step):
    """``h' = F(h, G(x))``, a step whose input goes through another step first.

    In a stack, ``G`` stands between a layer and the one below: a norm, or a matrix.

    Parameters
    ----------
    first : Step
        ``G``, without an input of its own. Its parameters are called ``"x.W"``, ``"x.gamma"`` and
        so on.
    inner : Step
        ``F``, which takes an input; its parameters keep their names.

    Notes
    -----
    ``x`` is what ``G`` takes, and what ``G`` makes of it is the input of ``F``. In a residual layer
    of a stack the sum passes beside both.

    Examples
    --------
    >>> cell = OnInput(LayerNorm(3), RNN(3, 2))
    >>> cell.shapes()
    {'W': (2, 2), 'U': (3, 2), 'b': (2,), 'x.gamma': (3,), 'x.beta': (3,)}
    """

    first: Step
    inner: Step

    def __post_init__(self):
        expect_step("first", self.first)
        expect_step("inner", self.inner)
        if self.first.inputs is not None:
            raise ValueError(f"first: expected a step without an input, got {self.first}")
        if self.inner.inputs is None:
            raise ValueError(f"inner: expected a step that takes an input, got {self.inner}")
        taken = [name for name in self.inner.shapes() if name.startswith("x.")]
        if taken:
            raise ValueError(
                f"inner: expected no parameters that begin with 'x.', got {taken} of {self.inner};"
                " Seq makes one step of several"
            )

    @property
    def features(self):
        return self.inner.features

    @property
    def hidden(self):
        return self.inner.hidden

    @property
    def inputs(self):
        return self.first.features

    @property
    def sweep(self):
        return np.broadcast_shapes(self.first.sweep, self.inner.sweep)

    def __str__(self):
        return f"OnInput({self.first}, {self.inner})"

    def shapes(self):
        of_first = {f"x.{name}": shape for name, shape in self.first.shapes().items()}
        return self.inner.shapes() | of_first

    # fmt: off
    def step(self, p, h, x):
        of_first = {name: p[f"x.{name}"] for name in self.first.shapes()}
        of_inner = {name: p[name] for name in self.inner.shapes()}
        read, first_vjp = self.first.step(of_first, x)      # G(x)
        expect_finite(self.first, read)
        if read.shape[-len(self.inner.inputs):] != self.inner.inputs:
            expect_state(self.inner, h, read, names=("h", f"what {self.first} hands to x"))
        out, inner_vjp = self.inner.step(of_inner, h, read)
        def vjp(g):
            dh, dread, dp = inner_vjp(g)
            dx, _, dfirst = first_vjp(np.asarray(dread))    # ∂L/∂x = ∂L/∂G ∂G/∂x
            return Grads(dh, dx, dp | {f"x.{name}": value for name, value in dfirst.items()})
        return out, vjp                                     # h' = F(h, G(x))


@dataclass(frozen=True)
class Residual(Step):
    """``h' = h + F(h, x)``, a step that adds to its state instead of replacing it.

    Parameters
    ----------
    inner : Step
        ``F``; its output has the shape of its input. Parameters are those of ``F``.

    Notes
    -----
    Source: Grosse and Ba (2019), "residual block"; Cremer (2017), "Residual Network".

    Examples
    --------
    >>> block = Residual(Dense(3, 3, "tanh"))
    >>> p = init_params(block, np.random.default_rng(0), init.zeros)
    >>> h, vjp = block(p, np.array([[1.0, -2.0, 0.5]]))
    >>> h                                           # zero weights: the identity
    array([[ 1. , -2. ,  0.5]])
    """

    inner: Step

    def __post_init__(self):
        expect_step("inner", self.inner)

    @property
    def features(self):
        return self.inner.features

    @property
    def inputs(self):
        return self.inner.inputs

    @property
    def hidden(self):
        return self.inner.hidden

    @property
    def sweep(self):
        return self.inner.sweep

    def __str__(self):
        return f"Residual({self.inner})"

    def shapes(self):
        return self.inner.shapes()

    # fmt: off
    def step(self, p, h, x=None):
        result = self.inner.step(p, h, x)
        f, inner_vjp = expect_same_shape(self, self.inner, h, result)
        def vjp(g):                                         # g = ∂L/∂h'
            dh, dx, dp = inner_vjp(g)
            return Grads(g + dh, dx, dp)                    # ∂L/∂h = g(I + ∂F/∂h)ᵀ
        return h + f, vjp                                   # h' = h + F(h, x)


@dataclass(frozen=True)
class Highway(Step):
    """``h' = z ⊙ h + (1 − z) ⊙ φ(h W + b)``, where ``1 − z = σ(h W2 + b2)``; ``z`` is kept.

    Parameters
    ----------
    n : int
        Width of the state.
    phi : str or Activation
        ``φ``, by name or as an object.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n)``, ``W`` and ``W2`` are ``(*sweep, n, n)``, ``b`` and ``b2`` are
    ``(*sweep, n)``. A very negative ``b2`` shuts the gate and leaves the identity.

    Source: Cremer (2017), "Highway Network", "Highway Net Gradient"; Srivastava et al. (2015a), eq.
    3.

    Examples
    --------
    >>> layer = Highway(2)
    >>> p = init_params(layer, np.random.default_rng(0))
    >>> p["b2"] -= 800                              # the gate is shut
    >>> layer(p, np.array([[1.0, -2.0]]))[0]
    array([[ 1., -2.]])
    """

    n: Size
    phi: Phi = "tanh"

    @property
    def features(self):
        return (self.n,)

    def __str__(self):
        return f"Highway({self.n}, {self.phi})"

    def shapes(self):
        return {"W": (self.n, self.n), "b": (self.n,), "W2": (self.n, self.n), "b2": (self.n,)}

    # fmt: off
    def step(self, p, h, x=None):
        a = h @ p["W"] + row(p["b"])                    # a  = h W + b
        s = h @ p["W2"] + row(p["b2"])                  # s  = h W2 + b2
        f = self.phi(a)
        new = sigmoid(s)                                # 1 − z
        z = sigmoid(-s)                                 # z, to the last digit
        def vjp(g):                                     # g  = ∂L/∂h'
            d = g * new * self.phi.slope(a)             # d  = ∂L/∂a
            e = g * (f - h) * sigmoid.slope(s)          # e  = ∂L/∂s
            return Grads(h=d @ T(p["W"])                # d Wᵀ, through the layer
                         + e @ T(p["W2"])               # + e W2ᵀ, through the gate
                         + g * z,                       # + g ⊙ z, past both
                         x=None,
                         p={"W": outer(h, d),           # ∂L/∂W = hᵀ d
                            "b": total(d),              # ∂L/∂b = Σ d
                            "W2": outer(h, e),          # ∂L/∂W2 = hᵀ e
                            "b2": total(e)})            # ∂L/∂b2 = Σ e
        return h * z + f * new, vjp             # h' = z ⊙ h + (1 − z) ⊙ φ(a)


@dataclass(frozen=True)
class StochasticDepth(Step):
    """``h' = h + k F(h, x)``, a residual step dropped with probability ``p_drop``.

    :meth:`draw` decides and fixes ``k`` at 0 or 1, as in training. Undecided, ``k = 1 − p_drop``,
    its expectation, as in prediction. Two calls of one step therefore always give the same.

    Parameters
    ----------
    inner : Step
        ``F``; its output has the shape of its input. Parameters are those of ``F``.
    p_drop : float
        ``0 ≤ p_drop ≤ 1``.
    keep : bool or None
        Whether the branch stays; ``None`` for the expectation.

    Notes
    -----
    Source: Giselsson (n.d.), "Regularization – Layer Dropouts"; Huang et al. (2016), sec. 3.

    Examples
    --------
    >>> layer = StochasticDepth(Dense(2, 2), p_drop=0.25)
    >>> p = {"W": np.eye(2), "b": np.zeros(2)}
    >>> h = np.ones((1, 2))
    >>> layer(p, h)[0]                              # prediction: h + 0.75 F(h)
    array([[1.57119562, 1.57119562]])
    >>> layer.draw(np.random.default_rng(0))(p, h)[0]
    array([[1.76159416, 1.76159416]])
    """

    inner: Step
    p_drop: float
    keep: bool | None = None

    def __post_init__(self):
        expect_step("inner", self.inner)
        self.set("p_drop", expect_probability("p_drop", self.p_drop))
        if self.keep is not None:
            expect_bool("keep", self.keep)

    @property
    def features(self):
        return self.inner.features

    @property
    def inputs(self):
        return self.inner.inputs

    @property
    def hidden(self):
        return self.inner.hidden

    @property
    def sweep(self):
        return self.inner.sweep

    def __str__(self):
        decided = {None: "", True: ", kept", False: ", dropped"}[self.keep]
        return f"StochasticDepth({self.inner}, {self.p_drop:g}{decided})"

    def shapes(self):
        return self.inner.shapes()

    def draw(self, rng):
        """This step with the branch kept or left out, decided by ``rng``."""
        return replace(self, keep=bool(expect_rng("rng", rng).random() >= self.p_drop))

    # fmt: off
    def step(self, p, h, x=None):
        k = 1 - self.p_drop if self.keep is None else float(self.keep)
        result = self.inner.step(p, h, x)
        f, inner_vjp = expect_same_shape(self, self.inner, h, result)
        def vjp(g):                                         # g = ∂L/∂h'
            dh, dx, dp = inner_vjp(k * g)
            return Grads(g + dh, dx, dp)                    # ∂L/∂h = g (I + k ∂F/∂h)
        return h + k * f, vjp                               # h' = h + k F(h, x)
