"""Every public name says what it is: shapes, source, the notebook that teaches it, and an example that runs."""

import doctest
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import gradtrace
from gradtrace import Activation

ROOMS = (gradtrace.augment, gradtrace.dynamics, gradtrace.figures, gradtrace.maps, gradtrace.surfaces, gradtrace.tasks,
         gradtrace.text, gradtrace.theory)
PUBLIC = {name: getattr(gradtrace, name) for name in gradtrace.__all__}
SPOKEN = {name: thing for name, thing in PUBLIC.items() if not isinstance(thing, Activation)}      # a table in the book
SPOKEN |= {f"init.{name}": getattr(gradtrace.init, name) for name in gradtrace.init.__all__}
SPOKEN |= {f"{room.__name__.rpartition('.')[2]}.{name}": thing for room in ROOMS
           for name, thing in vars(room).items() if not name.startswith("_")
           and (inspect.isfunction(thing) or (inspect.isclass(thing) and not issubclass(thing, tuple)))
           and thing.__module__ == room.__name__}
NAMES = {"np": np, "init": gradtrace.init, "figures": gradtrace.figures, **PUBLIC}
PAGES = "\n".join(path.read_text() for path in (Path(__file__).parents[1] / "book" / "api").glob("*.md"))


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_examples_run(name, capsys):
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    home = vars(sys.modules[SPOKEN[name].__module__]) if "." in name else {}        # of a room: names without its own
    for case in finder.find(SPOKEN[name], name, globs={**home, **NAMES}):
        runner.run(case)
    assert runner.summarize().attempted, f"{name} has no example"
    assert not runner.summarize().failed, capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_docstrings_are_complete(name):
    thing, doc = SPOKEN[name], inspect.getdoc(SPOKEN[name])
    assert "Taught in: " in doc or name.partition(".")[0] in ("init", "figures"), "which notebook teaches it?"
    if inspect.isfunction(thing):
        known = {"rng", "shape"} if name.startswith("init.") else set()         # the same for all initialisers
        missing = [p for p in inspect.signature(thing).parameters.keys() - known if not re.search(rf"\b{p}\b", doc)]
        assert not missing, f"not spoken of: {missing}"


@pytest.mark.parametrize("name", sorted(PUBLIC) + sorted(set(SPOKEN) - set(PUBLIC)))
def test_the_book_has_every_name_once(name):
    assert len(re.findall(rf"(?m)^(?:\.\. auto\w+:: gradtrace\.{re.escape(name)}$|\| `{name}` \|)", PAGES)) == 1
