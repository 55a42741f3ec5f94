"""For `pytest --nbval notebooks`.

Without PyTorch, the chapters on PyTorch models are left out.
"""

import os
from importlib.util import find_spec

collect_ignore = (
    []
    if find_spec("torch") or os.environ.get("CI")
    else ["pytorch-defaults.ipynb", "your-own-network.ipynb"]
)


def pytest_report_header(config):
    if collect_ignore:
        names = ", ".join(collect_ignore)
        return f"left out, as PyTorch is not installed: {names}"
