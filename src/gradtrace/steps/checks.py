"""What a step is called with and what it returns, held to the contract; errors name the step."""

from contextlib import contextmanager

import numpy as np

from ..expect import expect_array, given
from .arrays import Grads, Product


def checked_step(step, p, h, x):
    """``step.step``, unable to change its arguments; what it and its pullback return is checked."""
    sweep = sweep_axes(step, p, h, x)
    p = {name: read_only(value) for name, value in p.items()}
    with arguments_kept(step):
        result = step.step(p, read_only(h), read_only(x))
    out, vjp = expect_result(step, h, sweep, result)

    def pullback(g):
        if g.dtype != out.dtype:
            raise TypeError(
                f"gradient after {step}: expected {out.dtype}, the dtype of the state,"
                f" got {g.dtype}"
            )
        with arguments_kept(step):
            grads = vjp(read_only(g))
        lead = g.shape[: g.ndim - out.ndim + len(sweep)]  # the sweep; in jacobians N gradients, too
        return expect_grads(step, h, x, g.dtype, lead, grads)

    return out, pullback


def checked_pullback(step, out, vjp):
    """``vjp`` with every product multiplied; what goes in and what comes out is checked."""

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
    x = None if x is None else np.asarray(x)
    return Grads(h, x, {name: np.asarray(value) for name, value in p.items()})


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


def expect_params(step, p):
    """Raise unless ``p`` holds exactly the parameters of ``step.shapes()``, in those shapes."""
    shapes = step.shapes()
    if not isinstance(p, dict) or p.keys() != shapes.keys():
        got = sorted(p) if isinstance(p, dict) else given(p)
        raise ValueError(f"p of {step}: expected a dict with {sorted(shapes)}, got {got}")
    for name, shape in shapes.items():
        expect_array(lambda name=name: f"p[{name!r}] of {step}", p[name], shape, complex=True)


def expect_state(step, h, x, names=("h", "x")):
    """Raise unless ``h`` and ``x`` end in (batch, features) as ``step`` expects them."""
    h_name, x_name = names
    expect_array(lambda: f"{h_name} of {step}", h, (None, *step.features), complex=True)
    if step.inputs is None and x is not None:
        raise ValueError(
            f"{x_name} of {step}: expected None, as this step takes no input, got {given(x)}"
        )
    if step.inputs is not None:
        expect_array(lambda: f"{x_name} of {step}", x, (None, *step.inputs), complex=True)
        batch, of_x = h.shape[-1 - len(step.features)], x.shape[-1 - len(step.inputs)]
        if batch != of_x:
            raise ValueError(
                f"{x_name} of {step}: expected the batch of {batch} that {h_name} has, got {of_x}"
            )


def expect_one_dtype(step, p, h, x):
    """Raise unless parameters, state and input are of one dtype."""
    if any(a.dtype != h.dtype for a in p.values()) or (x is not None and x.dtype != h.dtype):
        kinds = {name: a.dtype.name for name, a in {**p, "h": h, "x": x}.items() if a is not None}
        raise TypeError(f"dtypes of {step}: expected one dtype for all, got {kinds}")


def sweep_axes(step, p, h, x):
    """The sweep axes of all that a step is called with, together; they have to broadcast."""
    shapes = {"h": h.shape[: h.ndim - 1 - len(step.features)]}
    if x is not None:
        shapes["x"] = x.shape[: x.ndim - 1 - len(step.inputs)]
    for name, shape in step.shapes().items():
        shapes[name] = p[name].shape[: p[name].ndim - len(shape)]
    try:
        return np.broadcast_shapes(step.sweep, *shapes.values())
    except ValueError:
        got = ", ".join(f"{shape} of {name}" for name, shape in shapes.items())
        raise ValueError(
            f"sweep axes of {step}: expected shapes that broadcast, got {got}"
        ) from None


def expect_pair(step, result):
    """Return what ``step.step`` returned if it is a state with a pullback; else raise."""
    pair = isinstance(result, tuple) and len(result) == 2
    if not (pair and isinstance(result[0], np.ndarray) and callable(result[1])):
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
            f"next state of {step}: expected {lead} in front, sweep axes and batch,"
            f" got shape {out.shape}"
        )
    return result


def expect_same_shape(step, inner, h, result):
    """Return the result of ``inner``, a part of ``step``, if its state is shaped like ``h``."""
    f, axes = expect_pair(inner, result)[0], 1 + len(step.features)
    last = h.shape[-axes:]
    if f.dtype.kind not in "fc" or f.shape[-axes:] != last:
        raise ValueError(
            f"inner: expected {inner} to return floats with the last axes {last} that it takes,"
            f" got {given(f)}"
        )
    return result


def expect_finite(step, out):
    """Raise unless the next state, from finite arguments, is finite."""
    if not np.isfinite(out).all():
        raise FloatingPointError(
            f"next state of {step}: expected finite numbers, got an overflow of {out.dtype};"
            " use smaller weights"
        )


def expect_grads(step, h, x, dtype, lead, grads):
    """Return what a pullback returned if it is the :class:`Grads` of what went in; else raise."""
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
