"""What a notebook needs: the source that runs, a checker of answers, and pieces of figures."""

from explorable import palette  # first: where packages are missing, it says which

from . import beside, figures
from .exercises import check
from .source import show

__all__ = ["beside", "check", "figures", "palette", "show"]
