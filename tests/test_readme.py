"""What the README shows works as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_python_blocks_run(block, capsys):
    exec(BLOCKS[block], {"np": np})
    if "print(" in BLOCKS[block]:
        assert capsys.readouterr().out == "(101, 41)\n"


def test_commands_and_files_it_names_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.M)
    assert {name for name in re.findall(r"`?make (\w+)", README)} <= {*targets, "it", "with"}
    assert all((ROOT / path).exists() for path in re.findall(r"!\[.*?\]\((.*?)\)", README))
