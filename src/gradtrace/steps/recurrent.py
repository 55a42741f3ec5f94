"""Recurrent cells, one step in time: plain, with skips in time, with gates; a mask over time.

Gates make memories that keep by default, because the backward pass holds a term close to the
identity. A gate is a number between 0 and 1, ``σ(a)``, learnt like everything else. Saturated gates
are the point of these cells, so slopes are taken at the pre-activations and ``1 - σ(a)`` is
computed as ``σ(-a)``.
"""

from dataclasses import dataclass

import numpy as np

from ..expect import expect_size, expect_sizes, expect_swept, expect_word
from .activations import sigmoid, tanh
from .arrays import Grads, T, outer, row, through, total
from .checks import expect_same_shape
from .contract import Phi, Size, Step, expect_step


@dataclass(frozen=True)
class RNN(Step):
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
    ``h`` is ``(*sweep, batch, n)``, ``x`` is ``(*sweep, batch, n_in)``, ``W`` is
    ``(*sweep, n, n)``, ``U`` is ``(*sweep, n_in, n)`` and ``b`` is ``(*sweep, n)``.

    Source: LMU Munich (2022), "Long-term dependencies" (there V is our W, W is our U).

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

    n_in: Size
    n: Size
    phi: Phi = "tanh"

    @property
    def features(self):
        return (self.n,)

    @property
    def inputs(self):
        return (self.n_in,)

    def __str__(self):
        return f"RNN({self.n_in}, {self.n}, {self.phi})"

    def shapes(self):
        return {"W": (self.n, self.n), "U": (self.n_in, self.n), "b": (self.n,)}

    # fmt: off
    def step(self, p, h, x):
        a = h @ p["W"] + x @ p["U"] + row(p["b"])           # a  = h W + x U + b
        def vjp(g):                                         # g  = ∂L/∂h'
            d = g * self.phi.slope(a)                       # d = ∂L/∂a = g ⊙ φ'(a)
            return Grads(h=d @ T(p["W"]),                   # ∂L/∂h = d Wᵀ
                         x=through(d, p["U"]),              # ∂L/∂x = d Uᵀ
                         # this step's shares of the gradients of the weights
                         p={"W": outer(h, d),               # ∂L/∂W = hᵀ d
                            "U": outer(x, d),               # ∂L/∂U = xᵀ d
                            "b": total(d)})                 # ∂L/∂b = Σ d
        return self.phi(a), vjp                             # h' = φ(a)


def irnn(n_in, n):
    """``RNN(n_in, n, "relu")``, an IRNN once its ``W`` starts at the identity.

    ``init_params(cell, rng, W=init.identity)`` starts it there. Where the state stays positive
    every Jacobian is then the identity, and gradients neither fade nor grow. Le et al. draw ``U``
    from N(0, 0.001²): ``U=lambda rng, shape: init.gaussian(rng, shape, 0.001)``.

    Source: Le et al. (2015); Grosse and Ba (2019), "Identity RNNs".

    Examples
    --------
    >>> cell = irnn(1, 3)
    >>> p = init_params(cell, np.random.default_rng(0), W=init.identity)
    >>> h, vjp = cell(p, np.ones((1, 3)), np.zeros((1, 1)))
    >>> vjp(np.array([[1.0, 2.0, 3.0]])).h
    array([[1., 2., 3.]])
    """
    return RNN(n_in, n, "relu")


@dataclass(frozen=True)
class NARX(Step):
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
    The state is a shift register ``[h_{t-1} | h_{t-2} | … | h_{t-D}]`` of shape
    ``(*sweep, batch, D n)`` with ``D = max(delays)``. ``x`` is ``(*sweep, batch, n_in)``; there is
    a ``Wk`` (``W1``, ``W4``, …) of shape ``(*sweep, n, n)`` for each delay, ``U`` is
    ``(*sweep, n_in, n)`` and ``b`` is ``(*sweep, n)``. The first ``n`` columns of ``∂L/∂state`` are
    the gradient of ``h_{t-1}`` along all ways to the loss.

    Source: Lin et al. (1996); Cremer (2017), "Deep Network Gradients Conclusion".

    Examples
    --------
    >>> cell = NARX(1, 2, delays=(1, 3))
    >>> cell.shapes()
    {'W1': (2, 2), 'W3': (2, 2), 'U': (1, 2), 'b': (2,)}
    >>> cell.features
    (6,)
    """

    n_in: Size
    n: Size
    delays: tuple[int, ...] = (1, 4)
    phi: Phi = "tanh"

    def __post_init__(self):
        super().__post_init__()
        delays = expect_sizes("delays", self.delays)
        if len(set(delays)) < len(delays):
            raise ValueError(f"delays: expected each delay once, got {delays}")
        self.set("delays", delays)

    @property
    def features(self):
        return (max(self.delays) * self.n,)

    @property
    def inputs(self):
        return (self.n_in,)

    @property
    def hidden(self):
        return (self.n,)

    def __str__(self):
        return f"NARX({self.n_in}, {self.n}, {self.delays}, {self.phi})"

    def shapes(self):
        shapes = {f"W{k}": (self.n, self.n) for k in self.delays}
        return shapes | {"U": (self.n_in, self.n), "b": (self.n,)}

    # fmt: off
    def step(self, p, h, x):
        n, place = self.n, {k: slice((k - 1) * self.n, k * self.n) for k in self.delays}
        a = x @ p["U"] + row(p["b"])                        # a  = x U + b + Σ_k h_{t-k} W_k
        for k in self.delays:
            a = a + h[..., place[k]] @ p[f"W{k}"]
        def vjp(g):                                         # g  = ∂L/∂[h_t | … | h_{t-D+1}]
            d = g[..., :n] * self.phi.slope(a)              # d  = ∂L/∂a = ∂L/∂h_t ⊙ φ'(a)
            older = g[..., n:]                              # the register shifts back
            dh, dp = np.concatenate([older, np.zeros_like(d)], axis=-1), {}
            for k in self.delays:
                dh[..., place[k]] += d @ T(p[f"W{k}"])      # ∂L/∂h_{t-k} gains d W_kᵀ
                dp[f"W{k}"] = outer(h[..., place[k]], d)    # ∂L/∂W_k = h_{t-k}ᵀ d
            return Grads(h=dh,
                         x=through(d, p["U"]),              # ∂L/∂x = d Uᵀ
                         p=dp | {"U": outer(x, d),          # ∂L/∂U = xᵀ d
                                 "b": total(d)})            # ∂L/∂b = Σ d
        kept = np.broadcast_to(h[..., :-n], (*a.shape[:-1], h.shape[-1] - n))
        return np.concatenate([self.phi(a), kept], axis=-1), vjp    # [h_t | … | h_{t-D+1}]


@dataclass(frozen=True)
class LSTM(Step):
    """``c' = f ⊙ c + i ⊙ c̃``, ``h' = o ⊙ tanh(c')``: a memory ``c`` behind gates.

    The gates ``i``, ``f``, ``o`` and the candidate ``c̃`` are ``[σ σ σ tanh](h W + x U + b)``.

    Parameters
    ----------
    n_in : int
        Width of the input ``x`` of each step.
    n : int
        Width of the hidden state ``h`` and of the memory cells ``c``.

    Notes
    -----
    The state is one array ``[h | c]`` of shape ``(*sweep, batch, 2n)``. ``x`` is
    ``(*sweep, batch, n_in)``, ``W`` is ``(*sweep, n, 4n)``, ``U`` is ``(*sweep, n_in, 4n)`` and
    ``b`` is ``(*sweep, 4n)``; their columns are in the order i, f, o, candidate (PyTorch has i,
    f, candidate, o). The candidate is called ``new`` in the code, where ``g`` is the incoming
    gradient.

    Source: Hochreiter and Schmidhuber (1997); Grosse and Ba (2019), the slides on the LSTM;
    Lee (n.d.), "Long Short-Term Memory (LSTM)", equations 1–6.

    Examples
    --------
    >>> cell = LSTM(n_in=1, n=2)
    >>> p = {"W": np.zeros((2, 8)), "U": np.zeros((1, 8)), "b": cell.bias(i=-40, f=40)}
    >>> h = np.array([[0.0, 0.0, 3.0, -1.0]])       # [h | c]
    >>> after, vjp = cell(p, h, np.zeros((1, 1)))
    >>> after[:, 2:]                                # closed to the input, open to itself: c stays
    array([[ 3., -1.]])
    >>> vjp(np.array([[0.0, 0.0, 1.0, 1.0]])).h[:, 2:]
    array([[1., 1.]])
    """

    n_in: Size
    n: Size

    @property
    def features(self):
        return (2 * self.n,)

    @property
    def inputs(self):
        return (self.n_in,)

    @property
    def hidden(self):
        return (self.n,)

    def __str__(self):
        return f"LSTM({self.n_in}, {self.n})"

    def shapes(self):
        return {"W": (self.n, 4 * self.n), "U": (self.n_in, 4 * self.n), "b": (4 * self.n,)}

    def bias(self, i=0.0, f=0.0, o=0.0, c=0.0):
        """A ``b`` with one value for each gate and one, ``c``, for the candidate: ``(*sweep, 4n)``.

        Large opens a gate, negative closes it. Arrays sweep.
        """
        values = {"i": i, "f": f, "o": o, "c": c}
        gates = [expect_swept(name, value) for name, value in values.items()]
        return np.repeat(np.stack(np.broadcast_arrays(*gates), axis=-1), self.n, axis=-1)

    # fmt: off
    def step(self, p, h, x):
        h, c = _columns(h, self.n)
        a = h @ p["W"] + x @ p["U"] + row(p["b"])       # a  = h W + x U + b
        a_ifo, a_c = np.split(a, [3 * self.n], axis=-1)
        i, f, o = _columns(sigmoid(a_ifo), self.n)      # the gates
        new = tanh(a_c)                                 # the candidate
        c_next = f * c + i * new                        # c' = f ⊙ c + i ⊙ c̃
        seen = tanh(c_next)
        h_next = o * seen                               # h' = o ⊙ tanh(c')
        def vjp(g):                                     # g  = ∂L/∂[h' | c']
            gh, gc = _columns(g, self.n)
            dc = gc + gh * o * tanh.slope(c_next)       # all that reaches c'
            gates = [dc * new, dc * c, gh * seen, dc * i]       # ∂L/∂[i f o c̃]
            slopes = [sigmoid.slope(a_ifo), tanh.slope(a_c)]
            d = np.concatenate(gates, axis=-1) * np.concatenate(slopes, axis=-1)
            dh = d @ T(p["W"])                          # ∂L/∂h = d Wᵀ
            kept = dc * f                               # ∂L/∂c = dc ⊙ f
            return Grads(h=np.concatenate([dh, kept], axis=-1),
                         x=through(d, p["U"]),          # ∂L/∂x = d Uᵀ
                         # this step's shares of the gradients of the weights
                         p={"W": outer(h, d),           # ∂L/∂W = hᵀ d
                            "U": outer(x, d),           # ∂L/∂U = xᵀ d
                            "b": total(d)})             # ∂L/∂b = Σ d
        return np.concatenate([h_next, c_next], axis=-1), vjp


@dataclass(frozen=True)
class GRU(Step):
    """``h' = z ⊙ h + (1 - z) ⊙ h̃``: an update gate ``z`` mixes the old state and a candidate ``h̃``.

    Parameters
    ----------
    n_in, n : int
        Widths of the input ``x`` of each step and of the state ``h``.
    reset : {"after", "before"}
        Where the reset gate ``r`` acts: ``h̃ = tanh(x U + b + r ⊙ (h W + b_rec))`` as in PyTorch, or
        ``h̃ = tanh(x U + b + (r ⊙ h) W)`` as in Lee (n.d.) and in Keras with
        ``reset_after=False``.
    keep : {"z", "1-z"}
        What multiplies the old state. ``"z"`` is the convention of Cho et al. (2014a), PyTorch and
        Keras; ``"1-z"``, ``h' = (1 - z) ⊙ h + z ⊙ h̃``, is that of Cremer (2017), with ``B`` for
        ``z``. Lee (n.d.) has the one on the first slide on the GRU, the other on the second.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n)``, ``x`` is ``(*sweep, batch, n_in)``, ``W`` is
    ``(*sweep, n, 3n)``, ``U`` is ``(*sweep, n_in, 3n)`` and ``b`` is ``(*sweep, 3n)`` with columns
    in the order r, z, candidate. Reset after has one more parameter, ``b_rec`` of shape
    ``(*sweep, n)``. The candidate is called ``new`` in the code.

    Source: Cho et al. (2014a); Lee (n.d.), "Gated Recurrent Unit (GRU)", equations 1–4.

    Examples
    --------
    >>> cell = GRU(n_in=1, n=2)
    >>> p = init_params(cell, np.random.default_rng(0))
    >>> p["b"][2:4] = 40                            # z = 1: the state is kept
    >>> cell(p, np.array([[0.3, -0.7]]), np.zeros((1, 1)))[0]
    array([[ 0.3, -0.7]])
    """

    n_in: Size
    n: Size
    reset: str = "after"
    keep: str = "z"

    def __post_init__(self):
        super().__post_init__()
        expect_word("reset", self.reset, ("after", "before"))
        expect_word("keep", self.keep, ("z", "1-z"))

    @property
    def features(self):
        return (self.n,)

    @property
    def inputs(self):
        return (self.n_in,)

    def __str__(self):
        return f"GRU({self.n_in}, {self.n}, reset {self.reset}, keep {self.keep})"

    def shapes(self):
        shapes = {"W": (self.n, 3 * self.n), "U": (self.n_in, 3 * self.n), "b": (3 * self.n,)}
        if self.reset == "after":
            shapes["b_rec"] = (self.n,)
        return shapes

    # fmt: off
    def step(self, p, h, x):
        n, after, sign = self.n, self.reset == "after", 1 if self.keep == "z" else -1
        W, V = p["W"][..., :2 * n], p["W"][..., 2 * n:]     # of the gates, of the candidate
        u = x @ p["U"] + row(p["b"])
        a_r, a_z = _columns(u[..., :2 * n] + h @ W, n)      # [a_r a_z] = x U + b + h W
        r, keep, write = sigmoid(a_r), sigmoid(sign * a_z), sigmoid(-sign * a_z)
        q = h @ V + row(p["b_rec"]) if after else r * h     # q  = h V + b_rec    or  q  = r ⊙ h
        a = u[..., 2 * n:] + (r * q if after else q @ V)    # a  = x U + b + r ⊙ q  or  … + q V
        new = tanh(a)
        def vjp(g):                                         # g  = ∂L/∂h'
            d_g = g * write * tanh.slope(a)                 # ∂L/∂a
            d_z = g * (h - new) * sign * sigmoid.slope(a_z)
            d_q = d_g * r if after else d_g @ T(V)          # ∂L/∂q
            d_r = (d_g * q if after else d_q * h) * sigmoid.slope(a_r)
            d = np.concatenate([d_r, d_z], axis=-1)
            dx = np.concatenate([d, d_g], axis=-1)
            if after:                                       # this step's share of ∂L/∂W
                dW = outer(h, np.concatenate([d, d_q], axis=-1))
            else:
                dW = np.concatenate([outer(h, d), outer(q, d_g)], axis=-1)
            return Grads(h=g * keep                         # ∂L/∂h = g ⊙ z, kept
                         + d @ T(W)                         # … + d Wᵀ through both gates
                         + (d_q @ T(V) if after else d_q * r),      # … + through the candidate
                         x=through(dx, p["U"]),
                         p={"W": dW, "U": outer(x, dx), "b": total(dx)}
                         | ({"b_rec": total(d_q)} if after else {}))
        return keep * h + write * new, vjp                  # h' = z ⊙ h + (1 - z) ⊙ h̃


@dataclass(frozen=True)
class OneGate(Step):
    """``h' = z ⊙ h + (1 - z) ⊙ φ(h W)``, where ``1 - z = σ(h W2)``: a highway through time.

    Parameters
    ----------
    n : int
        Width of the state ``h``.
    phi : str or Activation
        ``φ``, by name or as an object.
    n_in : int
        0 for the slide's cell without input; else ``x U`` joins ``h W`` and ``x U2`` joins
        ``h W2``.

    Notes
    -----
    ``h`` is ``(*sweep, batch, n)``, ``W`` and ``W2`` are ``(*sweep, n, n)``, ``U`` and ``U2``
    ``(*sweep, n_in, n)``.

    Source: Cremer (2017), "Gated Recurrent Unit", with ``A`` for ``h`` and ``B`` for ``1 - z``.

    Examples
    --------
    >>> cell = OneGate(2)
    >>> p = {"W": np.zeros((2, 2)), "W2": np.zeros((2, 2))}
    >>> cell(p, np.array([[1.0, -2.0]]))[0]         # z = ½: halfway to tanh(0)
    array([[ 0.5, -1. ]])
    """

    n: Size
    phi: Phi = "tanh"
    n_in: int = 0

    def __post_init__(self):
        super().__post_init__()
        self.set("n_in", expect_size("n_in", self.n_in, least=0))

    @property
    def features(self):
        return (self.n,)

    @property
    def inputs(self):
        return (self.n_in,) if self.n_in else None

    def __str__(self):
        return f"OneGate({self.n}, {self.phi}{f', n_in={self.n_in}' if self.n_in else ''})"

    def shapes(self):
        rows = {"W": self.n, "W2": self.n}
        if self.n_in:
            rows |= {"U": self.n_in, "U2": self.n_in}
        return {name: (size, self.n) for name, size in rows.items()}

    # fmt: off
    def step(self, p, h, x=None):
        a, s = h @ p["W"], h @ p["W2"]
        if x is not None:
            a, s = a + x @ p["U"], s + x @ p["U2"]
        new = self.phi(a)                                   # the candidate
        z, not_z = sigmoid(-s), sigmoid(s)                  # what is kept, what is replaced
        def vjp(g):                                         # g  = ∂L/∂h'
            d = g * not_z * self.phi.slope(a)               # d  = ∂L/∂a
            e = g * (new - h) * sigmoid.slope(s)            # e  = ∂L/∂s
            dp, dx = {"W": outer(h, d), "W2": outer(h, e)}, None
            if x is not None:
                dp |= {"U": outer(x, d), "U2": outer(x, e)}
                dx = d @ T(p["U"]) + e @ T(p["U2"])
            return Grads(h=g * z                            # ∂L/∂h = g ⊙ z, kept
                         + d @ T(p["W"])                    # … + d Wᵀ through the candidate
                         + e @ T(p["W2"]),                  # … + e W2ᵀ through the gate
                         x=dx, p=dp)
        return z * h + not_z * new, vjp                     # h' = z ⊙ h + (1 - z) ⊙ φ(h W)


@dataclass(frozen=True)
class Masked(Step):
    """``h' = m F(h, x) + (1 - m) h``: where its mask ``m`` is 0, a sample keeps its state.

    Batches of sequences of different lengths end with steps whose mask is 0; their padding has to
    be finite and is otherwise ignored, and gradients pass through it unchanged.

    Parameters
    ----------
    inner : Step
        ``F``, which keeps the shape of its state. Parameters are those of ``F``.

    Notes
    -----
    The input is ``[x | m]`` of shape ``(*sweep, batch, n_in + 1)``; for a step without input it is
    ``m`` alone.

    Examples
    --------
    >>> cell = Masked(RNN(1, 2))
    >>> p = init_params(cell, np.random.default_rng(0))
    >>> x = np.array([[0.5, 1.0], [0.5, 0.0]])      # the second sample is at its end
    >>> h, vjp = cell(p, np.ones((2, 2)), x)
    >>> h[1]
    array([1., 1.])
    """

    inner: Step

    def __post_init__(self):
        expect_step("inner", self.inner)
        if self.inner.inputs is not None and len(self.inner.inputs) != 1:
            raise ValueError(f"inner: expected a step whose input is a vector, got {self.inner}")

    @property
    def features(self):
        return self.inner.features

    @property
    def inputs(self):
        return (1 + sum(self.inner.inputs or ()),)

    @property
    def hidden(self):
        return self.inner.hidden

    @property
    def sweep(self):
        return self.inner.sweep

    def __str__(self):
        return f"Masked({self.inner})"

    def shapes(self):
        return self.inner.shapes()

    # fmt: off
    def step(self, p, h, x):
        over = tuple(range(-len(self.features), 0))
        m = np.expand_dims(x[..., -1], over)
        result = self.inner.step(p, h, x[..., :-1] if self.inner.inputs else None)
        f, inner_vjp = expect_same_shape(self, self.inner, h, result)
        def vjp(g):                                         # g = ∂L/∂h'
            dh, dx, dp = inner_vjp(m * g)                   # only samples that step reach F
            dm = (g * (f - h)).sum(axis=over)[..., None]    # ∂L/∂m = Σ g ⊙ (F - h)
            return Grads(h=dh + (1 - m) * g,                # ∂L/∂h = m g ∂F/∂h + (1 - m) g
                         x=dm if dx is None else np.concatenate([dx, dm], axis=-1),
                         p=dp)
        return m * f + (1 - m) * h, vjp                     # h' = m F(h, x) + (1 - m) h


def _columns(a, n):
    """Blocks of ``n`` columns."""
    return [a[..., k : k + n] for k in range(0, a.shape[-1], n)]
