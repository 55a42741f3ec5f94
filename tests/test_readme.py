"""What the README shows works as it stands."""

import re
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
from optional import optional
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_python_blocks_run(block, capsys):
    if "import torch" in BLOCKS[block]:
        optional("torch").manual_seed(0)
    exec(BLOCKS[block], {"np": np})
    out = capsys.readouterr().out
    if "log.log_h.shape" in BLOCKS[block]:
        assert out == "(101, 41)\n"
    if "gt.report" in BLOCKS[block]:  # labels at random cannot be learnt, and nothing else is wrong
        assert out.startswith("Sequential, 259 parameters") and "No findings" in out
        assert len(out.splitlines()[-1].split()) >= 3, "a norm for each watched update"


def test_commands_and_files_it_names_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.M)
    assert {name for name in re.findall(r"`?make (\w+)", README)} <= {*targets, "it", "with"}
    assert all((ROOT / path).exists() for path in re.findall(r"!\[.*?\]\((.*?)\)", README))


def test_whatever_is_installed_takes_the_oldest_python_that_the_readme_names():
    """A release in ``constraints.txt`` that asks for 3.11.5 would end `make` on a Debian."""
    assert "Python 3.11 or newer" in README
    too_new = []
    for package in distributions():
        wanted = package.metadata.get("Requires-Python")
        if wanted and not SpecifierSet(wanted).contains("3.11.0"):
            too_new.append(f"{package.metadata['Name']} {package.version}: {wanted}")
    assert not too_new
