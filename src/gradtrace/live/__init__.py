"""Live figures: `explore` gives any matplotlib function sliders that answer at once, with or without a kernel."""

from .acts import Prediction, Register
from .widget import Explore, LiveFigure, explore

__all__ = ["Explore", "LiveFigure", "Prediction", "Register", "explore"]
