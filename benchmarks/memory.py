"""A long path under plans of checkpointing: time beside keeping everything, and bytes."""

import time
import tracemalloc

import numpy as np

from gradtrace import RNN, Binomial, Full, SqrtT, bptt, init, unroll

from . import measure

SIZE = 10_000, 256, 32  # T, n, B
PLANS = {"full": Full(), "√T": SqrtT(), "binomial": Binomial(nbytes=8 * 2**20)}
TINY = {"full": Full(), "√T": SqrtT(), "binomial": Binomial(slots=2)}
TIMES = {"√T": 1.5, "binomial": 2}  # goals, of full
PEAKS = {"√T": 30, "binomial": 10}  # goals, MB
N_IN, ROUNDS = 8, 2


def problem(T, n, B):
    """The path, ``h_0`` and ``∂L/∂h_T``; ``W`` is orthogonal, so that the gradient fades slowly."""
    rng = np.random.default_rng(0)
    p = {"W": init.orthogonal(rng, (n, n)), "U": 0.3 * init.lecun(rng, (N_IN, n)), "b": np.zeros(n)}
    path = unroll(RNN(N_IN, n), p, rng.standard_normal((T, B, N_IN)))
    return path, np.zeros((B, n)), rng.standard_normal((B, n))


def in_turns(path, h0, g, plans, rounds):
    """Seconds of every plan in every round, and its trace; all plans have the same gradients."""
    seconds = {name: [] for name in plans}
    traces = {}
    order = list(plans)
    for _ in range(rounds):
        for name in order:
            start = time.process_time()
            traces[name] = bptt(path, h0, g, plans[name])
            seconds[name].append(time.process_time() - start)
        order.reverse()
    expected = traces["full"].grads.shared()
    for name, log in traces.items():
        for key, value in log.grads.shared().items():
            atol = 1e-12 * np.abs(expected[key]).max()
            np.testing.assert_allclose(value, expected[key], rtol=0, atol=atol, err_msg=name)
    return {name: np.array(times) for name, times in seconds.items()}, traces


def peak(path, h0, g, plan):
    """The most megabytes that numpy held during the call above what it held before."""
    tracemalloc.start()
    try:
        bptt(path, h0, g, plan)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def section(tiny=False):
    T, n, B = (60, 6, 2) if tiny else SIZE
    plans = TINY if tiny else PLANS
    path, h0, g = problem(T, n, B)
    seconds, traces = in_turns(path, h0, g, plans, 1 if tiny else ROUNDS)
    times, peaks, states = [], [], []
    for name, plan in plans.items():
        if name != "full":
            goal = None if tiny else TIMES[name]
            times.append(
                measure.ratio(name, "keeping everything", seconds[name], seconds["full"], goal)
            )
        goal = None if tiny else PEAKS.get(name)
        peaks.append(measure.row(name, "bytes at the peak", peak(path, h0, g, plan), "MB", goal))
        states.append(measure.row(name, "states held", traces[name].usage.states, ""))
    return {
        "title": "Memory",
        "lead": f"A plain RNN over {T} steps, {n} wide, batch {B}, inputs {N_IN} wide. Bytes are "
        "those that numpy really took beyond the problem itself.",
        "rows": times + peaks + states,
    }
