"""Lines and points can be seen on white and on dark pages."""

import pytest
from contrast import contrast

from explorable import palette

PAPERS = {"white": "#ffffff", "JupyterLab, dark": "#111111", "the book, dark": "#14181e"}


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("colour", [*palette.COLOURS, palette.GREY])
def test_every_colour_has_three_to_one(colour, paper):
    assert contrast(colour, PAPERS[paper]) >= 3
