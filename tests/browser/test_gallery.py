"""Every view of the gallery in three states: what the browser shows is Agg's own picture."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from live_page import show
from PIL import Image, ImageFilter

from explorable import explore, figure

from drawings.gallery import GALLERY

# The share of pixels that may be unlike: a missing word is more. Where the pixels of an image meet,
# Agg and the browser round differently.
UNLIKE, UNLIKE_IMAGES = 0.006, 0.01
MOVED = 0.0005  # the share by which two states differ for certain

DRAWN = """() => {
    const boxes = [...document.querySelectorAll(".xp-picture svg")].map((svg) =>
        svg.getBoundingClientRect());
    const [first, last] = [boxes[0], boxes.at(-1)];
    return { x: first.x, y: first.y, width: last.right - first.x, height: first.height };
}"""


def pixels(png, size=None):
    """A picture as greys, if need be in another size, and blurred: Agg snaps lines to pixels."""
    image = Image.open(BytesIO(png)).convert("L")
    if size is not None:
        image = image.resize(size, Image.Resampling.BOX)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(2))).astype(float)


def unlike(a, b):
    """The share of the pixels of two pictures that are not alike."""
    return (np.abs(a - b) > 40).mean()


@pytest.fixture
def harvests(monkeypatch):
    """The harvests of the figures that are made meanwhile."""
    made = []

    class Watched(figure.Harvest):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(figure, "Harvest", Watched)
    return made


@pytest.mark.parametrize("name", GALLERY)
def test_a_view_looks_as_agg_draws_it(page, harvests, name):
    view, values, how = GALLERY[name]
    live = explore(view, alt=name, **how, **values)
    (harvest,) = harvests
    show(page, live, own_controls=False)
    page.evaluate("document.querySelector('.xp-figure').style.setProperty('--xp-grow', 1)")
    page.evaluate("document.querySelector('.xp-side').remove()")
    frames = [frame for slot in harvest.slots for frame in slot.frames]
    images = any(shape[0] == "i" for frame in frames for shape in frame.shapes)
    size = len(harvest.states)
    seen = []
    for number in sorted({0, size // 2, size - 1}):
        at = np.unravel_index(number, harvest.grid.shape)
        for parameter, index in zip(harvest.grid.values, at, strict=True):
            page.evaluate("([name, to]) => model.set(name, to)", [f"at_{parameter}", int(index)])
        page.wait_for_timeout(150)
        ours = pixels(page.screenshot(clip=page.evaluate(DRAWN), full_page=True))
        theirs = pixels(harvest.picture(number, False), ours.shape[1::-1])
        assert unlike(ours, theirs) < (UNLIKE_IMAGES if images else UNLIKE), harvest.said(number)
        seen.append((ours, theirs))
    for (ours, theirs), (ours_next, theirs_next) in pairwise(seen):
        if unlike(theirs, theirs_next) > MOVED:
            assert unlike(ours, ours_next) > 0, "the picture stands still"
    assert not page.failures
