"""Executed notebooks are kept only as long as all that they ran on is the same."""

import executed
import pytest


@pytest.fixture
def book(tmp_path, monkeypatch):
    monkeypatch.setattr(executed, "ROOT", tmp_path)
    for name in (
        "src/package/step.py",
        "src/package/page.js",
        "notebooks/drawings/gates.py",
        "notebooks/gates.ipynb",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "src/package/step.py",
        "src/package/page.js",
        "notebooks/drawings/gates.py",
        "notebooks/evidence/new.json",
        "notebooks/exercises/gates.py",
        "notebooks/digit_net.py",
    ],
)
def test_another_source_is_another_folder_and_the_old_one_goes(book, name):
    before = executed.folder()
    (before / "kept").touch()
    assert executed.folder() == before
    assert (before / "kept").exists()
    (book / name).parent.mkdir(exist_ok=True)
    (book / name).write_text("changed")
    assert executed.folder() != before
    assert not before.exists()


def test_compiled_files_and_the_notebooks_themselves_do_not_count(book):
    before = executed.fingerprint()
    (book / "src/package/__pycache__").mkdir()
    (book / "src/package/__pycache__/step.pyc").write_text("compiled")
    (book / "notebooks/gates.ipynb").write_text("its own text decides by itself")
    assert executed.fingerprint() == before


def test_another_version_of_a_library_is_another_folder(book, monkeypatch):
    before = executed.fingerprint()
    monkeypatch.setattr(executed, "distributions", list)
    assert executed.fingerprint() != before
