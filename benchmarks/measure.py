"""Timing in turns: every contestant once per round, in shuffled order, so that a busy machine troubles all alike."""

import gc
import random
import time

import numpy as np


def prepare(contestants, problem):
    """The calls that can run here, by name, and the names of those whose library is missing."""
    calls, missing = {}, []
    for name, make in contestants.items():
        try:
            calls[name] = make(problem)
        except ImportError:
            missing.append(name)
    return calls, missing


def check_equal(calls, reference, rtol=1e-10):
    """Raise unless every contestant that claims a result by some name agrees with ``reference`` on it."""
    expected = {name: np.asarray(value) for name, value in calls[reference]().items()}
    for who, call in calls.items():
        for name, value in call().items() if who != "floor" else ():
            a, b = np.asarray(value), expected[name]
            if name == "log_h":
                a, b = a[b > -300], b[b > -300]                 # below, the squares that peers sum underflow
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(),
                                       err_msg=f"{who}: {name} differs from {reference}")


def in_turns(calls, rounds, seed=0, turn=5e-3):
    """Seconds per call, an array of ``rounds`` for each contestant: the median call of a turn of ``turn`` seconds.

    Short calls are repeated within their turn, so that each runs warm and none pays for its predecessor's traces
    in the caches.
    """
    rng, seconds, names = random.Random(seed), {name: [] for name in calls}, list(calls)
    for call in calls.values():
        call()                                                  # JAX compiles here
    repeats = {name: max(1, round(turn / _seconds(call, 5))) for name, call in calls.items()}
    gc.disable()
    try:
        for _ in range(rounds):
            rng.shuffle(names)
            for name in names:
                seconds[name].append(_seconds(calls[name], repeats[name]))
            gc.collect()
    finally:
        gc.enable()
    return {name: np.array(values) for name, values in seconds.items()}


def _seconds(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return np.median(times)
