"""`make mutants` on a toy package: it finds what the tests do not notice, and nothing else."""

import subprocess
import sys

import mutants
import pytest

SOURCE = '''
def larger(a, b):
    """The larger one; never ``a - b``."""
    if a is b:
        raise TypeError(f"expected two numbers, got {a + b}")
    return max(a, b)


def until(n):
    while n < 10:
        n += 1
    return n


def unseen(n):
    return n + 1
'''
TESTS = """
from toy.room.numbers import larger, until

def test_larger():
    assert larger(1, 2) == larger(2, 1) == 2

def test_until():
    assert until(5) == 10 == until(10)
"""


@pytest.fixture
def toy(tmp_path):
    (tmp_path / "src/toy/room").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "src/toy/room/numbers.py").write_text(SOURCE)
    (tmp_path / "tests/test_numbers.py").write_text(TESTS)
    return tmp_path


def mutate(toy, *args):
    where = ["--root", toy, "--package", "toy", "--rooms", "room", "--timeout", "5"]
    command = [sys.executable, mutants.__file__, *where, *args]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_the_tests_notice_is_killed_and_what_they_cannot_is_shown(toy):
    out = mutate(toy, "--count", "100", "--verbose")
    killed, survived = (
        "".join(part for part in out.strip().split("\n\n") if part.startswith(word))
        for word in ("killed", "survived")
    )
    assert "+    return min(a, b)" in killed
    assert "test_numbers.py::test_larger" in killed
    assert "killed by time" in killed  # n += 1 becomes pass
    assert "+    while (n <= 10)" in killed
    assert "survived 0 tests: src/toy/room/numbers.py:16" in survived  # nothing calls unseen
    assert "+    if False" in survived  # no test gives larger the same number twice
    assert "room         12 of 18 killed" in out
    assert "expected" not in out
    assert (toy / "src/toy/room/numbers.py").read_text() == SOURCE


def test_a_room_may_be_a_module_and_tests_may_lie_elsewhere(toy):
    (toy / "tests/deeper").mkdir()
    (toy / "tests/test_numbers.py").rename(toy / "tests/deeper/test_numbers.py")
    where = ["--rooms", "room/numbers", "--count", "3", "--verbose"]
    assert "killed by" not in mutate(toy, *where)
    for place in ("tests/deeper", "tests/deeper/test_numbers.py"):
        assert "killed by" in mutate(toy, *where, "--tests", place)


def test_the_same_seed_makes_the_same_mutants(toy):
    def made(seed):
        return mutants.sample(toy / "src", "toy/room", 4, seed)

    assert made("1") == made("1") != made("2")
