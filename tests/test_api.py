"""Every public name says what it is, with an example that runs, and has its place in the book."""

import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import explorable
import gradtrace
from gradtrace import Activation
from gradtrace.steps.activations import NAMED


def is_ours(thing, module):
    """Whether a module of a room defines this function or class.

    Tuples of results do not count: their function describes them.
    """
    kind = inspect.isfunction(thing) or (inspect.isclass(thing) and not issubclass(thing, tuple))
    return kind and thing.__module__ == module.__name__


ROOMS = {
    "augment": gradtrace.augment,
    "dynamics": gradtrace.dynamics,
    "maps": gradtrace.maps,
    "meanfield": gradtrace.meanfield,
    "notebook.diagnosis": gradtrace.notebook.diagnosis,
    "notebook.exercises": gradtrace.notebook.exercises,
    "notebook.figures": gradtrace.notebook.figures,
    "surfaces": gradtrace.surfaces,
    "tasks": gradtrace.tasks,
    "text": gradtrace.text,
}
PUBLIC = {f"gradtrace.{name}": getattr(gradtrace, name) for name in gradtrace.__all__}
ELSEWHERE = {
    f"gradtrace.init.{name}": getattr(gradtrace.init, name) for name in gradtrace.init.__all__
}
ELSEWHERE |= {
    f"gradtrace.notebook.{name}": getattr(gradtrace.notebook, name) for name in ("show", "check")
}
ELSEWHERE |= {
    f"explorable.{name}": getattr(explorable, name)
    for name in ("explore", "Prediction", "Register")
}
ELSEWHERE |= {
    f"gradtrace.{room}.{name}": thing
    for room, module in ROOMS.items()
    for name, thing in vars(module).items()
    if name in getattr(module, "__all__", [name])
    and not name.startswith("_")
    and thing not in PUBLIC.values()
    and is_ours(thing, module)
}
# a table
SPOKEN = ELSEWHERE | {
    name: thing for name, thing in PUBLIC.items() if not isinstance(thing, Activation)
}
NAMES = {
    "np": np,
    "init": gradtrace.init,
    "figures": gradtrace.notebook.figures,
    **{name.rpartition(".")[2]: thing for name, thing in PUBLIC.items()},
}
PAGES = "\n".join(
    path.read_text() for path in (Path(__file__).parents[1] / "book" / "api").glob("*.md")
)


def test_every_activation_that_steps_know_by_name_is_public():
    assert NAMED.keys() <= {name.removeprefix("gradtrace.") for name in PUBLIC}


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_examples_run(name, capsys):
    finder = doctest.DocTestFinder(recurse=False)
    runner = doctest.DocTestRunner()
    # names without a room
    home = vars(sys.modules[SPOKEN[name].__module__]) if name in ELSEWHERE else {}
    for case in finder.find(SPOKEN[name], name, globs={**home, **NAMES}):
        runner.run(case)
    assert runner.summarize().attempted, f"{name} has no example"
    assert not runner.summarize().failed, capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_docstrings_are_complete(name):
    thing = SPOKEN[name]
    doc = inspect.getdoc(SPOKEN[name])
    if inspect.isfunction(thing):
        # the same for all initialisers
        known = {"rng", "shape"} if name.startswith("gradtrace.init.") else set()
        missing = [
            p
            for p in inspect.signature(thing).parameters.keys() - known
            if not re.search(rf"\b{p}\b", doc)
        ]
        assert not missing, f"not spoken of: {missing}"


@pytest.mark.parametrize("name", sorted(PUBLIC | ELSEWHERE))
def test_the_book_has_every_name_once(name):
    line = rf"(?m)^(?:\.\. auto\w+:: {re.escape(name)}$|\| `{name.removeprefix('gradtrace.')}` \|)"
    assert len(re.findall(line, PAGES)) == 1, (
        f"book/api/ should hold `.. autofunction:: {name}` or a row of a table"
    )


def test_the_bridge_to_pytorch_has_examples_that_run_and_its_place_in_the_book(oracle, capsys):
    oracle("torch")
    bridge = importlib.import_module("gradtrace.torch")
    callbacks = importlib.import_module("gradtrace.torch.callbacks")
    things = {name: getattr(bridge, name) for name in bridge.__all__}
    things |= {f"callbacks.{name}": getattr(callbacks, name) for name in callbacks.__all__}
    for name, thing in things.items():
        runner = doctest.DocTestRunner()
        home = vars(sys.modules[thing.__module__])
        cases = doctest.DocTestFinder(recurse=False).find(thing, name, globs=dict(home))
        assert any(case.examples for case in cases), f"{name} has no example"
        for case in cases:  # what needs another library is skipped
            runner.run(case)
        assert not runner.summarize().failed, capsys.readouterr().out
        line = rf"(?m)^\.\. auto\w+:: gradtrace\.torch\.{name}$"
        assert len(re.findall(line, PAGES)) == 1, f"book/api/ should hold {name}"
        if inspect.isfunction(thing):
            doc = inspect.getdoc(thing)
            assert all(re.search(rf"\b{p}\b", doc) for p in inspect.signature(thing).parameters)


def test_the_bridge_can_be_read_where_pytorch_is_a_stand_in(oracle):
    """So the book's pages are built, where PyTorch need not be installed."""
    oracle("sphinx")
    code = """
from sphinx.ext.autodoc.mock import mock
with mock(["torch"]):
    import gradtrace.torch
    print(*gradtrace.torch.__all__)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "report" in ran.stdout and "watch" in ran.stdout
