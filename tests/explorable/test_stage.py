"""One figure put back to its first state serves as well as a new figure for every state."""

import numpy as np
import pytest
from live_views import VIEWS

from explorable import codec, harvest
from explorable.grid import Grid

GRID = Grid({"k": range(7)})


def untidy(ax, k):
    """Leaves behind whatever it can, and something else in every state."""
    ax.plot([0, 1], [0, k])
    ax.plot([0, 1], [k, 0])
    ax.set(xlim=(0, 1), ylim=(0, 6), xlabel="x" if k % 2 else "", ylabel="y" * k)
    if k in (1, 2, 4):
        ax.set_title(f"state {k}", color=f"C{k}", fontsize=8 + k, fontweight="bold")
        ax.spines["top"].set(visible=False)
        ax.spines["left"].set(color="C1", linewidth=k)
        ax.yaxis.label.set(color="C2", rotation=k)
        ax.set_prop_cycle(color=["purple", "teal"])
    if k in (3, 4):
        ax.set_title(f"left {k}", loc="left", fontfamily="serif")
        ax.set_autoscale_on(False)
        ax.dataLim.update_from_data_xy([[50, 50]])
    ax.text(0.5, 3, f"$k = {k}$")


def log_scale(ax, k):
    """Sets a scale of its own each time."""
    ax.plot([1, 10], [1, 10.0**k])
    ax.set(yscale="log", xlim=(1, 10), ylim=(1e-1, 1e7))


def sometimes_log(ax, k):
    """Sets a scale of its own now and then."""
    ax.plot([1, 10], [1, 10 + k])
    if k % 3 == 1:
        ax.set(yscale="log")


def packed(view, stage, **how):
    """What ``view`` is packed to, and whether a stage was used.

    Without a stage every state has a new figure.
    """
    used = []

    class Watched(harvest.Harvest):
        def run(self, given):
            used.append(given is not None and stage)
            super().run(given if stage else None)

    result = Watched(view, GRID, panels=VIEWS.get(view.__name__, (0, (1, 1)))[1], **how)
    return codec.pack(result.slots), used


SINGLE = [view for view, panels in VIEWS.values() if panels == (1, 1)]


@pytest.mark.parametrize("view", [*SINGLE, untidy, log_scale], ids=lambda v: v.__name__)
def test_a_stage_gives_the_bytes_that_new_figures_give(view):
    (staged, used), (fresh, _) = packed(view, True), packed(view, False)
    assert all(used), "the stage was given up"
    assert staged == fresh


def test_a_scale_that_moves_is_put_back():
    staged, used = packed(sometimes_log, True, limits="moving")
    assert all(used), "the stage was given up"
    assert staged == packed(sometimes_log, False, limits="moving")[0]


def test_a_view_that_the_stage_cannot_put_back_gets_new_figures():
    """It keeps a count on a transform, which no reset reaches; the check finds the difference."""

    def haunted(ax, k):
        ax.transData.haunted = getattr(ax.transData, "haunted", 0) + 1
        ax.plot([0, 1], [0, ax.transData.haunted])
        ax.set(xlim=(0, 1), ylim=(0, 9))

    (staged, used), (fresh, _) = packed(haunted, True), packed(haunted, False)
    assert used == [True, False]
    assert staged == fresh


def test_random_numbers_without_a_seed_are_still_refused():
    rng = np.random.default_rng(0)

    def noisy(ax, k):
        ax.plot(rng.random(5))
        ax.set(xlim=(0, 4), ylim=(0, 1))

    with pytest.raises(ValueError, match=r"drawn again at k="):
        harvest.Harvest(noisy, GRID)
