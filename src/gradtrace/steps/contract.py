"""The one contract: a step maps a state to the next state and hands back its pullback.

A network, deep or recurrent, is a chain ``h_t = F_t(h_{t-1}, x_t; θ_t)``. A step is one ``F``: a frozen dataclass of
hyperparameters, called with a plain dict of parameters. In depth every step has a dict of its own; in time all
steps share one. Nothing else tells the two apart.
"""

from dataclasses import fields
from typing import Annotated, NamedTuple

import numpy as np

from ..expect import expect_array, expect_size, given
from .activations import Activation, activation

# Types of hyperparameters, each with the function that checks a value by its name.
Size = Annotated[int, expect_size]
Phi = Annotated[str | Activation, lambda name, value: activation(value, name)]


class Grads(NamedTuple):
    """What a pullback returns: the gradients of the state, of the input (``None`` without one), of each parameter.

    Examples
    --------
    >>> h, vjp = Dense(2, 1)({"W": np.ones((2, 1)), "b": np.zeros(1)}, np.zeros((1, 2)))
    >>> vjp(np.ones((1, 1)))._fields
    ('h', 'x', 'p')
    """

    h: np.ndarray
    x: np.ndarray | None
    p: dict[str, np.ndarray]


class Step:
    """What every layer, cell and combinator is: a frozen dataclass with ``shapes`` and ``step``.

    A new one defines ``features``, ``shapes()`` and ``step(p, h, x)``, and ``inputs`` if it takes an input. ``step`` is
    the formula, forward, and its pullback under it: this is what runs, in every chain. Its products may wait, see
    ``outer``, ``total`` and ``through``. Calling the step checks the arguments first, and hands out arrays.

    Attributes
    ----------
    features : tuple of int
        Trailing shape of the state ``h`` that goes in.
    inputs : tuple of int or None
        Trailing shape of the input ``x`` of this step; ``None`` if it takes none.

    Examples
    --------
    A cell of your own, ``h' = h + tanh(h W)``, with its pullback under it:

    >>> from dataclasses import dataclass
    >>> from gradtrace.steps.arrays import T, outer
    >>> from gradtrace.steps.contract import Size
    >>> @dataclass(frozen=True)
    ... class Adding(Step):
    ...     n: Size
    ...
    ...     @property
    ...     def features(self):
    ...         return (self.n,)
    ...
    ...     def shapes(self):
    ...         return {"W": (self.n, self.n)}
    ...
    ...     def step(self, p, h, x=None):
    ...         a = h @ p["W"]
    ...         def vjp(g):
    ...             d = g * tanh.slope(a)
    ...             return Grads(h=g + d @ T(p["W"]), x=None, p={"W": outer(h, d)})
    ...         return h + tanh(a), vjp
    >>> cell, rng = Adding(3), np.random.default_rng(0)
    >>> check_gradients(cell, init_params(cell, rng), rng.standard_normal((2, 3)), rng=rng)
    Adding(n=3): h, W agree with finite differences within 1e-07
    """

    features: tuple[int, ...]
    inputs: tuple[int, ...] | None = None

    def __init_subclass__(cls):
        super().__init_subclass__()
        if "__call__" in vars(cls):
            raise TypeError(f"{cls.__name__}.__call__: expected step(p, h, x), which chains run; a call only checks")

    def __post_init__(self):
        """Check the hyperparameters whose type says how."""
        for field in fields(self):
            for check in getattr(field.type, "__metadata__", ()):
                self.set(field.name, check(field.name, getattr(self, field.name)))

    def set(self, name, value):
        """Set an attribute while a frozen step is being made."""
        object.__setattr__(self, name, value)

    def shapes(self):
        """Shape of every parameter, sweep axes left out."""
        return {}

    def step(self, p, h, x=None):
        """The next state, and ``vjp(g)``: the :class:`Grads` for ``g = ∂L/∂h'``."""
        raise NotImplementedError(f"{type(self).__name__} defines no step(p, h, x)")

    def __call__(self, p, h, x=None):
        """As :meth:`step`, with checked arguments, and with arrays where its products wait.

        Raises
        ------
        ValueError, TypeError
            A parameter, ``h`` or ``x`` is missing, has the wrong shape or type, or is not finite.
        FloatingPointError
            All went in finite and the next state is not.
        """
        expect_params(self, p)
        expect_state(self, h, x)
        expect_one_dtype(self, p, h, x)
        with np.errstate(over="ignore", invalid="ignore"):
            out, vjp = self.step(p, h, x)
        expect_finite(self, out)
        return out, lambda g: as_arrays(vjp(g))


def as_arrays(grads):
    """The same :class:`Grads` with every product multiplied."""
    h, x, p = grads
    return Grads(h, None if x is None else np.asarray(x), {name: np.asarray(value) for name, value in p.items()})


def expect_params(step, p):
    """Raise unless ``p`` holds exactly the parameters that ``step.shapes()`` names, in those shapes."""
    shapes = step.shapes()
    if not isinstance(p, dict) or p.keys() != shapes.keys():
        got = sorted(p) if isinstance(p, dict) else given(p)
        raise ValueError(f"p of {step}: expected a dict with {sorted(shapes)}, got {got}")
    for name, shape in shapes.items():
        expect_array(lambda name=name: f"p[{name!r}] of {step}", p[name], shape, complex=True)


def expect_state(step, h, x, names=("h", "x")):
    """Raise unless ``h`` and ``x`` end in (batch, features) as ``step`` expects them."""
    expect_array(lambda: f"{names[0]} of {step}", h, (None, *step.features), complex=True)
    if step.inputs is None and x is not None:
        raise ValueError(f"{names[1]} of {step}: expected None, as this step takes no input, got {given(x)}")
    if step.inputs is not None:
        expect_array(lambda: f"{names[1]} of {step}", x, (None, *step.inputs), complex=True)


def expect_finite(step, out):
    """Raise unless the next state, from finite arguments, is finite."""
    if not np.isfinite(out).all():
        raise FloatingPointError(f"{step}: the next state overflowed {out.dtype}; use smaller weights")


def expect_one_dtype(step, p, h, x):
    """Raise unless parameters, state and input are of one dtype."""
    if any(a.dtype != h.dtype for a in p.values()) or (x is not None and x.dtype != h.dtype):
        kinds = {name: a.dtype.name for name, a in {**p, "h": h, "x": x}.items() if a is not None}
        raise TypeError(f"dtype in {step}: expected one dtype for all, got {kinds}")


def expect_step(name, value):
    """Return ``value`` if it is a :class:`Step`; else raise, naming it."""
    if not isinstance(value, Step):
        raise TypeError(f"{name}: expected a step, got {given(value)}")
    return value


def expect_same_features(step, inner, f):
    """Raise unless ``inner``, a part of ``step``, returned ``f`` with the features that it takes."""
    if f.shape[-len(step.features):] != step.features:
        raise ValueError(f"inner: expected {inner} to return the features {step.features} that it takes,"
                         f" got {f.shape[-len(step.features):]}")
