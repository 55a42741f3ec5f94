"""The one contract: a step maps a state to the next state and hands back its pullback.

A network, deep or recurrent, is a chain ``h_t = F_t(h_{t-1}, x_t; θ_t)``. A step is one ``F``: a
frozen dataclass of hyperparameters, called with a plain dict of parameters. In depth every step has
a dict of its own; in time all steps share one. Nothing else tells the two apart.
"""

from contextlib import contextmanager
from functools import cache
from typing import Annotated, NamedTuple, get_type_hints

import numpy as np

from ..expect import expect_array, expect_size, given
from .activations import Activation, activation
from .arrays import Product

# Types of hyperparameters, each with the function that checks a value by its name.
Size = Annotated[int, expect_size]
Phi = Annotated[str | Activation, lambda name, value: activation(value, name)]


class Grads(NamedTuple):
    """What a pullback returns: the gradients of the state, of the input (``None`` without one), of
    each parameter.

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
                f"{cls.__name__}.__call__: expected step(p, h, x), which chains run; a call only checks"
            )

    def __post_init__(self):
        """Check the hyperparameters whose type says how."""
        for name, checks in field_checks(type(self)).items():
            for check in checks:
                self.set(name, check(name, getattr(self, name)))

    def set(self, name, value):
        """Set an attribute while a frozen step is being made."""
        object.__setattr__(self, name, value)

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


def checked_step(step, p, h, x):
    """``step.step``, which cannot change its arguments, with a look at what it and its pullback
    return.
    """
    sweep = sweep_axes(step, p, h, x)
    with arguments_kept(step):
        result = step.step(
            {name: read_only(value) for name, value in p.items()}, read_only(h), read_only(x)
        )
    out, vjp = expect_result(step, h, sweep, result)

    def pullback(g):
        if g.dtype != out.dtype:
            raise TypeError(
                f"gradient after {step}: expected {out.dtype}, the dtype of the state, got {g.dtype}"
            )
        with arguments_kept(step):
            grads = vjp(read_only(g))
        # sweep axes; jacobians puts N gradients in front of them
        lead = g.shape[: g.ndim - out.ndim + len(sweep)]
        return expect_grads(step, h, x, g.dtype, lead, grads)

    return out, pullback


def read_only(a):
    """A view of an array that cannot be written to."""
    if a is None:
        return None
    view = a.view()
    view.setflags(write=False)
    return view


@contextmanager
def arguments_kept(step):
    """Name the step that writes into what it is called with."""
    try:
        yield
    except ValueError as error:
        if "read-only" in str(error):
            raise ValueError(
                f"step of {step}: expected it to leave p, h, x and g as they are, got a write"
            ) from error
        raise


def checked_pullback(step, out, vjp):
    """``vjp`` with a look at the gradient that goes in, every product multiplied, and a look at
    what comes out.
    """

    def pullback(g):
        expect_array("g", g, complex=True)
        if g.dtype != out.dtype:
            raise TypeError(f"g: expected {out.dtype}, the dtype of the next state, got {g.dtype}")
        if g.shape[max(0, g.ndim - out.ndim) :] != out.shape:
            raise ValueError(f"g: expected the shape {out.shape} of the next state, got {g.shape}")
        with np.errstate(all="ignore"):
            grads = as_arrays(vjp(g))
        for name, value in (("h", grads.h), ("x", grads.x), *grads.p.items()):
            if value is not None and not np.isfinite(value).all():
                raise FloatingPointError(
                    f"∂L/∂{name} of {step}: expected finite numbers, got an overflow of {g.dtype}"
                )
        return grads

    return pullback


def as_arrays(grads):
    """The same :class:`Grads` with every product multiplied."""
    h, x, p = grads
    return Grads(
        h,
        None if x is None else np.asarray(x),
        {name: np.asarray(value) for name, value in p.items()},
    )


def expect_params(step, p):
    """Raise unless ``p`` holds exactly the parameters that ``step.shapes()`` names, in those
    shapes.
    """
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
        raise ValueError(
            f"{names[1]} of {step}: expected None, as this step takes no input, got {given(x)}"
        )
    if step.inputs is not None:
        expect_array(lambda: f"{names[1]} of {step}", x, (None, *step.inputs), complex=True)
        batch, of_x = h.shape[-1 - len(step.features)], x.shape[-1 - len(step.inputs)]
        if batch != of_x:
            raise ValueError(
                f"{names[1]} of {step}: expected the batch of {batch} that {names[0]} has, got {of_x}"
            )


def sweep_axes(step, p, h, x):
    """The leading axes that belong to no step, of all that it is called with together; they have to
    broadcast.
    """
    shapes = {"h": h.shape[: h.ndim - 1 - len(step.features)]}
    if x is not None:
        shapes["x"] = x.shape[: x.ndim - 1 - len(step.inputs)]
    shapes |= {
        name: p[name].shape[: p[name].ndim - len(shape)] for name, shape in step.shapes().items()
    }
    try:
        return np.broadcast_shapes(step.sweep, *shapes.values())
    except ValueError:
        raise ValueError(
            f"sweep axes of {step}: expected shapes that broadcast, got"
            f" {', '.join(f'{shape} of {name}' for name, shape in shapes.items())}"
        ) from None


def expect_pair(step, result):
    """Return what ``step.step`` returned if it is a state with a pullback; else raise, naming the
    step.
    """
    if not (
        isinstance(result, tuple)
        and len(result) == 2
        and isinstance(result[0], np.ndarray)
        and callable(result[1])
    ):
        raise TypeError(
            f"step of {step}: expected it to return (next state, pullback), got {given(result)}"
        )
    return result


def expect_result(step, h, sweep, result):
    """The same, if the next state has the axes in front and the dtype that it should have."""
    expect_pair(step, result)
    out, lead = result[0], (*sweep, h.shape[-1 - len(step.features)])
    if out.dtype != h.dtype:
        raise TypeError(
            f"next state of {step}: expected {h.dtype}, the dtype of the state, got {out.dtype}"
        )
    if out.shape[: len(lead)] != lead:
        raise ValueError(
            f"next state of {step}: expected {lead} in front, sweep axes and batch, got shape {out.shape}"
        )
    return result


def expect_grads(step, h, x, dtype, lead, grads):
    """Return what a pullback returned if it is the :class:`Grads` of all that went in; else raise,
    naming the step.
    """
    if not isinstance(grads, Grads):
        raise TypeError(f"pullback of {step}: expected Grads(h, x, p), got {given(grads)}")
    shapes = step.shapes()
    if not isinstance(grads.p, dict) or grads.p.keys() != shapes.keys():
        got = sorted(grads.p) if isinstance(grads.p, dict) else given(grads.p)
        raise ValueError(f"pullback of {step}: expected gradients of {sorted(shapes)}, got {got}")
    wanted = {"h": h.shape[-1 - len(step.features) :], **shapes}
    found = {"h": grads.h, **grads.p}
    if step.inputs is not None:
        wanted["x"], found["x"] = x.shape[-1 - len(step.inputs) :], grads.x
    for name, shape in wanted.items():
        value = found[name]
        if not isinstance(value, np.ndarray | Product):
            raise TypeError(f"∂L/∂{name} of {step}: expected an array, got {given(value)}")
        if value.shape not in (shape, (*lead, *shape)):
            raise ValueError(
                f"∂L/∂{name} of {step}: expected shape {(*lead, *shape)}, got {value.shape}"
            )
    if grads.h.dtype != dtype:
        raise TypeError(f"∂L/∂h of {step}: expected {dtype}, the dtype of g, got {grads.h.dtype}")
    return grads


def expect_finite(step, out):
    """Raise unless the next state, from finite arguments, is finite."""
    if not np.isfinite(out).all():
        raise FloatingPointError(
            f"next state of {step}: expected finite numbers, got an overflow of {out.dtype};"
            " use smaller weights"
        )


def expect_one_dtype(step, p, h, x):
    """Raise unless parameters, state and input are of one dtype."""
    if any(a.dtype != h.dtype for a in p.values()) or (x is not None and x.dtype != h.dtype):
        kinds = {name: a.dtype.name for name, a in {**p, "h": h, "x": x}.items() if a is not None}
        raise TypeError(f"dtypes of {step}: expected one dtype for all, got {kinds}")


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


def expect_same_shape(step, inner, h, result):
    """Return what ``inner``, a part of ``step``, returned if the next state has batch and features
    of ``h``.
    """
    f, axes = expect_pair(inner, result)[0], 1 + len(step.features)
    if f.dtype.kind not in "fc" or f.shape[-axes:] != h.shape[-axes:]:
        raise ValueError(
            f"inner: expected {inner} to return floats with the last axes {h.shape[-axes:]} that it takes,"
            f" got {given(f)}"
        )
    return result
