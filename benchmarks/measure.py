"""The same results first, then times in turns; and the rows that come of them.

A contestant is a function without arguments that returns its results by name. Within a round every
contestant has a turn, and a ratio is taken within a round: what else the machine does troubles all.
Time is that of the processor, which does not run while others have it.
"""

import time

import numpy as np

SECONDS = 6  # that a comparison takes, if its calls are short
TURN = 5e-3  # seconds of a turn; a shorter call is repeated within it
FEWEST, MOST = 9, 201  # rounds


def compare(calls, tiny=False, rtol=1e-10):
    """Seconds per call: for every contestant an array with one entry for each round."""
    check_equal(calls, rtol)
    once = {who: median_call(call, 1) for who, call in calls.items()}
    repeats = {who: max(1, round(TURN / seconds)) for who, seconds in once.items()}
    a_round = sum(max(TURN, seconds) for seconds in once.values())
    rounds = 3 if tiny else int(np.clip(SECONDS / a_round, FEWEST, MOST))
    return in_turns(calls, repeats, rounds)


def check_equal(calls, rtol=1e-10):
    """Raise unless all agree with the contestant named first, in every result that both have."""
    first, *others = calls
    expected = calls[first]()
    for who in others:
        for name, value in calls[who]().items():
            if name in expected:
                of_first = np.asarray(expected[name])
                np.testing.assert_allclose(
                    np.asarray(value),
                    of_first,
                    rtol=rtol,
                    atol=rtol * np.abs(of_first).max(),
                    err_msg=f"{who}: {name} differs from {first}",
                )


def in_turns(calls, repeats, rounds):
    """The turns, in an order that is reversed after each round."""
    seconds = {who: [] for who in calls}
    order = list(calls)
    for _ in range(rounds):
        for who in order:
            seconds[who].append(median_call(calls[who], repeats[who]))
        order.reverse()
    return {who: np.array(times) for who, times in seconds.items()}


def median_call(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return np.median(times)


def row(case, what, values, unit, goal=None):
    """One line of a table: the median of ``values``, with quartiles if there are several."""
    low, middle, high = map(float, np.percentile(values, (25, 50, 75)))
    quartiles = [low, high] if np.size(values) > 1 else None
    return {
        "case": case,
        "what": what,
        "value": middle,
        "unit": unit,
        "quartiles": quartiles,
        "goal": goal,
    }


def ratio(case, what, ours, theirs, goal=None):
    """The row of our time divided by theirs, with the milliseconds of both."""
    milliseconds = {"ours": float(np.median(ours)) * 1e3, "theirs": float(np.median(theirs)) * 1e3}
    return row(case, what, ours / theirs, "×", goal) | milliseconds


def share(case, what, more, less, whole, goal=None):
    """The row of what ``more`` takes beyond ``less``, in per cent of ``whole``."""
    return row(case, what, 100 * (more - less) / whole, "%", goal)


def met(row):
    return row["value"] <= row["goal"]
