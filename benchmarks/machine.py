"""What the figures depend on: CPU, cores and versions."""

import importlib.metadata
import os
import platform
from pathlib import Path

import numpy as np


def about():
    """A dict of strings."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    facts = {"CPU": cpu, "cores": str(os.cpu_count()), "Python": platform.python_version()}
    for package in ("numpy", "torch", "jax"):
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            facts[package] = "missing"
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return facts | {"BLAS": f"{blas['name']} {blas['version']}", "BLAS threads": "1", "dtype": "float64"}
