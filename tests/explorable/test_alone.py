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


@pytest.mark.parametrize("missing", ["matplotlib", "ipywidgets", "anywidget", "tqdm"])
def test_without_what_it_needs_it_says_in_one_sentence_what_to_install(missing):
    code = f"""if True:
        import importlib.util
        find = importlib.util.find_spec

        def find_all_but_one(name, *more):
            return None if name == {missing!r} else find(name, *more)

        importlib.util.find_spec = find_all_but_one
        try:
            import explorable
        except ModuleNotFoundError as error:
            print(error)
        """
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said == f"explorable draws with what is not installed here: pip install {missing}\n"
