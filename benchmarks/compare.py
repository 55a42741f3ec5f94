"""One group of contestants at one problem: equal results first, then times in shuffled turns, ratios and goals."""

import time

import numpy as np

from . import measure

SECONDS, TURN = 25, 5e-3                                        # that a comparison may take; of one contestant's turn
BEST = "best traced PyTorch"


def compare(title, contestants, problem, goals, traced=(), quick=False):
    """A table, the goals with what came of them, and who is missing.

    Milliseconds are quartiles. A ratio is ours / peer, the median over the rounds, in each of which both ran.
    """
    calls, missing = measure.prepare(contestants, problem)
    measure.check_equal(calls, "ours")
    seconds = measure.in_turns(calls, rounds(calls, quick))
    here = [name for name in traced if name in seconds]
    best = min(here, key=lambda name: np.median(seconds[name]), default=None)
    rows = [row(name + " (best traced)" * (name == best), times, seconds["ours"]) for name, times in seconds.items()]
    if best:
        seconds[BEST] = seconds[best]
    table = {"title": title, "columns": ["", "ms", "quartiles", "ours / it"], "rows": rows}
    return table, [ratio_goal(title, name, goal, seconds) for name, goal in goals.items() if name in seconds], missing


def row(name, times, ours):
    """Name, median and quartiles in ms, and the ratio of ``ours`` to it."""
    low, middle, high = map(float, np.percentile(times, (25, 50, 75)) * 1e3)
    return [name, middle, [low, high], None if ours is None else float(np.median(ours / times))]


def ratio_goal(group, peer, goal, seconds):
    """``floor``: the same ratio for the bare matrix products and tanh, which no numpy code of this kind goes below."""
    times = seconds[peer]
    result = {"group": group, "what": peer, "value": float(np.median(seconds["ours"] / times)), "goal": goal,
              "unit": "×"}
    if "floor" in seconds and peer != "floor":
        result["floor"] = float(np.median(seconds["floor"] / times))
    return result


def rounds(calls, quick):
    """Five, or as many as the time allows: an odd number from 11 to 61."""
    if quick:
        return 5
    cost = 0
    for call in calls.values():
        call()
        start = time.perf_counter()
        call()
        cost += max(TURN, time.perf_counter() - start)
    return int(np.clip(SECONDS / cost, 11, 60)) // 2 * 2 + 1


def met(goal):
    return goal["value"] <= goal["goal"]
