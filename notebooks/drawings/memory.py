"""The pictures of the notebook on memory.

Schedules on a clock, the price of room in walks forward, and the parts of a
gradient that a window keeps. Logarithms of parts come in natural; what is
drawn on a logarithmic axis is in powers of ten.
"""

from typing import NamedTuple

import numpy as np

from gradtrace import log_norm
from gradtrace.notebook import figures

STATE = 65_536  # bytes: 256 units, a batch of 32, float64


class Timeline(NamedTuple):
    """A schedule on a clock that ticks once for every step walked.

    walks : for ``advance``, ``record`` and ``backward`` (walks, 4), the state
    and the time at the start of each walk, and at its end; kept : for
    ``store`` and ``record`` (states, 3), a state and the times from which and
    until which it is held; held : (time + 1,), how many states are held, the
    one that walks among them.
    """

    walks: dict
    kept: dict
    held: np.ndarray

    @property
    def forward(self):
        """How many steps are walked forward."""
        ahead = np.concatenate([self.walks["advance"], self.walks["record"]])
        return int((ahead[:, 2] - ahead[:, 0]).sum())


def timeline(actions):
    """Put the actions of a schedule on a clock: a Timeline."""
    walks = {"advance": [], "record": [], "backward": []}
    kept = {"store": [], "record": []}
    since = {}
    now = 0
    for kind, start, stop in actions:
        later = now + stop - start
        if kind == "store":
            since[stop, stop] = now
        elif kind == "free" and start == stop:
            kept["store"].append((stop, since.pop((stop, stop)), now))
        elif kind == "free":
            begun = since.pop((start, stop))
            for t in range(start + 1, stop + 1):
                kept["record"].append((t, begun + t - start, now))
        elif kind == "backward":
            walks["backward"].append((stop, now, start, later))
            now = later
        elif kind == "advance":
            walks["advance"].append((start, now, stop, later))
            now = later
        elif kind == "record":
            walks["record"].append((start, now, stop, later))
            since[start, stop] = now
            now = later
    held = np.zeros(now + 1, int)
    for _, begun, until in kept["store"] + kept["record"]:
        held[begun:until] += 1
    for _, begun, _, until in walks["advance"]:
        held[begun + 1 : until] += 1  # under way; then stored or recorded
    held[:-1] = np.maximum(held[:-1], 1)  # the present state
    return Timeline(table(walks, 4), table(kept, 3), held)


def table(rows, columns):
    """Lists of rows as arrays, also those that are empty."""
    return {
        kind: np.array(some, float).reshape(-1, columns)
        for kind, some in rows.items()
    }


def held(lines):
    """Left, walks and states held, time downwards; right, how many are held.

    lines : for each method and room, a Timeline of up to 25 steps.
    """

    def view(axes, method, room, time):
        line = lines[method, room]
        end = len(line.held) - 1
        dots = states_at(line, time)
        walked(axes[0], line)
        axes[0].plot([0, 25], [time, time], ":", color=figures.GREY, lw=0.8)
        times = np.full(len(dots), time)
        axes[0].plot(dots, times, "o", color=figures.GREY, ms=4)
        axes[0].legend(loc="lower right")
        down = (120, -3)
        y = "time: steps walked"
        title = f"{end} steps, there and back"
        figures.frame(axes[0], "step t", y, (-0.5, 25.5), down, title)

        number = np.repeat(line.held, 2)  # a stair: each from tick to tick
        ticks = np.repeat(np.arange(end + 2), 2)[1:-1]
        axes[1].plot(number, ticks, color=figures.BLUE)
        axes[1].plot([room, room], [0, 120], "--", color=figures.GREY)
        axes[1].plot([len(dots)], [time], "o", color=figures.ORANGE)
        title = f"{len(dots)} now, {line.held.max()} at most"
        figures.frame(axes[1], "states held", "time", (-0.5, 27), down, title)

    return view


def walked(ax, line):
    """Strips of states held, and in front the walks, over step and time."""
    stored = {"color": figures.BLUE, "lw": 3, "label": "stored"}
    recorded = {"color": figures.SKY, "lw": 1.5, "label": "recorded"}
    for kind, how in (("store", stored), ("record", recorded)):
        t, since, until = line.kept[kind].T
        strips = broken(t, since, t, until)
        ax.plot(*strips, solid_capstyle="butt", **how)
    ahead = np.concatenate([line.walks["advance"], line.walks["record"]])
    ax.plot(*broken(*ahead.T), color=figures.GREY, lw=1.2, label="forward")
    dashed = {"color": figures.ORANGE, "lw": 1.8, "ls": (0, (3, 1))}
    ax.plot(*broken(*line.walks["backward"].T), label="back", **dashed)


def states_at(line, now):
    """The states held at a time, in order, the one that walks among them."""
    kept = np.concatenate([*line.kept.values()])
    walks = np.concatenate([*line.walks.values()])
    ahead = line.walks["advance"]
    under_way = ahead[(ahead[:, 1] < now) & (now < ahead[:, 3])]
    here = under_way[:, 0] + now - under_way[:, 1]
    there = kept[(kept[:, 1] <= now) & (now < kept[:, 2]), 0]
    states = np.sort(np.append(there, here))
    if len(states):
        return states
    return walks[walks[:, 1] == now, 0]  # nothing but a walk that begins


def broken(x0, y0, x1, y1):
    """Segments as the x and y of one line with gaps."""
    gap = np.full(len(x0), np.nan)
    x = np.column_stack([x0, x1, gap])
    y = np.column_stack([y0, y1, gap])
    return x.ravel(), y.ravel()


def rooms(ax, lengths, least):
    """The least room for paths of several lengths, in powers of ten, a line
    for each number of walks forward.

    least : for each number of walks, a room, in states, for each length.
    """
    x = np.log10(lengths)
    lines = list(zip(least, figures.COLOURS, strict=False))
    label_y = -1.0
    for walks, colour in reversed(lines):  # from below
        y = np.log10(least[walks])
        ax.plot(x, y, "o-", color=colour)
        label_y = max(y[-1], label_y + 0.36)  # a label's height apart
        ax.text(x[-1] + 0.06, label_y, f"{walks}T", color=colour, va="center")
    xlim = (x[0] - 0.1, x[-1] + 0.3)
    ylim = (0, x[-1] + 0.3)
    y = "least room, powers of ten"
    figures.frame(ax, "steps T, powers of ten", y, xlim, ylim)


def price(curves, costs):
    """Walks forward over the whole path by states held, in powers of ten.

    curves : for each length T (3, points), states, walks under the best
    block, walks block by block of one step; costs : for each length, plan and
    room, states held and steps forward.
    """

    def view(ax, T, plan, room):
        room_for, best, single = curves[T]
        root = costs[T, "√T", room]
        full = costs[T, "full", room]
        states, steps = costs[T, plan, room]
        both = np.log10([root[0], full[0]])
        walks = np.array([root[1], full[1]]) / T
        ax.plot(np.log10([room, room]), [0, 8], color=figures.GREY, lw=0.8)
        x = np.log10(room_for)
        label = "binomial, one step at a time"
        ax.plot(x, single, "--", color=figures.SKY, label=label)
        ax.plot(x, best, color=figures.BLUE, label="binomial, best block")
        label = "truncated: another gradient"
        ax.plot(np.log10([1, T]), [1, 1], ":", color=figures.RED, label=label)
        ax.plot(both, walks, "s", color=figures.GREY, label="√T, full")
        ring = {"ms": 10, "mfc": "none", "mew": 2.5, "color": figures.ORANGE}
        ax.plot([np.log10(states)], [steps / T], "o", **ring)
        ax.legend(loc="upper right")
        size = f"{states * STATE / 1e6:.3g} MB"
        title = f"{plan}: {states} states, {size}, {steps} steps forward"
        x = "states held, powers of ten"
        y = "steps forward / T"
        figures.frame(ax, x, y, (0.8, 4.2), (0, 8), title, title_size=10)

    return view


def window(parts, kept, compare):
    """Left, the parts of a gradient by loss and step, those cut veiled; right,
    the norms of their sums by lag, all and kept.

    parts : for each gain (T, T, n, n), at step and loss; kept : of k1 and k2,
    which pairs are kept (T, T); compare : of gain, k1 and k2, the cut
    gradient, its cosine with the whole one, and the share that is lost.
    """

    def view(axes, gain, k1, k2):
        keep = kept(k1, k2)
        _, cosine, lost = compare(gain, k1, k2)
        triangle(axes[0], log_norm(parts[gain], 2), keep, k1)
        some = parts[gain] * keep[..., None, None]
        figures.norms(axes[1], by_lag(parts[gain]), label="full")
        dots = {"style": ".", "colour": figures.ORANGE, "label": "kept"}
        figures.norms(axes[1], by_lag(some), **dots)
        axes[1].legend(loc="lower left")
        y = "part, powers of ten"
        title = f"cosine {cosine:.2f}, lost {lost:.0%}"
        figures.frame(axes[1], "lag s − t", y, (-1, 40), (-11, 4), title)

    return view


def by_lag(parts):
    """The norm of the sum of all parts of a lag, in natural logarithms."""
    sums = [np.trace(parts, lag) for lag in range(len(parts))]
    return log_norm(np.array(sums), 2)


def triangle(ax, log, keep, k1):
    """The parts of a gradient by loss and step, a veil over those cut off,
    and a dotted line wherever a way back starts (Williams and Peng 1990).

    log : (T, T), natural logarithms, at step and loss; keep : (T, T).
    """
    T = len(log)
    s = np.arange(1, T + 1)
    t = s[:, None]
    past = t <= s
    decades = np.clip(log / np.log(10), -8, 1)
    field = np.where(past, decades, np.nan)
    colours = {"cmap": "Blues", "vmin": -8, "vmax": 1}
    place = {"aspect": "auto", "extent": (0.5, T + 0.5, T + 0.5, 0.5)}
    ax.imshow(field, interpolation="nearest", **colours, **place)

    cut = (past & ~keep).sum(axis=0)  # how many steps, for each loss
    edges = np.repeat(np.arange(T + 1) + 0.5, 2)[1:-1]
    below = np.repeat(cut + 0.5, 2)
    ax.fill_between(edges, 0.5, below, color=figures.GREY, alpha=0.85, lw=0)

    start = np.minimum(k1 * np.ceil(s / k1), T) + 0.5  # of the way back
    top = np.zeros(T)
    ax.plot(*broken(start, top, start, start), ":", color=figures.RED, lw=1.2)
    title = f"{keep.sum() / past.sum():.0%} of pairs kept"
    ax.set(xlabel="loss s", ylabel="step t", title=title)
    ax.set(xlim=(0.5, T + 0.5), ylim=(T + 0.5, 0.5))
