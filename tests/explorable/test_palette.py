"""Lines and points can be seen on white and on dark pages."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from explorable import palette

PAPERS = {"white": "#ffffff", "JupyterLab, dark": "#111111", "the book, dark": "#14181e"}


def luminance(colour):
    """The relative luminance of a colour, as WCAG 2 defines it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("colour", [*palette.COLOURS, palette.GREY])
def test_every_colour_has_three_to_one(colour, paper):
    low, high = sorted([luminance(colour), luminance(PAPERS[paper])])
    assert (high + 0.05) / (low + 0.05) >= 3
