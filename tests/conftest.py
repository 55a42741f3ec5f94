"""Fixtures that every test may use."""

import importlib
import os

import pytest


@pytest.fixture(scope="session")
def oracle():
    """A function that imports an optional library to compare with, such as PyTorch.

    Where the library is missing, the test is skipped; in CI it fails.
    """

    def load(name):
        if os.environ.get("CI"):
            return importlib.import_module(name)
        return pytest.importorskip(name, reason=f"{name} is not installed: make test PEERS=peers")

    return load
