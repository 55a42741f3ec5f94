"""The one contract: a step maps a state to the next state and hands back its pullback.

A network, deep or recurrent, is a chain ``h_t = F_t(h_{t-1}, x_t; θ_t)``. A step is one ``F``: a frozen dataclass of
hyperparameters, called with a plain dict of parameters. In depth every step has a dict of its own; in time all
steps share one. Nothing else tells the two apart.
"""

from functools import wraps
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from ..expect import expect_array


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


@runtime_checkable
class Step(Protocol):
    """What every layer, cell and combinator offers.

    Attributes
    ----------
    features : tuple of int
        Trailing shape of the state ``h`` that goes in.
    inputs : tuple of int or None
        Trailing shape of the input ``x`` of this step; ``None`` if it takes none.

    Examples
    --------
    >>> isinstance(Dense(2, 2), Step), isinstance(np.tanh, Step)
    (True, False)
    """

    features: tuple[int, ...]
    inputs: tuple[int, ...] | None

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, sweep axes left out."""

    def __call__(self, p, h, x=None):
        """The next state, and ``vjp(g)``: the :class:`Grads` for ``g = ∂L/∂h'``."""


def expect_params(step, p):
    """Raise unless ``p`` holds exactly the parameters that ``step.shapes()`` names, in those shapes."""
    shapes = step.shapes()
    if not isinstance(p, dict) or p.keys() != shapes.keys():
        came = sorted(p) if isinstance(p, dict) else f"{type(p).__name__} {p!r:.40}"
        raise ValueError(f"p of {step}: expected a dict with {sorted(shapes)}, came {came}")
    for name, shape in shapes.items():
        expect_array(lambda name=name: f"p[{name!r}] of {step}", p[name], shape)


def expect_state(step, h, x, names=("h", "x")):
    """Raise unless ``h`` and ``x`` end in (batch, features) as ``step`` expects them."""
    expect_array(lambda: f"{names[0]} of {step}", h, (None, *step.features))
    if step.inputs is None and x is not None:
        raise ValueError(f"{names[1]} of {step}: this step takes no input, came an array of shape {np.shape(x)}")
    if step.inputs is not None:
        expect_array(lambda: f"{names[1]} of {step}", x, (None, *step.inputs))


def expect_same_features(step, inner, f):
    """Raise unless ``inner``, a part of ``step``, returned ``f`` with the features that it takes."""
    if f.shape[-len(step.features):] != step.features:
        raise ValueError(f"inner: expected {inner} to return the features {step.features} that it takes,"
                         f" came {f.shape[-len(step.features):]}")


def _fits(step, p, h, x):
    """The same question in a microsecond, without saying what is wrong."""
    try:
        dtype, shapes = h.dtype, step.shapes()
        return (dtype.kind in "fc" and h.shape[-len(step.features):] == step.features
                and h.ndim > len(step.features) and p.keys() == shapes.keys()
                and all(p[k].shape[-len(s):] == s and p[k].dtype == dtype for k, s in shapes.items())
                and ((x is None) if step.inputs is None else
                     (x.dtype == dtype and x.shape[-len(step.inputs):] == step.inputs and x.ndim >= 2)))
    except (AttributeError, TypeError):
        return False


def checked(call):
    """Guard a step's ``__call__``: bad arguments are named, and so is a state that overflows.

    Raises
    ------
    ValueError, TypeError
        A parameter, ``h`` or ``x`` is missing, has the wrong shape or type, or is not finite.
    FloatingPointError
        All went in finite and the next state is not.
    """

    @wraps(call)
    def guarded(self, p, h, x=None):
        if not _fits(self, p, h, x):
            expect_params(self, p)
            expect_state(self, h, x)
            kinds = {name: a.dtype.name for name, a in {**p, "h": h, "x": x}.items() if a is not None}
            raise TypeError(f"dtype in {self}: expected one dtype for all, came {kinds}")
        with np.errstate(over="ignore", invalid="ignore"):
            out, vjp = call(self, p, h, x)
        if not np.isfinite(out).all():
            expect_params(self, p)
            expect_state(self, h, x)
            raise FloatingPointError(f"{self}: the next state overflowed {out.dtype}; use smaller weights")
        return out, vjp

    return guarded
