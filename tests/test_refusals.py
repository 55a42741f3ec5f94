"""Whatever cannot be used is refused in one line, ``name: expected …, got …``.

The table of calls and of bad values is in ``calls.py``. ``python tests/test_refusals.py`` prints
what each is told.
"""

import copy
import inspect
import re

import numpy as np
import pytest
from calls import TABLE
from test_api import ELSEWHERE, PUBLIC

from gradtrace import Activation

# What functions return, and the bare Step: nobody is expected to make these, so nothing checks how
# they are made.
RETURNED = {
    "Action",
    "BPTTResult",
    "Diverged",
    "Gradients",
    "Grads",
    "Grid",
    "GridGradients",
    "GridTrace",
    "Path",
    "Run",
    "Sentences",
    "Step",
    "SummedGradients",
    "Sweep",
    "SweepError",
    "Trace",
    "Usage",
    "tasks.Sequences",
}
# errors name the entry of the layer: p['W'] of Dense(3, 3)
CALLED_OTHERWISE = {"layers": "p", "params": "p"}


def called(function, values):
    """Call it by name, but for arguments that have none."""
    values, positional = dict(values), []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.POSITIONAL_ONLY and name in values:
            positional.append(values.pop(name))
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += values.pop(name)
    return function(*positional, **values)


def valid(call):
    """The function of a row, and arguments of its own."""
    function, arguments = TABLE[call]
    return function, {name: own(argument.value) for name, argument in arguments.items()}


def own(value):
    """A copy of generators and arrays, which a call may change; other values as they are."""
    if isinstance(value, dict):
        return {name: own(entry) for name, entry in value.items()}
    return copy.deepcopy(value) if isinstance(value, np.ndarray | np.random.Generator) else value


def said(call, name, bad):
    """What is said to a bad value, and whether it is in the house's words.

    If something else happens, that is told instead.
    """
    function, values = valid(call)
    try:
        called(function, values | {name: bad})
    except (TypeError, ValueError) as error:
        words = str(error)
        layer = r"(layer \d+ of \d+: )?"  # of a grid
        head = rf"{layer}({name}|{CALLED_OTHERWISE.get(name, name)}|[\w, ]*\b{name})\b[^:\n]*"
        right = re.fullmatch(rf"{head}: expected [^\n]*\bgot\b[^\n]*", words)
        return words, right is not None
    except Exception as error:
        return f"{type(error).__name__}: {error}", False
    return "taken", False


def refusals():
    """``(call, argument, label of the bad value, what is said, whether in the house's words)``"""
    for call, (_, arguments) in TABLE.items():
        for name, (kind, value) in arguments.items():
            for label, bad in kind.spoilt(value).items():
                yield call, name, label, *said(call, name, bad)


PAIRS = [(call, name) for call, (_, arguments) in TABLE.items() for name in arguments]


@pytest.mark.parametrize(("call", "name"), PAIRS)
def test_what_cannot_be_used_is_named(call, name):
    _, arguments = TABLE[call]
    kind, value = arguments[name]
    wrong = []
    for label, bad in kind.spoilt(value).items():
        words, right = said(call, name, bad)
        if not right:
            wrong.append(f"{label}: {words}")
    assert not wrong, "\n".join(wrong)


def test_the_table_is_complete():
    public = {}
    for name, thing in (PUBLIC | ELSEWHERE).items():
        if name.startswith("gradtrace."):
            short = name.removeprefix("gradtrace.").replace("notebook.figures.", "figures.")
            public[short] = thing
    # activations are called in inner loops, and check nothing
    made = {name for name, thing in public.items() if isinstance(thing, Activation)}
    missing = public.keys() - made - RETURNED - TABLE.keys()
    assert not missing, f"add a valid call to TABLE in tests/calls.py: {missing}"
    for call, (function, arguments) in TABLE.items():
        parameters = inspect.signature(function).parameters
        open_ended = {name for name, p in parameters.items() if p.kind is p.VAR_KEYWORD}
        assert parameters.keys() - open_ended <= arguments.keys(), call
        assert not open_ended or arguments.keys() - parameters.keys(), call


@pytest.mark.parametrize("call", TABLE)
def test_the_valid_call_is_valid(call):
    called(*valid(call))


if __name__ == "__main__":
    print("| call | argument | bad value | what is said |\n| --- | --- | --- | --- |")
    for call, name, label, words, right in refusals():
        words = words.replace("|", r"\|").replace("\n", " ⏎ ")
        print(f"| `{call}` | `{name}` | {label} | {'' if right else '✗ '}{words} |")
