"""Libraries that only some of the tests need."""

import importlib
import os

import pytest


def optional(name):
    """An optional library, such as PyTorch.

    Where it is missing, the test or the file is skipped; in CI it fails.
    """
    if os.environ.get("CI"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed: make test PEERS=peers")
