"""All cases of a half."""

import importlib
import pkgutil

from .case import cases_in

HALVES = ("tuned", "aside")


def cases(half):
    """The cases of ``"tuned"`` or ``"aside"``, by name."""
    package = importlib.import_module(f"{__package__}.{half}")
    found = []
    for entry in pkgutil.iter_modules(package.__path__):
        found += cases_in(importlib.import_module(f"{package.__name__}.{entry.name}"))
    return {case.name: case for case in sorted(found, key=lambda case: case.name)}
