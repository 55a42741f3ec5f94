"""Checks of arguments: each error names the argument, what was expected and what was given."""

import math
import numbers
import sys

import numpy as np

REAL = np.dtype(np.float64), np.dtype(np.float32)
COMPLEX = np.dtype(np.complex128), np.dtype(np.complex64)


def given(value):
    """What was given, for an error: its type, and the beginning of what it looks like, on one line.

    Examples
    --------
    >>> given(np.ones((2, 3))), given([1, 2]), given("a")
    ('an array of float64, shape (2, 3)', 'list [1, 2]', "'a'")
    """
    if value is None:
        return "None"
    if type(value) is np.ndarray:
        return f"an array of {value.dtype}, shape {value.shape}"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer of 5000 digits, or an object's own fault
        text = "without a repr"
    text = text if len(text) <= 40 else text[:39] + "…"
    return text if isinstance(value, str) else f"{type(value).__name__} {text}"


def expect_array(name, value, trailing=(), *, complex=False):
    """Return ``value`` if it is a plain array of finite floats that ends in the axes ``trailing``.

    Floats are float64 or float32.

    Parameters
    ----------
    name : str or callable
        What to call the argument in the error, or a function that says it, called only if there is
        one.
    value : object
    trailing : tuple of int or None
        Required sizes of the last axes; ``None`` stands for any size.
    complex : bool
        Whether complex128 and complex64 will do, too.

    Raises
    ------
    TypeError
        ``value`` is no array, a masked array or a matrix, or of another dtype.
    ValueError
        Its last axes differ from ``trailing``, or it holds NaN or infinity.
    """
    dtypes = REAL + COMPLEX if complex else REAL
    if not isinstance(value, np.ndarray) or value.dtype not in dtypes:
        raise TypeError(
            f"{_text(name)}: expected a numpy array of float64 or float32, got {given(value)}"
        )
    if not plain(value):
        raise TypeError(
            f"{_text(name)}: expected a plain numpy array, got {type(value).__name__};"
            " np.asarray makes one, without mask or unit"
        )
    if not _ends_in(value.shape, trailing):
        wanted = ", ".join("…" if w is None else str(w) for w in trailing)
        raise ValueError(f"{_text(name)}: expected last axes ({wanted}), got shape {value.shape}")
    if not np.isfinite(value).all():
        bad = np.argwhere(~np.isfinite(value))
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise ValueError(
            f"{_text(name)}: expected finite numbers, got {value[tuple(bad[0])]}"
            f" at {tuple(map(int, bad[0]))}{more}"
        )
    return value


def _ends_in(shape, trailing):
    """Whether the last axes of a shape have these sizes; ``None`` stands for any size."""
    last = shape[max(0, len(shape) - len(trailing)) :]
    if last == trailing:
        return True
    if len(last) != len(trailing):
        return False
    return all(wanted in (None, n) for n, wanted in zip(last, trailing, strict=True))


def plain(value):
    """Whether ``value`` is an array as numpy makes it, in memory or a file: no mask, no matrix."""
    return type(value) is np.ndarray or isinstance(value, np.memmap)


def expect_integers(name, value, n=None):
    """Return ``value`` if it is a plain array of whole numbers from 0, below ``n``; else raise."""
    if not plain(value) or value.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected a numpy array of integers, got {given(value)}")
    if value.size and (value.min() < 0 or (n is not None and value.max() >= n)):
        most = "" if n is None else f" to {n - 1}"
        raise ValueError(
            f"{name}: expected whole numbers from 0{most}, got {value.min()} to {value.max()}"
        )
    return value


def expect_order(name, value, n=None):
    """Return ``value`` if it is an array that holds each of ``0 … n - 1`` once; else raise."""
    expect_integers(name, value)
    n = value.size if n is None else n
    if not n:
        raise ValueError(f"{name}: expected at least one number, got none")
    if value.shape != (n,) or not np.array_equal(np.sort(value), np.arange(n)):
        raise ValueError(
            f"{name}: expected each of 0 … {n - 1} once, got {value.ravel()[:8]},"
            f" shape {value.shape}"
        )
    return value


def _text(name):
    return name if isinstance(name, str) else name()


def expect_size(name, value, least=1, most=sys.maxsize):
    """Return ``value`` as an ``int`` if it is a whole number in these bounds; else raise."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected a whole number, got {given(value)}")
    if not least <= value <= most:
        bound = f"at least {least}" if value < least else f"at most {most}"
        got = value if abs(value) < 10**20 else given(value)
        raise ValueError(f"{name}: expected {bound}, got {got}")
    return int(value)


def expect_sizes(name, value, axes=None):
    """Return ``value`` as a tuple of sizes from 1, ``axes`` of them or at least one; else raise."""
    sizes = expect_whole_numbers(name, value, least=1)
    if axes is None and not sizes:
        raise ValueError(f"{name}: expected at least one size, got none")
    if axes is not None and len(sizes) != axes:
        raise ValueError(f"{name}: expected {axes} sizes, got {len(sizes)}")
    return sizes


def expect_whole_numbers(name, value, least=0):
    """Return ``value`` as a tuple if it is one, or a list, of whole numbers from ``least``."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name}: expected a tuple of whole numbers, got {given(value)}")
    return tuple(expect_size(f"{name}[{i}]", n, least) for i, n in enumerate(value))


def expect_number(name, value, least=-math.inf, most=math.inf):
    """Return ``value`` as a ``float`` if it is a finite real number in these bounds; else raise."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {given(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name}: expected a number within float64, got {given(value)}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {number}")
    if number < least:
        raise ValueError(f"{name}: expected at least {least:g}, got {value}")
    if number > most:
        raise ValueError(f"{name}: expected at most {most:g}, got {value}")
    return number


def expect_swept(name, value):
    """Return an array of finite floats as it is, a number as one without axes; else raise."""
    if isinstance(value, np.ndarray):
        return expect_array(name, value)
    return np.array(expect_number(name, value))


def expect_dtype(name, value):
    """Return ``value`` as a dtype if it is float64 or float32; else raise, naming it."""
    named = isinstance(value, str) and value in ("float64", "float32")
    if not named and not (isinstance(value, type | np.dtype) and np.dtype(value) in REAL):
        raise TypeError(f"{name}: expected float64 or float32, got {given(value)}")
    return np.dtype(value)


def expect_positive(name, value):
    """Return ``value`` as a ``float`` if it is a finite number above 0; else raise, naming it."""
    if expect_number(name, value) <= 0:
        raise ValueError(f"{name}: expected a number above 0, got {value}")
    return float(value)


def expect_bool(name, value):
    """Return ``value`` if it is ``True`` or ``False``; else raise, naming it."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: expected True or False, got {given(value)}")
    return value


def expect_word(name, value, words):
    """Return ``value`` if it is one of the strings ``words``; else raise, naming it."""
    if not isinstance(value, str) or value not in words:
        wanted = ", ".join(map(repr, words))
        raise ValueError(f"{name}: expected one of {wanted}, got {given(value)}")
    return value


def expect_string(name, value):
    """Return ``value`` if it is a string; else raise, naming it."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, got {given(value)}")
    return value


def expect_callable(name, value):
    """Return ``value`` if it can be called; else raise, naming it."""
    if not callable(value):
        raise TypeError(f"{name}: expected a function, got {given(value)}")
    return value


def expect_rng(name, value):
    """Return ``value`` if it is a ``numpy.random.Generator``; else raise, naming it."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{name}: expected numpy.random.default_rng(seed), got {given(value)}")
    return value


def expect_floats(**named):
    """The arguments as arrays that broadcast, of one dtype: float32 if all arrays among them are.

    Raises
    ------
    TypeError
        One is no real number and no array of them.
    ValueError
        One holds NaN or infinity, or the shapes do not broadcast.
    """
    for name, value in named.items():
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            expect_number(name, value)
            continue
        if not plain(value) or (value.dtype not in REAL and value.dtype.kind not in "iu"):
            raise TypeError(
                f"{name}: expected a real number or a numpy array of them, got {given(value)}"
            )
        if not np.isfinite(value).all():
            bad = value[~np.isfinite(value)][0]
            raise ValueError(f"{name}: expected finite numbers, got {bad}")
    shapes = {name: np.shape(value) for name, value in named.items()}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        names, got = ", ".join(shapes), ", ".join(map(str, shapes.values()))
        raise ValueError(f"{names}: expected shapes that broadcast, got {got}") from None
    dtype = np.result_type(*named.values(), 0.0)
    return [np.asarray(value, dtype) for value in named.values()]
