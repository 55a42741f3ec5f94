"""The one contract: a step maps a state to the next state and hands back its pullback.

A network, deep or recurrent, is a chain ``h_t = F_t(h_{t-1}, x_t; θ_t)``. A step is one ``F``: a
frozen dataclass of hyperparameters, called with a plain dict of parameters. In depth every step has
a dict of its own; in time all steps share one. Nothing else tells the two apart.
"""

from functools import cache
from typing import Annotated, get_type_hints

import numpy as np

from ..expect import expect_size, given
from .activations import Activation, activation
from .checks import (
    checked_pullback,
    checked_step,
    expect_finite,
    expect_one_dtype,
    expect_params,
    expect_state,
)

# Types of hyperparameters, each with the function that checks a value by its name.
Size = Annotated[int, expect_size]
Phi = Annotated[str | Activation, lambda name, value: activation(value, name)]


class Step:
    """What every layer, cell and combinator is: a frozen dataclass with ``shapes`` and ``step``.

    A new one defines ``features``, ``shapes()`` and ``step(p, h, x)``, and ``inputs`` if it takes
    an input. ``step`` is the formula, forward, and its pullback under it: this is what runs, in
    every chain. Its products may wait, see ``outer``, ``total`` and ``through``. Calling the step
    checks the arguments first, and hands out arrays.

    Attributes
    ----------
    features : tuple of int
        Trailing shape of the state ``h`` that goes in.
    inputs : tuple of int or None
        Trailing shape of the input ``x`` of this step; ``None`` if it takes none.
    hidden : tuple of int
        Trailing shape of the part of the state that others see, its first entries: all of it,
        unless a cell says otherwise, as an LSTM, whose memory is its own.
    sweep : tuple of int
        Leading axes of the arrays that a step holds itself, such as kept statistics.

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
    sweep: tuple[int, ...] = ()

    def __init_subclass__(cls):
        super().__init_subclass__()
        if "__call__" in vars(cls):
            raise TypeError(
                f"{cls.__name__}.__call__: expected step(p, h, x), which chains run;"
                " a call only checks"
            )

    def __post_init__(self):
        """Check the hyperparameters whose type says how."""
        for name, checks in field_checks(type(self)).items():
            for check in checks:
                self.set(name, check(name, getattr(self, name)))

    def set(self, name, value):
        """Set an attribute while a frozen step is being made."""
        object.__setattr__(self, name, value)

    @property
    def hidden(self):
        return self.features

    def shapes(self):
        """Shape of every parameter, sweep axes left out."""
        return {}

    def step(self, p, h, x=None):
        """The next state, and ``vjp(g)``: the :class:`Grads` for ``g = ∂L/∂h'``."""
        raise NotImplementedError(
            f"step of {type(self).__name__}: expected a method step(p, h, x), got none"
        )

    def __call__(self, p, h, x=None):
        """As :meth:`step`, with checked arguments, and with arrays where its products wait.

        Raises
        ------
        ValueError, TypeError
            A parameter, ``h`` or ``x`` is missing, has the wrong shape or type, or is not finite.
        FloatingPointError
            All went in finite and the next state is not.
        """
        expect_step("step", self)
        expect_params(self, p)
        expect_state(self, h, x)
        expect_one_dtype(self, p, h, x)
        with np.errstate(all="ignore"):
            out, vjp = checked_step(self, p, h, x)
        expect_finite(self, out)
        return out, checked_pullback(self, out, vjp)


@cache
def field_checks(cls):
    """For each field of a class of steps the functions that check its value, from its type."""
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:  # postponed annotations that name something local
        raise TypeError(
            f"fields of {cls.__name__}: expected types that its module defines, got {error}"
        ) from None
    return {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}


def expect_step(name, value):
    """Return ``value`` if it is a :class:`Step`; else raise, naming it."""
    if not isinstance(value, Step):
        raise TypeError(f"{name}: expected a step, got {given(value)}")
    features = getattr(value, "features", None)
    if not isinstance(features, tuple):
        raise TypeError(
            f"{type(value).__name__}.features: expected the trailing shape of the state, a tuple,"
            f" got {given(features)}"
        )
    return value
