"""The grid of states behind the sliders: names the states, and asks what a view takes."""

import inspect
import itertools
import math
from collections.abc import Mapping

import numpy as np

from .values import MAX_STATES, kind, position, values_of

AXES = {"ax", "axes", "axs", "axis"}  # what views call the axes that they are given


class Grid:
    """The product of every parameter's values, in C order: the last parameter moves fastest.

    Parameters
    ----------
    given : dict
        What each parameter is given, see `values`.
    defaults : dict, optional
        The defaults of the view: where its parameters start.

    Attributes
    ----------
    values, labels : dict of str to list
        Of every parameter that has a control.
    constants : dict
        Of those that have none.
    start : dict of str to int

    Raises
    ------
    TypeError, ValueError
        Values that cannot be used, no parameters, or more than `MAX_STATES` states.
    """

    def __init__(self, given, defaults=None):
        defaults = defaults or {}
        found = {name: values_of(name, v, defaults.get(name)) for name, v in given.items()}
        free = {name: each for name, each in found.items() if each.labels is not None}
        self.constants = {name: each.values[0] for name, each in found.items() if name not in free}
        if not free:
            raise ValueError(
                "grid: expected a parameter with values, such as gain=np.linspace(0, 2, 21),"
                " got none"
            )
        self.parameters = free
        self.kinds = {name: kind(each.values) for name, each in free.items()}
        self.values = {name: each.values for name, each in free.items()}
        self.labels = {name: each.labels for name, each in free.items()}
        self.start = {name: each.start for name, each in free.items()}
        self.shape = tuple(map(len, self.values.values()))
        self.size = math.prod(self.shape)
        if self.size > MAX_STATES:
            raise ValueError(
                f"{self.counts()} make {self.size} states, expected at most {MAX_STATES}: "
                f"{self.coarser()}"
            )

    def kind(self, name):
        """`bool`, `number`, `str` or `any`."""
        return self.kinds[name]

    def states(self):
        """Every state as a dict of arguments, in the order of the state numbers."""
        points = itertools.product(*self.values.values())
        return [dict(zip(self.values, point, strict=True)) for point in points]

    def said(self, number):
        """A state in words."""
        at = np.unravel_index(number, self.shape)
        return ", ".join(self.one(name, i) for name, i in zip(self.values, at, strict=True))

    def one(self, name, index):
        """The value of one parameter in words."""
        if self.kind(name) in ("number", "any"):
            return f"{name}={self.labels[name][index]}"
        return f"{name}={self.values[name][index]!r}"

    def counts(self):
        """How many values each parameter has, in words."""
        sizes = zip(self.values, self.shape, strict=True)
        return ", ".join(f"{name}: {n} value{'s' * (n != 1)}" for name, n in sizes)

    def reduce(self):
        """The advice that errors about size end with."""
        widest = max(self.values, key=lambda name: len(self.values[name]))
        many = len(self.values[widest])
        return f"give {widest} fewer than its {many} values, or split the figure"

    def coarser(self):
        """The advice about too many states: fewer values of one parameter, or of each."""
        widest = max(self.shape)
        if 4 * MAX_STATES * widest // self.size >= widest:  # a quarter of its values is enough
            return self.reduce()
        several = sum(n > 1 for n in self.shape)
        each = int(MAX_STATES ** (1 / several) * (1 + 1e-9))
        return (
            f"give each at most {each} values, by a larger step, or leave out those that the view"
            " has a default for"
        )

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
            example = {name: values[0] for name, values in self.values.items()}
            raise TypeError(f"{argument}: expected a dict such as {example}, got {state!r}")
        found = dict(base or self.start)
        for name, value in state.items():
            if name not in self.values:
                raise ValueError(
                    f"{argument}: expected some of {list(self.values)}, the parameters of the grid,"
                    f" got {name!r}"
                )
            found[name] = position(self.parameters[name], value)
            if found[name] is None:
                raise ValueError(
                    f"{argument}: expected {name} to be one of {', '.join(self.labels[name])},"
                    f" got {value!r}"
                )
        return found

    def number(self, indices):
        """The state number of a dict of indices."""
        return int(np.ravel_multi_index(tuple(indices[name] for name in self.values), self.shape))


class View:
    """A function that draws, and what it takes.

    Attributes
    ----------
    given : bool
        Whether its first argument is the axes to draw on: one that gets no values, unless it has a
        default of its own and another name than `AXES`.
    axes : str or None
        What it calls them.
    defaults : dict
        Of its parameters.

    Raises
    ------
    TypeError
        It is no function.
    """

    def __init__(self, view, values):
        if not callable(view):
            raise TypeError(f"view: expected a function view(ax, ...), got {view!r:.60}")
        self.call = view
        try:
            takes = list(inspect.signature(view).parameters.values())
        except ValueError:  # written in C
            takes = []
        first = takes[0] if takes and takes[0].kind <= takes[0].POSITIONAL_OR_KEYWORD else None
        self.given = (
            first is not None
            and first.name not in values
            and (first.default is first.empty or first.name in AXES)
        ) or (bool(takes) and takes[0].kind is takes[0].VAR_POSITIONAL)
        self.axes = first.name if first is not None and self.given else None
        rest = takes[1:] if self.given else takes
        self.takes = {p.name: p for p in rest if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        self.ahead = [p.name for p in rest if p.kind is p.POSITIONAL_ONLY]
        self.anything = any(p.kind is p.VAR_KEYWORD for p in rest)
        self.defaults = {
            name: p.default for name, p in self.takes.items() if p.default is not p.empty
        }

    def draw(self, axes, values):
        """Call it; returns what it returns."""
        named = self.defaults | values if self.ahead else dict(values)
        ahead = [named.pop(name) for name in self.ahead]
        return self.call(*axes, *ahead, **named)

    def expect(self, values):
        """Raise unless these are values for all that the view takes, and for nothing else."""
        for name in values:
            if name not in self.takes and not self.anything:
                raise ValueError(
                    f"{name}: expected one of {list(self.takes)}, the parameters of the view,"
                    " got another name"
                )
        for name in self.takes:
            if name not in self.defaults and name not in values:
                raise ValueError(
                    f"{name}: expected values, which the view needs, got none; add {name}=[...]"
                )
