"""Checks that name a bad argument, what was expected and what came."""

import math
import numbers

import numpy as np


def expect_array(name, value, trailing=()):
    """Return ``value`` if it is an array of finite floats that ends in the axes ``trailing``; else say what is wrong.

    Parameters
    ----------
    name : str or callable
        What to call the argument in the error, or a function that says it, called only if there is one.
    value : object
        What came.
    trailing : tuple of int or None
        Required sizes of the last axes; ``None`` stands for any size.

    Raises
    ------
    TypeError
        If ``value`` is not a numpy array of floats.
    ValueError
        If its last axes differ from ``trailing`` or it holds NaN or infinity.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
        array = isinstance(value, np.ndarray)
        came = f"an array of {value.dtype}" if array else f"{type(value).__name__} {value!r:.40}"
        raise TypeError(f"{_said(name)}: expected a numpy array of float64 or float32, came {came}")
    got = value.shape[max(0, value.ndim - len(trailing)):]
    if got != trailing and (len(got) != len(trailing)
                            or any(w is not None and g != w for g, w in zip(got, trailing, strict=True))):
        wanted = ", ".join("…" if w is None else str(w) for w in trailing)
        raise ValueError(f"{_said(name)}: expected last axes ({wanted}), came shape {value.shape}")
    if not np.isfinite(value).all():
        bad = np.argwhere(~np.isfinite(value))
        raise ValueError(f"{_said(name)}: expected finite numbers, came {value[tuple(bad[0])]}"
                         f" at {tuple(map(int, bad[0]))} and {len(bad) - 1} more")
    return value


def _said(name):
    return name if isinstance(name, str) else name()


def expect_size(name, value, least=1):
    """Return ``value`` as an ``int`` if it is a whole number of at least ``least``; else raise, naming it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected a whole number, came {type(value).__name__} {value!r:.40}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, came {value}")
    return int(value)


def expect_number(name, value):
    """Return ``value`` as a ``float`` if it is a finite real number; else raise, naming it."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, came {type(value).__name__} {value!r:.40}")
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, came {value}")
    return float(value)


def expect_rng(name, value):
    """Return ``value`` if it is a ``numpy.random.Generator``; else raise, naming it."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{name}: expected numpy.random.default_rng(seed), came {type(value).__name__} {value!r:.40}")
    return value


def expect_order(name, value, n=None):
    """Return ``value`` if it is an array that holds each of ``0 … n - 1`` once; else raise, naming it."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu" or value.ndim != 1:
        raise TypeError(f"{name}: expected rng.permutation(n), came {type(value).__name__} {value!r:.40}")
    n = len(value) if n is None else n
    if not n or not np.array_equal(np.sort(value), np.arange(n)):
        raise ValueError(f"{name}: expected each of 0 … {n - 1} once, came {len(value)} numbers {value!r:.40}")
    return value


def floats(**named):
    """The arguments as arrays of one dtype, float32 if all arrays among them are; they have to broadcast.

    Raises
    ------
    TypeError
        One is no real number and no array of them.
    ValueError
        One holds NaN or infinity, or the shapes do not broadcast.
    """
    for name, value in named.items():
        array = isinstance(value, np.ndarray)
        if isinstance(value, bool) or not (value.dtype.kind in "iuf" if array else isinstance(value, numbers.Real)):
            came = f"an array of {value.dtype}" if array else f"{type(value).__name__} {value!r:.40}"
            raise TypeError(f"{name}: expected a real number or a numpy array of them, came {came}")
        if not np.isfinite(value).all():
            raise ValueError(f"{name}: expected finite numbers, came {np.extract(~np.isfinite(value), value)[0]}")
    shapes = {name: np.shape(value) for name, value in named.items()}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        came = ", ".join(map(str, shapes.values()))
        raise ValueError(f"{', '.join(shapes)}: expected shapes that broadcast, came {came}") from None
    dtype = np.result_type(*named.values(), 0.0)
    return [np.asarray(value, dtype) for value in named.values()]
