"""The grid of states behind the sliders: checks the values, names the states, writes the labels."""

import inspect
import itertools
import math
from collections.abc import Mapping, Set
from numbers import Integral, Real

import numpy as np

MAX_STATES = 5000


class Grid:
    """The product of every parameter's values, in C order: the last parameter moves fastest.

    Parameters
    ----------
    values : dict of str to list
        Finite numbers, strings or booleans; one kind per parameter, at least one value, none twice.

    Raises
    ------
    TypeError
        A scalar or a string in place of a list; values of mixed or unknown kinds.
    ValueError
        No parameters, no values, NaN or infinity, duplicates, or more than `MAX_STATES` states.
    """

    def __init__(self, values):
        if not values:
            raise ValueError(
                "grid: expected a parameter with values, such as gain=np.linspace(0, 2, 21),"
                " got none"
            )
        self.values = {name: checked(name, given) for name, given in values.items()}
        self.labels = {name: labels(given) for name, given in self.values.items()}
        self.shape = tuple(len(v) for v in self.values.values())
        self.size = math.prod(self.shape)
        if self.size > MAX_STATES:
            raise ValueError(
                f"{self.counts()} make {self.size} states, expected at most {MAX_STATES}: "
                f"{self.reduce()}"
            )

    def states(self):
        """Every state as a dict of arguments, in the order of the state numbers."""
        points = itertools.product(*self.values.values())
        return [dict(zip(self.values, point, strict=True)) for point in points]

    def counts(self):
        """How many values each parameter has, in words."""
        sizes = zip(self.values, self.shape, strict=True)
        return ", ".join(f"{name}: {n} value{'s' * (n != 1)}" for name, n in sizes)

    def reduce(self):
        """The advice that errors about size end with."""
        widest = max(self.values, key=lambda name: len(self.values[name]))
        many = len(self.values[widest])
        return f"give {widest} fewer than its {many} values, or split the figure"

    def locate(self, state, argument, base=None):
        """Indices of a state given by some or all of its values; the rest comes from `base`.

        Raises
        ------
        TypeError
            `state` is not a mapping.
        ValueError
            An unknown parameter, or a value that is not on the grid; `argument` is named.
        """
        if not isinstance(state, Mapping):
            example = self.states()[0]
            raise TypeError(f"{argument}: expected a dict such as {example}, got {state!r}")
        found = dict(base or dict.fromkeys(self.values, 0))
        for name, value in state.items():
            if name not in self.values:
                raise ValueError(
                    f"{argument}: expected some of {list(self.values)}, the parameters of the grid,"
                    f" got {name!r}"
                )
            found[name] = position(self.values[name], value)
            if found[name] is None:
                raise ValueError(
                    f"{argument}: expected {name} to be one of {', '.join(self.labels[name])},"
                    f" got {value!r}"
                )
        return found

    def number(self, indices):
        """The state number of a dict of indices."""
        return int(np.ravel_multi_index(tuple(indices[name] for name in self.values), self.shape))


def checked(name, given):
    """The values of one parameter as a list of Python scalars of one kind."""
    if isinstance(given, str | bytes | Mapping | Set) or not np.iterable(given):
        raise TypeError(f"{name}: expected a list or 1-d array of values, got {given!r}")
    if np.ndim(given) > 1:
        raise ValueError(
            f"{name}: expected a list or 1-d array of values, got shape {np.shape(given)}"
        )
    values = [v.item() if isinstance(v, np.generic) else v for v in given]
    if not values:
        raise ValueError(f"{name}: expected at least one value, got an empty list")
    kinds = {kind(v) for v in values}
    if len(kinds) > 1 or None in kinds:
        odd = next((v for v in values if kind(v) is None), values)
        raise TypeError(
            f"{name}: expected numbers, or strings, or booleans, all of one kind; got {odd!r}"
        )
    if kinds == {"number"}:
        for i, v in enumerate(values):
            if not math.isfinite(v):
                raise ValueError(f"{name}: expected finite numbers, got {v!r} at position {i}")
    twice = next((v for i, v in enumerate(values) if v in values[:i]), None)
    if twice is not None:
        raise ValueError(f"{name}: expected distinct values, got {twice!r} more than once")
    return values


def kind(value):
    """`bool`, `number` or `str`; None for anything else."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Real):
        return "number"
    return "str" if isinstance(value, str) else None


def position(values, value):
    """Where a value stands among those of its parameter; numbers are compared to nine digits."""
    if isinstance(value, np.generic):
        value = value.item()
    for i, v in enumerate(values):
        if same(v, value):
            return i
    return None


def same(v, value):
    """Whether two values are of one kind and equal, numbers to nine digits."""
    if kind(v) != kind(value):
        return False
    if kind(v) == "number":
        return math.isclose(v, value, rel_tol=1e-9, abs_tol=1e-12)
    return v == value


def labels(values):
    """Short labels, told apart from one another.

    They have a fixed number of decimals if that is fair, and a number of digits otherwise.

    >>> labels([0.5, 0.75, 1.0])
    ['0.50', '0.75', '1.00']
    """
    if kind(values[0]) == "bool":
        return ["yes" if v else "no" for v in values]
    if kind(values[0]) == "str" or all(isinstance(v, Integral) for v in values):
        return [str(v) for v in values]
    smallest = min((abs(v) for v in values if v), default=1)
    if max(map(abs, values)) < 1e5:
        for decimals in range(5):
            written = [f"{v:.{decimals}f}" for v in values]
            pairs = zip(written, values, strict=True)
            if all(math.isclose(float(w), v, rel_tol=1e-9) for w, v in pairs):
                return written
        for decimals in (2, 3):
            written = [f"{v:.{decimals}f}" for v in values]
            if smallest > 10.0**-decimals * 50 and len(set(written)) == len(values):
                return written
    for digits in range(3, 18):
        written = [f"{v:.{digits}g}" for v in values]
        if len(set(written)) == len(values):
            break
    return written  # at 17 digits any two different floats differ


def check_view(view, grid, reserved):
    """Make sure that `view` takes exactly the parameters that the grid gives.

    Raises
    ------
    TypeError
        `view` is not callable, or takes no axes.
    ValueError
        A grid parameter that `view` does not take, a parameter of `view` without values, or a
        reserved name.
    """
    if not callable(view):
        raise TypeError(f"view: expected a function view(ax, ...), got {view!r}")
    takes = list(inspect.signature(view).parameters.values())
    if not takes or takes[0].kind in (takes[0].KEYWORD_ONLY, takes[0].VAR_KEYWORD):
        raise TypeError(
            "view: expected a function whose first argument is the axes to draw on,"
            f" got {view!r:.60}"
        )
    named = {p.name: p for p in takes[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    anything = any(p.kind is p.VAR_KEYWORD for p in takes)
    for name in grid:
        if name not in named and not anything:
            raise ValueError(
                f"{name}: expected one of {list(named)}, the parameters of the view,"
                " got another name"
            )
    for name, parameter in named.items():
        if name in reserved:
            raise ValueError(
                f"view: expected a parameter that is no option of explore, got {name!r}; rename it"
            )
        if parameter.default is parameter.empty and name not in grid:
            raise ValueError(
                f"{name}: expected values, which the view needs, got none; add {name}=[...]"
            )
