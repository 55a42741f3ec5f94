"""What a reader does with a figure besides moving its sliders.

She predicts, drags a point, or registers what she found.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real

from .axes import every


@dataclass(frozen=True)
class Prediction:
    """A question about a figure, which keeps the controls until it is answered.

    The figure shows the state it opens with; answered, it shows the state that the question is
    about. If they are the same, the picture waits for the answer, and until then only its axes are
    seen.

    Parameters
    ----------
    question : str
    options : sequence of str
        At least two, all different.
    answer : str
        One of the options.
    because : str
        Why; shown with the answer.
    at : dict, optional
        The state that the question is about; what it leaves out stays as the figure opens, and
        without it the question is about the state that the figure opens with.
    lock : bool
        Whether the controls wait for the answer.

    Raises
    ------
    ValueError
        Fewer than two options, equal options, or an answer that is none of them.
    TypeError
        A question, an option or a reason that is not a string, or a state that is no dict.

    Examples
    --------
    >>> Prediction("Does it grow?", ["yes", "no"], answer="no", because="0.9 < 1").answer
    'no'
    """

    question: str
    options: tuple
    answer: str
    because: str = ""
    at: Mapping | None = None
    lock: bool = True

    def __post_init__(self):
        object.__setattr__(self, "options", strings("options", self.options))
        for name in ("question", "because"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name}: expected a string, got {getattr(self, name)!r:.60}")
        if not self.question.strip():
            raise ValueError(f"question: expected a question, got {self.question!r}")
        if len(self.options) < 2 or len(set(self.options)) < len(self.options):
            raise ValueError(
                f"options: expected at least two different options, got {list(self.options)}"
            )
        if self.at is not None and not isinstance(self.at, Mapping):
            raise TypeError(f"at: expected a dict of values, got {self.at!r:.60}")
        if not isinstance(self.lock, bool):
            raise TypeError(f"lock: expected True or False, got {self.lock!r:.60}")
        if self.answer not in self.options:
            raise ValueError(f"answer: expected one of {list(self.options)}, got {self.answer!r}")


@dataclass(frozen=True)
class Register:
    """A game: the reader registers states, and the best of each kind stays in the picture.

    The view draws what is to stay with ``gid="register"``: a marker, say, at the place of the
    present state. Whatever is registered keeps its marker while the reader moves on, and so a plot
    fills in, point by point.

    Parameters
    ----------
    score : callable
        ``score(**state)`` says how good a state is, less being better; ``nan``: it does not count.
    each : sequence of str
        For each combination of these parameters the best state is kept.
    unit : str
        What the score counts.
    refusal : str
        What is said of a state that does not count.
    button : str

    Raises
    ------
    TypeError
        ``score`` is no function, ``each`` no sequence of strings, or a text no string.
    ValueError
        ``each`` is empty.

    Examples
    --------
    >>> Register(lambda depth, rate: depth / rate, each=["depth"], unit="updates").each
    ('depth',)
    """

    score: Callable
    each: tuple
    unit: str = ""
    refusal: str = "this does not count"
    button: str = "Register"

    def __post_init__(self):
        if not callable(self.score):
            raise TypeError(f"score: expected a function score(**state), got {self.score!r:.60}")
        object.__setattr__(self, "each", strings("each", self.each))
        for name in ("unit", "refusal", "button"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name}: expected a string, got {getattr(self, name)!r:.60}")
        if not self.each:
            raise ValueError("each: expected at least one parameter, got none")


def strings(name, value):
    """Return ``value`` as a tuple if it is a list of strings; else raise, naming it."""
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        raise TypeError(f"{name}: expected a list of strings, got {value!r:.60}")
    return tuple(value)


def predict_spec(predict, grid, opening):
    """What the browser has to know of a question; ``at`` by indices."""
    at = grid.locate({} if predict.at is None else predict.at, "at", opening)
    return {
        "question": predict.question,
        "options": list(predict.options),
        "answer": predict.answer,
        "because": predict.because,
        "at": at,
        "lock": predict.lock,
    }


def expect_drag(drag, grid):
    """Raise unless ``drag`` names one or two parameters of the grid that are numbers."""
    if len(strings("drag", drag)) not in (1, 2):
        raise TypeError(f"drag: expected the names of one or two parameters, got {drag!r:.60}")
    for name in drag:
        if name not in grid.values:
            raise ValueError(
                f"drag: expected some of {list(grid.values)}, the parameters of the grid,"
                f" got {name!r}"
            )
        if grid.kind(name) != "number":
            raise ValueError(
                f"drag: expected parameters with numbers, got {name} with {grid.values[name][:2]}"
            )


def drag_spec(drag, grid, harvest):
    """What the browser has to know of a point that can be dragged: its parameters, its slot and the
    room it moves in.
    """
    slots = moving(harvest, "drag")
    if len(slots) != 1:
        raise ValueError(
            'drag: expected one artist with gid="drag" that moves,'
            f' such as ax.plot(x, y, "o", gid="drag"), got {len(slots)}'
        )
    slot = slots[0]
    ax = list(every(harvest.opened))[harvest.slots[slot].panel]
    units = harvest.recorder.units
    (x0, y0), (x1, y1) = ax.bbox.get_points()
    left = x0 + units.margin
    top = units.height - y1 + units.margin
    box = (left, top, x1 - x0, y1 - y0)
    return {
        "params": places(drag, grid),
        "slot": slot,
        "box": [round(side * units.scale) for side in box],
    }


def register_spec(register, grid, harvest):
    """What the browser has to know of a game: the score of every state, and which slots stay."""
    for name in register.each:
        if name not in grid.values:
            raise ValueError(
                f"each: expected some of {list(grid.values)}, the parameters of the grid,"
                f" got {name!r}"
            )
    slots = moving(harvest, "register")
    if not slots:
        raise ValueError(
            'register: expected artists with gid="register" that move, such as ax.plot(x, y, "o",'
            ' gid="register"), got none'
        )
    scores = []
    for number, state in enumerate(grid.states()):
        score = register.score(**state)
        if isinstance(score, bool) or not isinstance(score, Real) or math.isinf(score):
            raise TypeError(
                f"score: expected a finite number or nan at {grid.said(number)}, got {score!r:.60}"
            )
        scores.append(None if math.isnan(score) else float(f"{score:.6g}"))
    return {
        "each": places(register.each, grid),
        "slots": slots,
        "scores": scores,
        "unit": register.unit,
        "refusal": register.refusal,
        "button": register.button,
    }


def places(names, grid):
    """Where these parameters stand among those of the grid."""
    return [list(grid.values).index(name) for name in names]


def moving(harvest, gid):
    """The slots of the artists with this gid that are not the same in all states."""
    return [i for i, slot in enumerate(harvest.slots) if slot.gid == gid and len(slot.frames) > 1]
