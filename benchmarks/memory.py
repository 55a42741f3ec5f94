"""Backpropagation under a plan at a plain tanh RNN with narrow inputs: seconds, and bytes at their peak."""

import time
import tracemalloc

import numpy as np

from gradtrace import RNN, init, unroll
from gradtrace.tracing.checkpoint import bptt
from gradtrace.tracing.schedules import Binomial, Full, SqrtT

GOALS = {                                                     # at most: seconds / those of full, megabytes
    "full": (1, 630),
    "√T": (1.33, 20),
    "binomial in 6 MB": (1.6, 6),
    "binomial in 2.9 MB": (2.15, 2.9),
}
PLANS = {"full": Full(), "√T": SqrtT(),                       # the rest of the bytes is for W and its gradient, thrice
         "binomial in 6 MB": Binomial(nbytes=46 * 2**20 // 10), "binomial in 2.9 MB": Binomial(nbytes=14 * 2**20 // 10)}


def problem(T=10_000, n=256, B=32, n_in=8):
    """The path, ``h_0`` and ``∂L/∂h_T``; ``W`` is orthogonal, so that the gradient fades slowly."""
    rng = np.random.default_rng(0)
    p = {"W": init.orthogonal(rng, (n, n)), "U": 0.3 * rng.standard_normal((n_in, n)) / n_in**0.5, "b": np.zeros(n)}
    return unroll(RNN(n_in, n), p, rng.standard_normal((T, B, n_in))), np.zeros((B, n)), rng.standard_normal((B, n))


def peak(call):
    """The most bytes that numpy held during ``call()`` above what it held before."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure(T=10_000, n=256, B=32, rounds=3):
    """Rows of a table, one for each plan: seconds, their ratio to full in the same round, megabytes, the account.

    The goals hold for the default size; ``rounds`` go through the plans in turn, medians count.
    """
    path, h0, g = problem(T, n, B)
    seconds, results = {name: [] for name in PLANS}, {}
    for _ in range(rounds):
        for name, plan in PLANS.items():
            start = time.perf_counter()
            results[name] = bptt(path, h0, g, plan)
            seconds[name].append(time.perf_counter() - start)
    table = []
    for name, plan in PLANS.items():
        ratio = float(np.median(np.divide(seconds[name], seconds["full"])))
        megabytes = peak(lambda plan=plan: bptt(path, h0, g, plan)) / 2**20
        for key, value in results["full"].grads.shared().items():
            np.testing.assert_allclose(results[name].grads.shared()[key], value, rtol=0, atol=1e-12 * abs(value).max())
        table.append({"name": name, "seconds": float(np.median(seconds[name])), "ratio": ratio, "MB": megabytes,
                      "evaluations": results[name].account.evaluations, "states": results[name].account.states,
                      "goal": GOALS[name]})
    return table
