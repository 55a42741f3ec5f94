"""What is too large is refused as soon as that is certain, and nothing that would have passed."""

import re

import numpy as np
import pytest

from explorable import codec, explore, weight
from explorable.grid import Grid
from explorable.harvest import Harvest

FIRST = np.random.default_rng(0).random((2, 3000))


def cloud(ax, seed, count=300):
    """Points that nothing makes smaller."""
    ax.plot(*np.random.default_rng(seed).random((2, count)), ".")
    ax.set(xlim=(0, 1), ylim=(0, 1))


def noise(ax, k):
    """Another cloud in every state."""
    cloud(ax, k)


def again(ax, k):
    """Ten clouds, again and again."""
    cloud(ax, k % 10)


def drifts(ax, k):
    """A cloud that hardly moves: few states take much, and many next to nothing more."""
    ax.plot(*FIRST + 0.001 * k)
    ax.set(xlim=(0, 1), ylim=(0, 1))


def sine(ax, k):
    """A smooth line."""
    x = np.linspace(0, 9, 300)
    ax.plot(x, np.sin(x * k / 9))
    ax.set(xlim=(0, 9), ylim=(-1, 1))


def image(ax, k):
    """Pixels of chance."""
    ax.imshow(np.random.default_rng(k).random((40, 40)), vmin=0, vmax=1)


def some(ax, k):
    """Lines that come and go."""
    for i in range(k % 9):
        ax.plot(FIRST[0, :40], FIRST[1, :40] * k / 60 + i / 20)
    ax.set(xlim=(0, 1), ylim=(0, 2))


VIEWS = [noise, again, drifts, sine, image, some]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_what_passes_is_not_too_large_on_the_way(view):
    grid = Grid({"k": range(40)})
    harvest = Harvest(view, grid)
    whole = len(codec.pack(harvest.slots)[0])
    for done in range(1, 41):
        assert codec.least(harvest.filled(range(done))[0]) <= whole, done
    assert Harvest(view, grid, most=whole).slots


def test_few_frames_may_still_become_small():
    """Seven frames are packed as they are; with an eighth, as what changes from one to the next."""
    grid = Grid({"k": range(40)})
    harvest = Harvest(drifts, grid)
    seven, eight = (harvest.filled(range(done))[0] for done in (7, 8))
    assert codec.least(seven) < 100 < codec.least(eight) < len(codec.pack(seven)[0])


def test_what_is_certainly_too_large_is_not_drawn_to_the_end():
    drawn = []

    def view(ax, k):
        drawn.append(k)
        noise(ax, k)

    whole = len(explore(noise, alt="x", k=range(40)).figure.data)
    with pytest.raises(weight.TooLarge) as refusal:
        explore(view, alt="x", k=range(4000), max_bytes=whole)
    assert len(drawn) < 70, "and not once more without a stage"
    said = (
        r"the figure takes 0\.\d+ MB compressed after [456]\d of its 4000 states, about 4\.\d MB in"
        r" all, expected at most 0\.\d+ MB; k: 4000 values: give k fewer than its 4000 values, or"
        r" split the figure, draw fewer points, or allow more by max_bytes=5e6"
    )
    assert re.fullmatch(said, str(refusal.value))


def test_what_is_too_large_at_the_end_is_refused_there():
    whole = len(explore(noise, alt="x", k=range(40)).figure.data)
    said = (
        r"the figure takes 0\.\d+ MB compressed, expected at most 0\.\d+ MB; k: 40 values: give k"
        r" fewer than its 40 values, or split the figure, draw fewer points, or allow more by"
        r" max_bytes=1e6"
    )
    with pytest.raises(ValueError, match=f"^{said}$"):
        explore(noise, alt="x", k=range(40), max_bytes=whole / 1.05)


def test_light_figures_are_not_weighed_on_the_way(monkeypatch):
    looks = []
    monkeypatch.setattr(weight, "least", lambda slots: looks.append(slots) or 0)
    explore(noise, alt="x", k=range(40))
    assert not looks


def test_what_deflates_well_is_weighed_a_few_times_only(monkeypatch):
    """To deflate takes its time: a quarter more has to be kept before the next look."""
    looks = []
    monkeypatch.setattr(weight, "least", lambda slots: looks.append(slots) or 1)
    Harvest(noise, Grid({"k": range(40)}), most=2000)
    assert len(looks) == 1, "at this rate nothing would ever be too large"
    looks.clear()
    monkeypatch.setattr(weight, "least", lambda slots: looks.append(slots) or 2000)
    Harvest(noise, Grid({"k": range(40)}), most=2000)
    assert 10 < len(looks) < 16, "twenty times as much is fourteen times a quarter more"
