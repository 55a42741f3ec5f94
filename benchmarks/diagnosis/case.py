"""A case: a model with its batch, loss and optimiser, healthy or broken for one known cause."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import torch

CAUSES = (
    "vanishing",
    "exploding",
    "cut off",
    "dead units",
    "saturated",
    "input scale",
    "not finite, forward",
    "not finite, backward",
    "double softmax",
    "missing logarithm",
    "softmax over examples",
    "mixed examples",
    "answer in input",
    "negated loss",
    "not in optimizer",
    "frozen",
    "step too large",
    "step too small",
    "symmetric start",
    "loud start",
    "target shape",
    "ignores input",
    "below epsilon",
    "clipped",
    "short reach",
    "evaluation mode",
    "output bounded",
    "too much decay",
    "lost to rounding",
    "wrong labels",  # no report has this word: one batch does not show it
)

GENERAL = "general knowledge"


@dataclass
class Setup:
    """What a report is given, and what shows whether the model learns.

    ``batch`` is ``(input, target)``, with a tuple as the input of a model that takes several, or a
    mapping of keywords if the model computes its loss itself; then ``loss`` is None.
    ``update()`` makes one update on the next batch, as the author of the model would, and returns
    the loss before it. ``error()`` is what the model does wrong now, divided by what the best
    constant prediction does: 1 is no better than a constant, 0 is without fault.
    """

    model: torch.nn.Module
    batch: object
    loss: Callable | None
    optimizer: torch.optim.Optimizer
    update: Callable[[], float]
    error: Callable[[], float]


@dataclass(frozen=True)
class Case:
    """One model of the corpus.

    ``cause`` is None for a healthy model; ``also`` are further causes that would be right answers.
    ``where`` holds the names of modules, or beginnings of them, that would be right: ``""`` is the
    model itself alone, and no name at all means that none is asked for. ``trained`` updates are
    made before the report, and ``updates`` in all until the model is judged. ``source`` is the
    public thread that the case is rebuilt from.
    """

    name: str
    kind: str
    build: Callable
    cause: str | None = None
    also: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    source: str = GENERAL
    note: str = ""
    trained: int = 0
    updates: int = 300

    def make(self, seed=0):
        """The setup after ``trained`` updates; equal seeds make equal setups, bit for bit."""
        return self._made(seed)

    def repaired(self, seed=0):
        """The same with the cause removed and nothing else changed."""
        return self._made(seed, repaired=True)

    def _made(self, seed, **options):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            setup = self.build(seed, **options)
            for _ in range(self.trained):
                setup.update()
        return setup


def healthy(kind, **facts):
    """A decorator: the function of a seed becomes a healthy case with its name."""

    def case(build):
        return Case(name=build.__name__, kind=kind, build=build, **facts)

    return case


def broken(cause, kind, **facts):
    """A decorator: the function of a seed and ``repaired`` becomes a broken case."""

    def case(build):
        def whole(seed, repaired=False):
            return build(seed, repaired)

        return Case(name=build.__name__, kind=kind, build=whole, cause=cause, **facts)

    return case


def cases_in(module: ModuleType):
    """The cases that a module defines, in the order in which they stand there."""
    return [value for value in vars(module).values() if isinstance(value, Case)]
