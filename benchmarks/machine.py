"""What the figures depend on: the day, the CPU and versions."""

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

import numpy as np


def about():
    """A dict of strings."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "torch")}
    return {
        "date": datetime.date.today().isoformat(),
        "CPU": cpu(),
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        **versions,
        "BLAS": f"{blas['name']} {blas['version']}",
        "threads": "1",
        "numbers": "float64",
    }


def cpu():
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
