"""The shape of the package: imports run one way, and importing it is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gradtrace

ROOT = Path(gradtrace.__file__).parent
ORDER = ["expect", "progress", "streams", "steps", "sweeps", "tracing", "training", "data", "theory", "check",
         "notebook", "torch"]
STEPS = ["arrays", "activations", "contract", "init", "dense", "dropout", "combinators", "norms", "conv", "recurrent"]
ALONE = {"data": {"expect"}, "theory": {"expect"}}          # they import nothing else of the rest
MODULES = sorted(ROOT.rglob("*.py"))


def imports(path):
    """Dotted names, inside the package, that a module imports."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[:len(package) - node.level + 1]
            stems = (node.module or "").split(".") if node.module else [alias.name for alias in node.names]
            yield (*base, *stems) if node.module else (*base, stems[0])
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for name in names:
                assert name.split(".")[0] != "gradtrace", f"{path}: import the package's own modules relatively"


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent != ROOT or p.stem != "__init__"],
                         ids=lambda p: str(p.relative_to(ROOT)))
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
    graph = {p.relative_to(ROOT).with_suffix("").parts: set(imports(p)) for p in MODULES if p.parent != ROOT}
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
    code = ("import sys, gradtrace; gradtrace.forward, gradtrace.RNN; "
            "print([m for m in ('matplotlib', 'ipywidgets', 'torch', 'scipy', 'IPython') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_doctest_of_the_package_runs():
    import doctest

    result = doctest.testmod(gradtrace)
    assert result.attempted and not result.failed
