"""Live figures: `explore` gives any matplotlib function sliders that answer at once, with or without a kernel."""

from .widget import Explore, LiveFigure, Prediction, explore

__all__ = ["Explore", "LiveFigure", "Prediction", "explore"]
