"""What a parameter may be given, as in ipywidgets' `interact`: its values, their labels, its start.

``(0, 10)``, ``(0.0, 1.0, 0.05)``, a list, an array, a dict or pairs of labels and values, a bool, a
number, a string, ``fixed(...)``, or a widget. Where a text field or a picker could give anything,
there are no states to be drawn beforehand: that is refused.
"""

import datetime
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import islice
from numbers import Integral, Real
from types import SimpleNamespace

import numpy as np

MAX_STATES = 100_000  # drawing as many takes an hour; a figure's size has a limit of its own
STEP = 0.1  # of floats between two limits, as FloatSlider has it
WRITE = "write a list of values, (min, max) or (min, max, step), a dict of labels and values"


@dataclass(frozen=True)
class Values:
    """All values of one parameter, a label for each, and the index of the one to start with.

    Without labels it is a constant, and has no control.
    """

    values: list
    labels: list | None
    start: int = 0


def values_of(name, given, default=None):
    """The `Values` that an argument means.

    Parameters
    ----------
    name : str
        What errors call it.
    given : object
        As in `interact`.
    default : object, optional
        What the view has as a default: where the parameter starts, if it is one of its values.

    Raises
    ------
    TypeError, ValueError
        No values can be drawn from it; the message says what to write.
    """
    found = listed(name, given)
    if default is not None and found.labels is not None:
        at = position(found, default)
        if at is not None:
            found = Values(found.values, found.labels, at)
    return found


def listed(name, given):
    """The values before a default has its say."""
    widgets = sys.modules.get("ipywidgets", SimpleNamespace(fixed=(), Widget=()))
    if isinstance(given, widgets.fixed):
        return Values([given.value], None)
    if isinstance(given, widgets.Widget):
        return of_widget(name, given)
    if isinstance(given, str):
        return Values([given], None)
    if isinstance(given, np.ndarray) and given.ndim == 0:
        given = given[()]
    if isinstance(given, bool | np.bool_):
        return named(name, [False, True], start=int(given))
    if isinstance(given, Real):
        return around(name, plain(given))
    if isinstance(given, tuple) and 2 <= len(given) <= 3 and all(map(is_number, given)):
        return between(name, *map(plain, given))
    if isinstance(given, Mapping):
        return paired(name, given.items())
    if isinstance(given, Set | bytes) or not isinstance(given, Iterable | np.ndarray):
        raise TypeError(f"{name}: expected values, got {given!r:.60}; {WRITE}")
    if len(getattr(given, "shape", ())) > 1:  # a table of pandas, too
        raise ValueError(
            f"{name}: expected a list or 1-d array of values, got shape {given.shape};"
            f" {name}=list(...) takes its rows, fixed(...) gives it to the view as it is"
        )
    expect_few(name, size_of(given))
    values = [plain(value) for value in islice(given, MAX_STATES + 1)]
    expect_few(name, len(values))  # an iterator does not say how many it has
    if values and all(map(is_pair, values)):
        return paired(name, values)
    return named(name, values)


def expect_few(name, count):
    """Raise if there are more values than a figure may have states: before they are listed."""
    if count > MAX_STATES:
        many = f"{count}" if count < 1e9 else f"{count:.3g}"
        raise ValueError(
            f"{name}: expected at most {MAX_STATES} values, got"
            f" {'more than can be counted' if count == math.inf else many}; give"
            f" {name} fewer, by a larger step or a shorter range"
        )


def size_of(given):
    """How many values something has, if it says so."""
    try:
        return len(given)
    except OverflowError:  # a range of more than 2**63
        return math.inf
    except TypeError:
        return 0


def around(name, value):
    """What `interact` makes of a number: from its negative to three times it."""
    low, high = (0, 1) if value == 0 else sorted((-value, 3 * value))
    found = between(name, type(value)(low), type(value)(high))
    return Values(found.values, found.labels, position(found, value) or 0)


def between(name, low, high, step=None):
    """Numbers from ``low`` to ``high``, both included; it starts in the middle."""
    whole = isinstance(low, Integral) and isinstance(high, Integral)
    step = (1 if whole else STEP) if step is None else step
    if not all(map(is_finite, (low, high, step))) or not low < high or not step > 0:
        raise ValueError(
            f"{name}: expected (min, max) or (min, max, step) with min below max and a step above"
            f" zero, got {(low, high, step)}; a list, {name}=[{low}, {high}], gives single values"
        )
    many = math.inf if high - low > step * 1e300 else (high - low) / step * (1 + 1e-12)
    count = many if many == math.inf else int(many) + 1
    expect_few(name, count)
    if whole and isinstance(step, Integral):
        values = list(range(low, high + 1, step))
    else:
        values = [float(f"{low + i * step:.12g}") for i in range(count)]
    return named(name, values, start=(len(values) - 1) // 2)


def paired(name, pairs):
    """Values behind labels."""
    labels, values = zip(*pairs, strict=True) if pairs else ((), ())
    return named(name, [plain(v) for v in values], [str(label) for label in labels])


def named(name, values, written=None, start=0):
    """Checked values with their labels."""
    if not values:
        raise ValueError(f"{name}: expected at least one value, got an empty list")
    expect_few(name, len(values))
    numbers = kind(values) == "number"
    for i, v in enumerate(values):
        if is_missing(v):
            raise ValueError(f"{name}: expected values, got {v} at position {i}; leave it out")
        if numbers and not is_finite(v):
            raise ValueError(f"{name}: expected finite numbers, got {v!r:.60} at position {i}")
    if kind(values) != "any":
        twice = next((v for v, count in Counter(values).items() if count > 1), None)
        if twice is not None:
            raise ValueError(f"{name}: expected distinct values, got {twice!r} more than once")
    return Values(values, apart(written) if written else labels(values), start)


def of_widget(name, given):
    """The values that a ready-made widget can take, from where it stands."""
    kind_of = type(given).__name__
    if hasattr(given, "options") and not isinstance(getattr(given, "index", None), tuple):
        pairs = getattr(given, "_options_full", None)
        if pairs is None:  # a Combobox, which suggests words
            pairs = [(word, word) for word in given.options]
        found = paired(name, [(str(label), value) for label, value in pairs])
        at = position(found, given.value)
        return Values(found.values, found.labels, getattr(given, "index", at) or 0)
    value = getattr(given, "value", None)
    if isinstance(value, bool):
        return named(name, [False, True], start=int(value))
    if is_number(value) and getattr(given, "min", 0) == getattr(given, "max", 1):
        found = named(name, [value])
    elif hasattr(given, "base") and is_number(value):
        exponents = between(name, given.min, given.max, given.step).values
        found = named(name, [float(f"{given.base**e:.12g}") for e in exponents])
    elif hasattr(given, "min") and is_number(value):
        found = between(name, given.min, given.max, getattr(given, "step", None))
    else:
        raise TypeError(
            f"{name}: expected a widget with a list of values, such as IntSlider, FloatSlider,"
            f" Dropdown or Checkbox, got {kind_of}; {WRITE}"
        )
    nearest = min(range(len(found.values)), key=lambda i: abs(found.values[i] - value))
    return Values(found.values, found.labels, nearest)


def says_values(default):
    """Whether a default of a view is no value but says which there are, as `interact` reads it."""
    widget = getattr(sys.modules.get("ipywidgets"), "Widget", ())
    a_range = isinstance(default, tuple) and 2 <= len(default) <= 3
    return isinstance(default, widget) or (a_range and all(map(is_number, default)))


def plain(value):
    """A scalar of numpy as one of Python, if that loses nothing."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and value is not np.ma.masked:
        value = value[()]
    if isinstance(value, np.datetime64 | np.timedelta64):
        exact = isinstance(value.item(), datetime.date | datetime.timedelta)
        return value.item() if exact else value  # nanoseconds would become an integer
    return value.item() if isinstance(value, np.generic) else value


def is_finite(value):
    """Whether a number is one that a float holds."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_missing(value):
    """Whether a value stands for one that is not there: masked, or no time, or pandas' NA."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return value is np.ma.masked or type(value).__name__ in ("NaTType", "NAType")


def is_number(value):
    """Whether a value is a real number, and no bool."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def is_pair(value):
    """Whether a value is a label and what it stands for."""
    return isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], str)


def kind(values):
    """`bool`, `number` or `str` if all values are; else `any`."""
    if all(isinstance(v, bool) for v in values):
        return "bool"
    if all(map(is_number, values)):
        return "number"
    return "str" if all(isinstance(v, str) for v in values) else "any"


def position(found, value):
    """Where a value stands among others, or its label; numbers are compared to nine digits."""
    value = plain(value)
    for i, v in enumerate(found.values):
        if v is value or same(v, value):
            return i
    if isinstance(value, str) and value in found.labels:
        return found.labels.index(value)
    return None


def same(v, value):
    """Whether two values are equal, numbers to nine digits; a bool is no number."""
    if is_number(v) and is_number(value):
        return math.isclose(v, value, rel_tol=1e-9, abs_tol=1e-12)
    if type(v) is not type(value):
        return False
    if isinstance(v, np.ndarray):
        return np.array_equal(v, value)
    if hasattr(v, "equals"):  # a table or a series, which compares cell by cell
        return bool(v.equals(value))
    try:
        return bool(v == value)
    except ValueError:  # a list that holds arrays, say
        return False


def labels(values):
    """Short labels, told apart from one another.

    Numbers have a fixed number of decimals if that is fair, and a number of digits otherwise.

    >>> labels([0.5, 0.75, 1.0])
    ['0.50', '0.75', '1.00']
    """
    what = kind(values)
    if what == "bool":
        return ["yes" if v else "no" for v in values]
    if what != "number":
        return apart([written(v) for v in values])
    if all(isinstance(v, Integral) for v in values):
        return [str(v) for v in values]
    values = [float(v) for v in values]
    smallest = min((abs(v) for v in values if v), default=1)
    if max(map(abs, values)) < 1e5:
        for decimals in range(5):
            texts = [f"{v:.{decimals}f}" for v in values]
            pairs = zip(texts, values, strict=True)
            if all(math.isclose(float(w), v, rel_tol=1e-9) for w, v in pairs):
                return texts
        for decimals in (2, 3):
            texts = [f"{v:.{decimals}f}" for v in values]
            if smallest > 10.0**-decimals * 50 and len(set(texts)) == len(values):
                return texts
    for digits in range(3, 18):
        texts = [f"{v:.{digits}g}" for v in values]
        if len(set(texts)) == len(values):
            break
    return texts  # at 17 digits any two different floats differ


def written(value):
    """Any value in a few words."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = " ".join(str(value).split())
    return text if len(text) <= 30 and " object at 0x" not in text else type(value).__name__


def apart(texts):
    """Labels of which none is another's: equal ones are numbered.

    >>> apart(["f", "g", "f"])
    ['f 1', 'g', 'f 2']
    """
    seen, found, counts = {}, [], Counter(texts)
    for text in texts:
        seen[text] = seen.get(text, 0) + 1
        found.append(f"{text} {seen[text]}" if counts[text] > 1 else text)
    return found
