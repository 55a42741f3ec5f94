"""What takes minutes or hours, beside the code that computes it.

``long_range_tasks.json`` is the result that long-range-tasks.ipynb reads, and
``long_range_tasks.py`` its points and the function that computes one. In the
book's folder,

    make evidence NAME=long_range_tasks

computes what the stored result lacks; without make, in the folder notebooks,
``python -m evidence long_range_tasks``.
"""

import json
from pathlib import Path

HERE = Path(__file__).parent


def stored(name, folder=HERE):
    """The stored result ``name``: where it comes from, and its ``"runs"``."""
    path = folder / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: it lies in the book's repository, in "
            f"notebooks/evidence; copy it from there, or make it by "
            f"`make evidence NAME={name}`"
        )
    return json.loads(path.read_text(encoding="utf-8"))
