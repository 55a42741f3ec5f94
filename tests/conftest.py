"""Fixtures that every test may use."""

import importlib
import os

import pytest


@pytest.fixture(scope="session")
def oracle():
    """Import an optional library to compare with; without it the test is skipped, but in CI it
    fails.
    """

    def load(name):
        if os.environ.get("CI"):
            return importlib.import_module(name)
        return pytest.importorskip(name, reason=f"{name} is not installed: make test PEERS=peers")

    return load
