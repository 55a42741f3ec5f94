"""Plans of backpropagation as pictures: which states are held while a walk goes forward, back and forward again."""

from typing import NamedTuple

import numpy as np


class Timeline(NamedTuple):
    """A schedule on a clock that ticks once for every step walked, forward or back.

    Attributes
    ----------
    walks : dict of str to ndarray of shape (walks, 4)
        For ``advance``, ``record`` and ``backward``: state and time at the start of each walk, and at its end.
    kept : dict of str to ndarray of shape (states, 3)
        For ``store`` and ``record``: a state, the time from which it is held, and the time at which it is let go.
    held : ndarray of shape (time + 1,)
        How many states are held at each time, the one that walks among them.
    """

    walks: dict
    kept: dict
    held: np.ndarray

    @property
    def forward(self):
        """How many steps are walked forward."""
        return int(sum((walks[:, 2] - walks[:, 0]).sum() for kind, walks in self.walks.items() if kind != "backward"))


def timeline(actions):
    """Put the actions of a schedule on a clock.

    Parameters
    ----------
    actions : list of Action

    Returns
    -------
    Timeline

    Raises
    ------
    ValueError
        There are no actions, or one of an unknown kind.

    Examples
    --------
    >>> from gradtrace import Binomial, schedule
    >>> from gradtrace.drawings import plans
    >>> line = plans.timeline(schedule(Binomial(slots=3), 25))
    >>> int(line.held.max()), line.forward, len(line.held) - 1  # states, steps forward, and with the 25 steps back
    (4, 90, 115)
    """
    walks, kept, open_at, now = {"advance": [], "record": [], "backward": []}, {"store": [], "record": []}, {}, 0
    for kind, start, stop in actions:
        if kind in walks:
            here, there = (stop, start) if kind == "backward" else (start, stop)
            walks[kind].append((here, now, there, now + stop - start))
            if kind == "record":
                open_at[start, stop] = now
            now += stop - start
        elif kind == "store":
            open_at[stop, stop] = now
        elif kind == "free" and start == stop:
            kept["store"].append((stop, open_at.pop((stop, stop)), now))
        elif kind == "free":
            since = open_at.pop((start, stop))
            kept["record"] += [(t, since + t - start, now) for t in range(start + 1, stop + 1)]
        elif kind != "begin":
            raise ValueError(f"actions: expected the actions of a schedule, came {kind!r:.40}")
    if not now:
        raise ValueError("actions: expected some that walk, came none")
    held = np.zeros(now + 1, int)
    for _, since, until in kept["store"] + kept["record"]:
        held[since:until] += 1
    for _, since, _, until in walks["advance"]:
        held[since + 1:until] += 1                              # under way; at its end it is stored or recorded from
    held[:-1] = np.maximum(held[:-1], 1)                        # between two ways back the present state goes on
    return Timeline({k: np.array(v, float).reshape(-1, 4) for k, v in walks.items()},
                    {k: np.array(v, float).reshape(-1, 3) for k, v in kept.items()}, held)


def picture(axes, line, now, room, span, *, colours):
    """Show a timeline, downwards: left the walks, and states held as strips, now as dots; right how many are held.

    Parameters
    ----------
    axes : sequence of two matplotlib Axes
    line : Timeline
    now, room : int
        A time (later than the end, nothing is held), and the states that there is room for.
    span : (int, int)
        Ends of the axes of steps and of time.
    colours : sequence of four colours
        Of walks forward, of the way back, of stored states, of recorded ones.

    Raises
    ------
    ValueError
        ``span`` does not hold the walks, or ``now`` is not a time within it.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace import SqrtT, schedule
    >>> from gradtrace.drawings import plans
    >>> axes, line = Figure().subplots(1, 2), plans.timeline(schedule(SqrtT(), 9))
    >>> plans.picture(axes, line, 9, 6, (9, 30), colours=["black", "red", "blue", "grey"])
    >>> axes[0].lines[-1].get_xdata()                           # held when the first way back begins
    array([0., 3., 6., 7., 8., 9.])
    """
    end = len(line.held) - 1
    if max(walks[:, ::2].max(initial=0) for walks in line.walks.values()) > span[0] or end > span[1]:
        raise ValueError(f"span: expected room for the walks, which end at time {end}, came {span}")
    if not 0 <= now <= span[1]:
        raise ValueError(f"now: expected a time from 0 to {span[1]}, came {now}")
    (forward, back, stored, recorded), ax, dots = colours, axes[0], _held(line, now)
    for kept, label, colour, wide in (("store", "stored", stored, 3), ("record", "recorded", recorded, 1.5)):
        t, since, until = line.kept[kept].T
        ax.plot(*_broken(t, since, t, until), color=colour, lw=wide, solid_capstyle="butt", label=label)
    ahead = np.concatenate([line.walks["advance"], line.walks["record"]])
    ax.plot(*_broken(*ahead.T), color=forward, lw=1.2, label="forward")
    ax.plot(*_broken(*line.walks["backward"].T), color=back, lw=1.8, ls=(0, (3, 1)), label="back")
    ax.plot([0, span[0]], [now, now], color=forward, lw=0.8, ls=":")
    ax.plot(dots, np.full(len(dots), now), "o", color=forward, ms=4)
    ax.set(xlabel="step t", ylabel="time: steps walked", xlim=(-0.5, span[0] + 0.5),
           title=f"{end} steps, there and back")
    ax.legend(loc="lower right")
    axes[1].plot(np.repeat(line.held, 2), np.repeat(np.arange(end + 2), 2)[1:-1], color=stored)
    axes[1].plot([room, room], [0, span[1]], "--", color=forward)
    axes[1].plot([len(dots)], [now], "o", color=back)
    axes[1].set(xlabel="states held", ylabel="time", xlim=(-0.5, span[0] + 2),
                title=f"{len(dots)} now, {line.held.max()} at most")
    for ax in axes:
        ax.set_ylim(span[1], -3)
        _tidy(ax)


def triangle(ax, log, k1, k2, *, colours):
    """Show how much each step ``t`` contributes to the gradient of the loss at step ``s``, and veil what is cut.

    Parameters
    ----------
    ax : matplotlib Axes
    log : ndarray of shape (T, T)
        Natural logarithms of the contributions, at ``[t - 1, s - 1]``; shown from eight powers of ten below 1 to ten.
    k1, k2 : int
        Of :class:`~gradtrace.Truncated`.
    colours : pair of colours
        Of the ways back, at their starts, and of the veil.

    Returns
    -------
    ndarray of bool of shape (T, T)
        The pairs that are kept.

    Notes
    -----
    Source: Williams and Peng 1990.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from gradtrace.drawings import plans
    >>> plans.triangle(Figure().subplots(), np.zeros((4, 4)), 2, 3, colours=("red", "grey")).sum(axis=0)
    array([1, 2, 2, 3])
    """
    T, t = len(log), np.arange(1, len(log) + 1)
    past, way = t[:, None] <= t, np.minimum(-(-t // k1) * k1, T)                # the way back that reads loss s
    kept = past & (t[:, None] > way - k2)
    ax.imshow(np.where(past, np.clip(log / np.log(10), -8, 1), np.nan), cmap="Blues", vmin=-8, vmax=1, aspect="auto",
              interpolation="nearest", extent=(0.5, T + 0.5, T + 0.5, 0.5))
    edge = np.repeat(0.5 + (past & ~kept).sum(axis=0), 2)
    ax.fill_between(np.repeat(np.arange(T + 1), 2)[1:-1] + 0.5, 0.5, edge, color=colours[1], alpha=0.85, lw=0)
    ax.plot(*_broken(way + 0.5, 0 * way, way + 0.5, way + 0.5), ":", color=colours[0], lw=1.2)
    ax.set(xlabel="loss s", ylabel="step t", xlim=(0.5, T + 0.5), ylim=(T + 0.5, 0.5),
           title=f"{kept.sum() / past.sum():.0%} of pairs kept")
    return kept


def _held(line, now):
    """The states held, the one that walks among them, in order."""
    kept, walks = np.concatenate([*line.kept.values()]), np.concatenate([*line.walks.values()])
    on = line.walks["advance"]
    on = on[(on[:, 1] < now) & (now < on[:, 3])]
    dots = np.sort(np.append(kept[(kept[:, 1] <= now) & (now < kept[:, 2]), 0], on[:, 0] + now - on[:, 1]))
    return dots if len(dots) else walks[walks[:, 1] == now, 0]


def _broken(x0, y0, x1, y1):
    """Segments as one curve with gaps."""
    gap = np.full(len(x0), np.nan)
    return np.stack([x0, x1, gap], -1).ravel(), np.stack([y0, y1, gap], -1).ravel()


def _tidy(ax):
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
