"""Fixtures that every test may use."""

import pytest
from optional import optional


@pytest.fixture(scope="session")
def oracle():
    """A function that imports an optional library to compare with, or skips the test."""
    return optional


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
