"""Live figures: `explore` gives any matplotlib function sliders that answer at once.

They work with a kernel and without one.
"""

try:
    import matplotlib  # noqa: F401
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "explorable needs what is not installed here: pip install matplotlib"
    ) from None

from .acts import Prediction, Register
from .figure import explore
from .live import Live
from .settings import rcParams

__all__ = ["Explore", "Live", "LiveFigure", "Prediction", "Register", "explore", "rcParams"]


def __getattr__(name):
    """The widgets, which need ipywidgets and anywidget."""
    if name in ("Explore", "LiveFigure"):
        from . import widget

        return getattr(widget, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
