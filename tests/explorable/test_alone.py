"""explorable stands alone: it imports nothing of gradtrace, and says what has to be installed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import explorable

MODULES = sorted(Path(explorable.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_names_gradtrace(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not any(name.split(".")[0] == "gradtrace" for name in names)


HIDE = """if True:
    import sys
    class Hidden:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in {missing}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    sys.meta_path.insert(0, Hidden())
    {code}
    """


def without(missing, code):
    """What a Python says in which some packages are not installed."""
    run = [sys.executable, "-c", HIDE.format(missing=set(missing), code=code)]
    return subprocess.run(run, capture_output=True, text=True)


def test_without_matplotlib_it_says_in_one_sentence_what_to_install():
    said = without(["matplotlib"], "import explorable").stderr.splitlines()[-1]
    assert said.endswith("explorable needs what is not installed here: pip install matplotlib")


@pytest.mark.parametrize("missing", ["ipywidgets", "anywidget", "tqdm", "traitlets"])
def test_a_file_is_written_with_matplotlib_alone(missing, tmp_path):
    code = f"""
    from explorable import explore
    live = explore(lambda ax, k: (ax.plot([0, k]), ax.set(xlim=(0, 1), ylim=(0, 3)))[1],
                   alt="a line", k=[1, 2])
    live.save({str(tmp_path / "figure.html")!r})
    print(live)"""
    gone = [missing] if missing == "tqdm" else ["ipywidgets", "anywidget", "tqdm", "traitlets"]
    run = without(gone, code)
    assert "Live(k: 2 values)" in run.stdout or "Explore(k: 2 values)" in run.stdout, run.stderr
    text = (tmp_path / "figure.html").read_text("utf-8")
    assert "a line" in text and "https://" not in text
