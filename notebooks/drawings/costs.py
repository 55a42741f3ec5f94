"""What memory costs: room against the length of a path, and steps forward against room."""

import numpy as np


def rooms(ax, lengths, least, *, colours):
    """Show the least room, in states, for paths of several lengths, a line for each number of walks allowed.

    Parameters
    ----------
    ax : matplotlib Axes
    lengths : ndarray of shape (k,)
    least : dict of int to sequence of k int
        Steps forward allowed, as a multiple of the length: the least room for each length.
    colours : sequence of colour
        At least one for each line; every line carries its number, too.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import costs
    >>> ax = Figure().subplots()
    >>> costs.rooms(ax, np.array([100, 10_000]), {1: [101, 10_001], 2: [18, 198]}, colours=["blue", "red"])
    >>> ax.texts[1].get_text()
    '2T'
    """
    x = np.log10(lengths)
    for (times, states), colour in zip(least.items(), colours, strict=False):
        ax.plot(x, np.log10(states), "o-", color=colour)
        ax.text(x[-1] + 0.06, np.log10(states[-1]), f"{times}T", color=colour, va="center")
    ax.set(xlabel="steps T, powers of ten", ylabel="least room, powers of ten", xlim=(x[0] - 0.1, x[-1] + 0.3),
           ylim=(0, x[-1] + 0.3))
    _tidy(ax)


def prices(ax, room, curves, marks, *, colours, state=65_536):
    """Show what memory costs: states held, in powers of ten, and walks forward over the whole path, up to eight.

    Parameters
    ----------
    ax : matplotlib Axes
    room : int
        States that there is room for.
    curves : ndarray of shape (3, points)
        States held; walks under the best schedules; walks if steps are recorded one at a time.
    marks : sequence of three (states, steps forward)
        Of √T, of the plan that keeps all, and of the one that is looked at.
    colours : sequence of four colours
        Of the two curves, of truncation, of the plan that is looked at.
    state : int
        Bytes of a state: 256 units, a batch of 32, float64.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import costs
    >>> ax, curves = Figure().subplots(), np.array([[3, 10, 101], [4, 2, 1], [4, 3, 2]])
    >>> costs.prices(ax, 10, curves, [(20, 190), (101, 100), (10, 200)], colours=["blue", "navy", "red", "orange"])
    >>> ax.get_title()
    '10 states, 0.655 MB, 200 steps forward'
    """
    (states, steps), (best, single, cut, mine), T = np.transpose(marks), colours, marks[1][1]
    ax.plot([np.log10(room)] * 2, [0, 8], color="grey", lw=0.8)
    ax.plot(np.log10(curves[0]), curves[2], "--", color=single, label="binomial, one step at a time")
    ax.plot(np.log10(curves[0]), curves[1], color=best, label="binomial, best block")
    ax.plot([0, np.log10(T)], [1, 1], ":", color=cut, label="truncated: another gradient")
    ax.plot(np.log10(states[:2]), steps[:2] / T, "s", color="grey", label="√T, full")
    ax.plot(np.log10(states[2:]), steps[2:] / T, "o", ms=10, mfc="none", mew=2.5, color=mine)
    ax.set(xlabel="states held, powers of ten", ylabel="steps forward / T", xlim=(0.8, 4.2), ylim=(0, 8),
           title=f"{states[2]} states, {states[2] * state / 1e6:.3g} MB, {steps[2]} steps forward")
    ax.legend(loc="upper right")
    _tidy(ax)


def _tidy(ax):
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
