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


@pytest.fixture(scope="module")
def torch(oracle):
    """PyTorch, on one thread."""
    torch = oracle("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for tensors this small more of them only wait
    yield torch
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def libraries(oracle):
    """Libraries that import torchvision can be imported, also beside a PyTorch without CUDA."""
    oracle("torch")
    from benchmarks.library_models import importable_torchvision

    return importable_torchvision()


@pytest.fixture(scope="module")
def trace(torch):
    import gradtrace.torch

    return gradtrace.torch.trace


@pytest.fixture(scope="module")
def grid(torch):
    import gradtrace.torch

    return gradtrace.torch.grid
