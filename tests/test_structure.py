"""The shape of the package: imports run one way, and it needs numpy alone."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gradtrace

ROOT = Path(gradtrace.__file__).parent
ORDER = [
    "expect",
    "progress",
    "streams",
    "steps",
    "sweeps",
    "tracing",
    "training",
    "data",
    "theory",
    "check",
    "notebook",
    "torch",
]
STEPS = [
    "arrays",
    "activations",
    "checks",
    "contract",
    "init",
    "dense",
    "dropout",
    "combinators",
    "norms",
    "conv",
    "recurrent",
]
ALONE = {"data": {"expect"}, "theory": {"expect"}}  # they import nothing else of the rest
MODULES = sorted(ROOT.rglob("*.py"))


def imports(path):
    """Dotted names, inside the package, that a module imports."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            stems = node.module.split(".") if node.module else [node.names[0].name]
            yield (*base, *stems)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                assert name.split(".")[0] != "gradtrace", (
                    f"{path}: import the package's own modules relatively"
                )


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if p.parent != ROOT or p.stem != "__init__"],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_imports_run_one_way(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    room = parts[0]
    for target in imports(path):
        if target[0] == room:
            if room == "steps" and path.stem != "__init__":
                assert STEPS.index(target[1]) < STEPS.index(path.stem), f"{path} imports {target}"
            continue
        if room in ALONE:
            assert target[0] in ALONE[room], f"{room} stands apart, yet {path} imports {target}"
            continue
        assert ORDER.index(target[0]) < ORDER.index(room), f"{path} imports {target}"


def test_there_are_no_circles():
    graph = {
        p.relative_to(ROOT).with_suffix("").parts: set(imports(p))
        for p in MODULES
        if p.parent != ROOT
    }
    done, path = set(), []

    def visit(node):
        assert node not in path, f"circle: {[*path, node]}"
        if node in done or node not in graph:
            return
        path.append(node)
        for target in graph[node]:
            visit(target)
        path.pop()
        done.add(node)

    for node in graph:
        visit(node)


def test_every_promised_name_exists_and_has_a_docstring():
    assert all(getattr(gradtrace, name).__doc__ for name in gradtrace.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        gradtrace.nonsense  # noqa: B018


def test_importing_the_core_imports_no_plotting_widgets_or_torch():
    code = "import sys, gradtrace; gradtrace.forward, gradtrace.RNN; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = run.stdout.split()
    assert "gradtrace.tracing.path" in imported
    for heavy in ("matplotlib", "ipywidgets", "torch", "scipy", "IPython"):
        assert heavy not in imported


ONLY_NUMPY = """
import sys

class Bare:
    '''A finder that sees the standard library, numpy and this repository.'''

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        seen = {*sys.stdlib_module_names, "numpy", "gradtrace", "explorable"}
        return self.finder.find_spec(name, path, target) if name.partition(".")[0] in seen else None

sys.meta_path[:] = map(Bare, sys.meta_path)
import numpy as np
"""
USED = """
import doctest
import gradtrace
from gradtrace import GradientDescent, sweep, train

for name in set(dir(gradtrace)) - {"notebook", "torch"}:
    getattr(gradtrace, name)
assert not doctest.testmod(gradtrace).failed
slope = lambda p, rows, rng: (p["w"][0] ** 2 / 2, p)
rng = np.random.default_rng(0)
run = train({"w": np.ones(1)}, slope, GradientDescent(0.5), rng, n=1, size=1, epochs=3)
assert run.p["w"] == 0.125
assert sweep(lambda gain: 2 * gain, gain=[1, 2]).results == [2, 4]
"""
NEEDS_MORE = {
    "import gradtrace; gradtrace.digits(np.random.default_rng(0))": (
        "ImportError: digits: .*: pip install scikit-learn"
    ),
    "import gradtrace.torch": (
        "ModuleNotFoundError: gradtrace.torch needs PyTorch: pip install torch.*"
    ),
    "import gradtrace; gradtrace.notebook": "ModuleNotFoundError: .*pip install matplotlib.*",
    "import explorable": "ModuleNotFoundError: explorable .*pip install .*",
}


def bare(code):
    """What Python says to ``code`` where nothing but numpy is installed."""
    return subprocess.run([sys.executable, "-c", ONLY_NUMPY + code], capture_output=True, text=True)


def test_with_numpy_alone_every_public_name_is_there_and_training_and_sweeps_run():
    assert bare(USED).stderr == ""


@pytest.mark.parametrize("code", NEEDS_MORE)
def test_what_needs_more_than_numpy_says_in_one_sentence_what(code):
    assert re.fullmatch(NEEDS_MORE[code], bare(code).stderr.splitlines()[-1])


def test_the_doctest_of_the_package_runs():
    import doctest

    result = doctest.testmod(gradtrace)
    assert result.attempted
    assert not result.failed
