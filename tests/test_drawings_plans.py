"""The clock of a schedule agrees with the account of the run, and the picture with the clock."""

import doctest

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace import RNN, Binomial, Full, SqrtT, Truncated, bptt, draw, schedule, unroll
from gradtrace.drawings import plans

PLANS = [Full(), SqrtT(), Truncated(5, 5), Truncated(2, 7), Truncated(9, 3), Binomial(slots=1), Binomial(slots=3),
         Binomial(slots=9), Binomial(slots=4, block=3)]
COLOURS = ["black", "red", "blue", "grey"]


@pytest.mark.parametrize("plan", PLANS, ids=str)
@pytest.mark.parametrize("T", [1, 2, 7, 25])
def test_peak_and_steps_forward_are_those_of_the_account(plan, T):
    line, cell = plans.timeline(schedule(plan, T)), RNN(1, 2)
    path = unroll(cell, draw(cell, np.random.default_rng(0)), np.ones((T, 1, 1)))
    account = bptt(path, np.zeros((1, 2)), np.ones((1, 2)), plan).account
    assert (line.held.max(), line.forward) == (account.states, account.evaluations)


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_as_many_dots_as_states_held(plan):
    line = plans.timeline(schedule(plan, 25))
    for now, held in list(enumerate(line.held))[::7]:
        axes = Figure().subplots(1, 2)
        plans.picture(axes, line, now, 4, (25, 400), colours=COLOURS)
        assert len(axes[0].lines[-1].get_xdata()) == axes[1].lines[-1].get_xdata()[0] == held


def test_states_are_walked_one_after_the_other():
    line = plans.timeline(schedule(Binomial(slots=3), 25))
    walks = np.concatenate([*line.walks.values()])
    walks = walks[np.argsort(walks[:, 1])]
    assert np.array_equal(walks[1:, 1], walks[:-1, 3]) and walks[0, 1] == 0
    assert np.array_equal(np.abs(walks[:, 2] - walks[:, 0]), walks[:, 3] - walks[:, 1])
    assert sorted(set(line.kept["record"][:, 0])) == list(range(1, 26))


def test_bad_input_is_named():
    line = plans.timeline(schedule(Full(), 5))
    with pytest.raises(ValueError, match=r"actions: .*jump"):
        plans.timeline([("jump", 0, 5)])
    with pytest.raises(ValueError, match=r"actions: .*none"):
        plans.timeline([])
    with pytest.raises(ValueError, match="span"):
        plans.picture(Figure().subplots(1, 2), line, 0, 4, (4, 30), colours=COLOURS)
    with pytest.raises(ValueError, match="now"):
        plans.picture(Figure().subplots(1, 2), line, 31, 4, (5, 30), colours=COLOURS)


def test_examples_run():
    result = doctest.testmod(plans)
    assert result.attempted > 5 and not result.failed


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 4), (3, 2), (4, 6), (6, 6), (20, 20)])
def test_as_many_pairs_are_veiled_as_truncation_loses(k1, k2):
    ax, cell = Figure().subplots(), RNN(1, 2)
    kept = plans.triangle(ax, np.zeros((14, 14)), k1, k2, colours=("red", "grey"))
    path = unroll(cell, draw(cell, np.random.default_rng(0)), np.ones((14, 1, 1)))
    run = bptt(path, np.zeros((1, 2)), [None] + 14 * [np.ones((1, 2))], Truncated(k1, k2))
    assert 14 * 15 / 2 - kept.sum() == run.account.lost and not np.tril(kept, -1).any()
    veil = ax.collections[0].get_paths()[0]
    assert all(veil.contains_point((s + 1, t + 1)) == (not kept[t, s]) for s in range(14) for t in range(s + 1))
