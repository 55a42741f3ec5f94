"""Live figures: `explore` gives any matplotlib function sliders that answer at once.

They work with a kernel and without one.
"""

from importlib.util import find_spec

_needed = ("matplotlib", "ipywidgets", "anywidget", "tqdm")
_missing = [name for name in _needed if find_spec(name) is None]
if _missing:
    raise ModuleNotFoundError(
        f"explorable draws with what is not installed here: pip install {' '.join(_missing)}"
    )

from .acts import Prediction, Register  # noqa: E402
from .widget import Explore, LiveFigure, explore  # noqa: E402

__all__ = ["Explore", "LiveFigure", "Prediction", "Register", "explore"]
