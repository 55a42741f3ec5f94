"""Every argument that cannot be used, and every change that cannot be moved, is refused by name."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets import FloatRangeSlider, FloatText

from explorable import Prediction, Register, explore
from explorable.grid import Grid
from explorable.values import labels


def view(ax, gain, activation="tanh"):
    ax.plot([0, 1], [0, gain], label="line")
    ax.set(xlim=(0, 1), ylim=(0, 2), title=activation)


def on(change, **kwargs):
    """Explore a view that changes something besides its line."""

    def changing(ax, k):
        ax.plot([0, 1], [0, 1], label="line")
        ax.set(xlim=(0, 1), ylim=(0, 1))
        change(ax, k)

    return explore(changing, alt="a change", k=[1, 2, 3], **kwargs)


def case(error, message, /, **arguments):
    """What `explore` is told, and how it refuses."""
    return arguments, error, message


ARGUMENTS = {
    "anchor with capitals": case(
        ValueError, "anchor: expected small letters", gain=[1.0], anchor="Fig 1"
    ),
    "no grid": case(ValueError, "at least|a parameter with values"),
    "empty list": case(ValueError, "gain: expected at least one value", gain=[]),
    "set": case(TypeError, "gain: expected values, got {1.0}; write a list", gain={1.0}),
    "None": case(TypeError, "gain: expected values, got None; write a list", gain=None),
    "only constants": case(ValueError, "grid: expected a parameter with values", gain="abc"),
    "a range downwards": case(
        ValueError, r"gain: .*min below max .*got \(3, 1, 1\); a list, gain=\[3, 1\]", gain=(3, 1)
    ),
    "a step of zero": case(
        ValueError, r"gain: .*a step above zero, got \(0, 1, 0\)", gain=(0, 1, 0)
    ),
    "a text field": case(
        TypeError, "gain: expected a widget with a list of values.*got FloatText", gain=FloatText()
    ),
    "two numbers at once": case(
        TypeError, "gain: expected a widget .*got FloatRangeSlider", gain=FloatRangeSlider()
    ),
    "matrix": case(ValueError, r"gain: .*shape \(2, 2\)", gain=np.ones((2, 2))),
    "nan": case(
        ValueError, "gain: expected finite numbers, got nan at position 1", gain=[0.5, np.nan]
    ),
    "twice": case(ValueError, "gain: .*1 more than once", gain=[1, 2, 1]),
    "unknown": case(ValueError, "depth: expected one of .*gain", gain=[1], depth=[1]),
    "missing": case(
        ValueError, "gain: expected values, which the view needs, got none", activation=["tanh"]
    ),
    "start": case(
        ValueError, "start: expected gain to be one of 1, 2, got 3", gain=[1, 2], start={"gain": 3}
    ),
    "start name": case(
        ValueError, "start: expected some of .* got 'depth'", gain=[1, 2], start={"depth": 3}
    ),
    "start kind": case(TypeError, "start: expected a dict", gain=[1, 2], start=3),
    "case": case(
        ValueError,
        r"cases\['x'\]: expected gain to be one of 1, 2, got 9",
        gain=[1, 2],
        cases={"x": {"gain": 9}},
    ),
    "alt": case(ValueError, "alt: expected a sentence", gain=[1, 2], alt=" "),
    "size": case(TypeError, "size: expected two positive numbers, got 3", gain=[1, 2], size=3),
    "panels": case(ValueError, "panels: expected two positive numbers", gain=[1, 2], panels=(0, 1)),
    "predict": case(TypeError, "predict: expected a Prediction", gain=[1, 2], predict="why?"),
    "play": case(ValueError, r"play: expected one of \['gain'\], got 'k'", gain=[1, 2], play="k"),
    "autoplay": case(
        TypeError,
        "autoplay: expected True or False, got 'gain'",
        gain=[1, 2],
        play="gain",
        autoplay="gain",
    ),
    "autoplay without play": case(
        ValueError, "autoplay: expected False, as `play` names", gain=[1, 2], autoplay=True
    ),
    "many": case(
        ValueError, "gain: expected at most 100000 values, got 100001; give", gain=range(100_001)
    ),
    "limits": case(
        ValueError, "limits: expected one of .*'union'.* got 'auto'", gain=[1, 2], limits="auto"
    ),
    "figure": case(
        TypeError, "figure: expected a dict of some of .* got 'big'", gain=[1, 2], figure="big"
    ),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_are_checked(case):
    arguments, error, message = ARGUMENTS[case]
    with pytest.raises(error, match=message):
        explore(view, **{"alt": "a line"} | arguments)


CHANCE = np.random.default_rng(0)
CHANGES = {
    "limits": (
        lambda ax, k: ax.set_xlim(0, k),
        r"XAxis of panel 0: expected the same limits .* got \(0, 1\) at k=1 and \(0, 2\) at",
    ),
    "scale": (
        lambda ax, k: ax.set_xscale("linear" if k < 3 else "symlog"),
        "XAxis of panel 0: expected the same scale",
    ),
    "linthresh": (
        lambda ax, k: ax.set_yscale("symlog", linthresh=k),
        "YAxis of panel 0: expected the same scale",
    ),
    "size": (
        lambda ax, k: ax.figure.set_size_inches(4, k),
        r"view: expected a figure of one size in every state, got \(4, 1\) inches at the start",
    ),
    "two figures": (
        lambda ax, k: plt.figure().add_subplot(),
        "view: expected one figure, got 2 at k=1: draw on one",
    ),
    "raises": (lambda ax, k: 1 / (k - 2), "view: expected no error, got ZeroDivisionError at k=2"),
    "random": (
        lambda ax, k: ax.plot(CHANCE.random(4)),
        "Line2D.*got another when drawn again at k=1; fix the seed",
    ),
    "a random number of artists": (
        lambda ax, k: [ax.axhline(0) for _ in range(CHANCE.integers(99))],
        "the view: expected the same picture each time, got another when drawn again at k=1",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_cannot_move_is_refused(change):
    act, message = CHANGES[change]
    with pytest.raises(ValueError, match=message):
        on(act)


def test_a_raising_view_keeps_its_own_error():
    with pytest.raises(ValueError) as error:
        on(lambda ax, k: 1 / (k - 2))
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_a_view_that_draws_nothing_in_any_state_is_refused():
    with pytest.raises(ValueError, match=r"view: expected something drawn, got nothing in any"):
        explore(lambda ax, k: None, alt="nothing", k=[1, 2])


def test_what_got_the_axes_by_mistake_is_named():
    with pytest.raises(ValueError, match="; depth, which got no values, was given the axes"):
        explore(lambda depth, gain: depth + gain, alt="a sum", gain=[1, 2])


def test_panels_are_for_views_that_are_given_axes():
    with pytest.raises(ValueError, match=r"panels: expected none .* write view\(axes, \.\.\.\)"):
        explore(lambda k: plt.plot([k]), alt="a point", k=[1, 2], panels=(1, 2))


def test_repr_and_bundle_are_deterministic():
    figure = explore(
        view, alt="a line", gain=[0.5, 1.0, 1.5], activation=["tanh", "relu"], start={"gain": 1.0}
    )
    assert repr(figure) == "Explore(gain: 3 values, activation: 2 values)"
    assert repr(figure.figure) == "LiveFigure(gain: 3 values, activation: 2 values)"
    data, metadata = figure._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert metadata["image/png"]["alt"] == "a line"
    assert not re.search("0x[0-9a-f]{6}", data["text/plain"])
    assert figure.figure.at_gain == 1
    assert figure.controls["gain"].value == 1.0


def test_controls_by_kind_of_value():
    def many(ax, number, name, flag, one):
        view(ax, number)

    grid = {"number": [0.5, 1.0], "name": ["a", "b"], "flag": [False, True], "one": [3]}
    figure = explore(many, alt="a line", **grid)
    kinds = [type(control).__name__ for control in figure.controls.values()]
    assert kinds == ["SelectionSlider", "Dropdown", "Checkbox", "Dropdown"]
    assert figure.figure.at_flag is False
    assert figure.figure.at_number == 0


def test_a_prediction_locks_the_controls():
    question = Prediction("Up?", ["yes", "no"], "yes", "It grows.")
    figure = explore(view, alt="a line", gain=[0.5, 1.0], predict=question)
    assert figure.figure.locked and figure.controls["gain"].disabled
    assert figure.figure.predict["options"] == ["yes", "no"]
    assert figure.figure.predict["at"] == {"gain": 0}, "the state it opens with"
    about = Prediction("Up?", ["yes", "no"], "yes", at={"gain": 1.0})
    figure = explore(view, alt="a line", gain=[0.5, 1.0], predict=about).figure
    assert figure.predict["at"] == {"gain": 1}


@pytest.mark.parametrize(
    ("options", "answer", "message"),
    [
        (["a"], "a", "at least two"),
        (["a", "a"], "a", "at least two"),
        (["a", "b"], "c", "answer: expected one of"),
    ],
)
def test_predictions_are_checked(options, answer, message):
    with pytest.raises(ValueError, match=message):
        Prediction("q", options, answer)


def game(ax, gain, activation="tanh", moves=True):
    view(ax, gain, activation)
    ax.plot([0.5], [gain if moves else 1], "o", gid="drag")
    ax.plot([0.5], [gain if moves else 1], "s", gid="register")


GAME = {"alt": "a game", "gain": [0.5, 1.0], "activation": ["tanh", "relu"]}
EASY = Register(lambda **_: 1.0, ["gain"])
ACTS = {
    "drag string": case(TypeError, "drag: expected a list of strings, got 'gain'", drag="gain"),
    "drag three": case(TypeError, "drag: expected the names of one or two", drag=["gain"] * 3),
    "drag unknown": case(ValueError, "drag: expected some of .* got 'depth'", drag=["depth"]),
    "drag word": case(
        ValueError, "drag: expected parameters with numbers, got activation", drag=["activation"]
    ),
    "drag still": case(ValueError, 'gid="drag" that moves.*got 0', drag=["gain"], moves=[False]),
    "register": case(TypeError, "register: expected a Register, got 'best'", register="best"),
    "each unknown": case(
        ValueError,
        "each: expected some of .* got 'depth'",
        register=Register(lambda **_: 1.0, ["depth"]),
    ),
    "score word": case(
        TypeError, "score: .*nan at .*got 'good'", register=Register(lambda **_: "good", ["gain"])
    ),
    "score inf": case(
        TypeError,
        "score: expected a finite number",
        register=Register(lambda **_: np.inf, ["gain"]),
    ),
    "register still": case(
        ValueError, 'gid="register" that move.*got none', register=EASY, moves=[False]
    ),
}


@pytest.mark.parametrize("case", ACTS)
def test_what_a_reader_may_do_is_checked(case):
    arguments, error, message = ACTS[case]
    with pytest.raises(error, match=message):
        explore(game, **GAME | arguments)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((1, ["gain"]), TypeError, "score: expected a function"),
        ((max, "gain"), TypeError, "each: expected a list"),
        ((max, []), ValueError, "each: expected at least one"),
        ((max, ["gain"], 3), TypeError, "unit: expected a string"),
    ],
)
def test_registers_are_checked(given, error, message):
    with pytest.raises(error, match=message):
        Register(*given)


def test_what_was_registered_can_be_read():
    register = Register(lambda gain, activation: gain, ["gain"])
    figure = explore(game, **GAME | {"activation": ["tanh"]}, register=register)
    assert figure.registered == []
    figure.figure.registered = [1]
    assert figure.registered == [{"gain": 1.0, "activation": "tanh"}]


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([0.5, 0.75, 1.0], ["0.50", "0.75", "1.00"]),
        ([1, 10, 100], ["1", "10", "100"]),
        (list(np.geomspace(1e-6, 1, 3)), ["1e-06", "0.001", "1"]),
        ([1 / 3, 2 / 3], ["0.333", "0.667"]),
        ([False, True], ["no", "yes"]),
        ([-1.0, 0.0], ["-1", "0"]),
        ([1e300, 2e300], ["1e+300", "2e+300"]),
    ],
)
def test_labels_are_short_and_distinct(values, written):
    assert labels(values) == written


def test_states_count_like_an_odometer():
    grid = Grid({"a": [1, 2], "b": ["x", "y", "z"]})
    states = [f"{state['a']}{state['b']}" for state in grid.states()]
    assert states == ["1x", "1y", "1z", "2x", "2y", "2z"]
    assert grid.number(grid.locate({"a": 2, "b": "y"}, "start")) == 4


STRANGE = {
    "None": None,
    "3": 3,
    "[1]": [1],
    "{1: 2}": {1: 2},
    "a function": len,
    "nan": float("nan"),
    "'zz'": "zz",
}
LEGAL = {  # what is no mistake for an argument
    "cases": ("None",),
    "title": ("None", "'zz'"),
    "drag": ("None",),
    "start": ("None",),
    "predict": ("None",),
    "size": ("None",),
    "panels": ("None",),
    "limits": (),
    "figure": ("None",),
    "anchor": ("None", "'zz'"),
    "alt": ("'zz'",),
    "register": ("None",),
    "view": ("a function",),
    "gain": ("[1]", "3", "{1: 2}", "'zz'"),
    "options": (),
    "answer": (),
    "question": ("'zz'",),
    "because": ("'zz'",),
    "each": (),
    "score": ("a function",),
    "unit": ("'zz'",),
    "button": ("'zz'",),
}


def made_with(name, value):
    """A figure, a question or a game with one argument of that value."""
    made, arguments = explore, {"view": game, "alt": "a game", "gain": [0.5, 1.0]}
    if name in ("options", "answer", "question", "because"):
        made, arguments = Prediction, {"question": "Up?", "options": ["a", "b"], "answer": "a"}
    if name in ("each", "score", "unit", "button"):
        made, arguments = Register, {"score": max, "each": ["gain"]}
    return made(**arguments | {name: value})


@pytest.mark.parametrize(
    ("name", "label"),
    [(name, label) for name, legal in LEGAL.items() for label in STRANGE if label not in legal],
)
def test_a_bad_value_is_refused_by_the_name_of_its_argument(name, label):
    one_line = rf"\A{name}(\[.*\])?: expected [^\n]*\bgot\b[^\n]*\Z"
    with pytest.raises((TypeError, ValueError), match=one_line):
        made_with(name, STRANGE[label])
