"""The exercises of the chapter on memory."""

import tracemalloc

import numpy as np

from gradtrace import (
    RNN,
    Full,
    SqrtT,
    Truncated,
    bptt,
    init,
    init_params,
    unroll,
)
from gradtrace.notebook.exercises import Function, Number
from gradtrace.tracing.schedules import advances

# 1: how many slots


def fewest_slots(walks):
    """The fewest slots for at most walks * T advances, where T = 10^6."""
    count = 1
    while advances(10**6, count) > walks * 10**6:
        count += 1
    return count


# 2: how long a window


def weak(rng, shape):
    return init.gaussian(rng, shape, sd=0.3)


def fading_net():
    """The net of the figure of the window, at gain 0.8."""
    rng = np.random.default_rng(0)
    cell = RNN(1, 16)
    p = init_params(cell, rng, init.orthogonal, gain=0.8, U=weak)
    x = rng.standard_normal((40, 1, 1))
    g = init.gaussian(rng, (40, 1, 16), sd=0.25)
    return unroll(cell, p, x), [None, *g]


def smallest_window(k1):
    """The smallest k2 that loses less than 1 % of the norm."""
    path, g = fading_net()
    h_0 = np.zeros((1, 16))
    full = bptt(path, h_0, g, Full()).grads.shared()["W"]
    k2 = 0
    lost = 1.0
    while lost >= 0.01:
        k2 += 1
        cut = bptt(path, h_0, g, Truncated(k1, k2)).grads.shared()["W"]
        lost = np.linalg.norm(full - cut) / np.linalg.norm(full)
    return k2


# 4: the √T plan


def net_of(T, batch, n, k, seed):
    """Arguments for exercise 4."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((n, n)) / np.sqrt(n)
    x = rng.standard_normal((T, batch, n)) / 2
    h_0 = rng.uniform(-0.5, 0.5, (batch, n))
    return W, x, h_0, k


def own_loss(t, h):
    """The loss of a state, ½‖h_t‖², is none of h_0's."""
    return None if t == 0 else h


def by_the_package(W, x, h_0, k):
    n = len(W)
    p = {"W": W, "U": np.eye(n), "b": np.zeros(n)}
    path = unroll(RNN(n, n), p, x)
    return bptt(path, h_0, own_loss, SqrtT()).grads.shared()["W"]


def walk(
    W,
    x,
    h_0,
    k,
    *,
    carry=True,
    losses=True,
    from_zero=False,
    whole_only=False,
    slope=True,
    transpose=True,
    after=False,
    loss_of_first=False,
    overwrite=False,
):
    """The loops of exercise 4. A wrong answer has another piece."""
    T = len(x)
    firsts = range(0, T, k)
    kept = []
    h = h_0
    for t in range(T):
        if t % k == 0:
            kept.append(h)
        h = np.tanh(h @ W + x[t])
    total = np.zeros_like(W)
    back = np.zeros_like(h_0)
    for start, first in zip(reversed(kept), reversed(firsts), strict=True):
        last = min(first + k, T)
        if whole_only and last < first + k:
            continue
        states = [h_0 if from_zero else start]
        for t in range(first, last):
            states.append(np.tanh(states[-1] @ W + x[t]))
        if not carry:
            back = np.zeros_like(h_0)
        for i in range(len(states) - 1, 0, -1):
            heard = losses or first + i == T
            g = back + states[i] if heard else back
            d = g * (1 - states[i] ** 2) if slope else g
            share = states[i if after else i - 1].T @ d
            total = share if overwrite else total + share
            back = d @ (W.T if transpose else W)
        if loss_of_first and first > 0:
            back = back + states[0]
    return total


def wrong(**piece):
    """A wrong answer to exercise 4."""

    def answer(W, x, h_0, k):
        return walk(W, x, h_0, k, **piece)

    return answer


def holds_few_states(student):
    """A sentence if the peak of memory is that of all states."""
    W, x, h_0, k = net_of(T=900, batch=8, n=32, k=30, seed=9)
    student(*net_of(T=4, batch=1, n=2, k=2, seed=9))
    tracemalloc.start()
    try:
        student(W, x, h_0, k)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    states = peak / h_0.nbytes
    if states > 200:
        return (
            "the gradient is right, but too much is held. For 900 steps in"
            f" stretches of 30, the peak is that of {states:.0f} states; 30"
            " in front of the stretches and 30 of one stretch are enough."
        )
    return None


EXERCISES = {
    1: Number(
        fewest_slots(2),
        rtol=1e-9,
        unit="slots",
        hints=[
            (
                fewest_slots(2) + 1,
                "T ≤ R(slots, 2) is enough, but not needed: a few steps may"
                " be advanced over three times.",
            ),
            (
                1000,
                "with √T slots and single steps, some steps are advanced over"
                " three times, and all are recorded.",
            ),
            (fewest_slots(3), "recording takes T of the 3T steps."),
        ],
        why="T steps go to recording, 2T are left for advances.",
    ),
    2: Number(
        smallest_window(10),
        rtol=1e-9,
        unit="steps",
        hints=[
            (
                smallest_window(1),
                "that would do for k1 = 1. Here some losses are read up to"
                " nine steps late.",
            ),
            (smallest_window(10) - 1, "just above 1 %."),
            (
                smallest_window(1) + 9,
                "nearly. Losses are read at most nine steps late, and few are;"
                " and the parts sink faster than the powers of the gain.",
            ),
        ],
        why="With k1 = 1 fewer do, but then every step pays for a way back.",
    ),
    3: Number(
        53,
        rtol=1e-9,
        unit="steps",
        hints=[
            (
                -53,
                "how many steps back: a positive number.",
            ),
            (
                106,
                "the error doubles with each step back; take the power of"
                " two as it is.",
            ),
        ],
        why="What the net forgets on the way there cannot be told again on"
        " the way back: where gradients fade, states cannot be rebuilt from"
        " those behind them.",
    ),
    4: Function(
        by_the_package,
        cases={
            "stretches that fit": net_of(T=6, batch=2, n=3, k=3, seed=0),
            "a last stretch that is shorter": net_of(7, 2, 3, 3, seed=1),
            "one stretch": net_of(T=4, batch=1, n=2, k=4, seed=2),
            "stretches of one step": net_of(T=5, batch=3, n=2, k=1, seed=3),
        },
        hints=[
            (
                wrong(carry=False),
                "each stretch starts from its own losses alone. Hand on what"
                " comes back from the stretch behind it, or the gradient is"
                " a truncated one.",
            ),
            (
                wrong(losses=False),
                "the loss is heard at the last step only; every h_t has a"
                " loss of its own, whose gradient is h_t.",
            ),
            (
                wrong(from_zero=True),
                "every stretch starts from h_0. It has to start from the"
                " state that you kept in front of it.",
            ),
            (
                wrong(whole_only=True),
                "the last, shorter stretch is missing.",
            ),
            (wrong(slope=False), "the slope is missing: d = g ⊙ (1 - h_t²)."),
            (wrong(transpose=False), "a transpose is missing: d Wᵀ."),
            (
                wrong(after=True),
                "W multiplied the state before the step: h_{t-1}ᵀ d_t.",
            ),
            (
                wrong(loss_of_first=True),
                "where two stretches meet, the loss of the state is counted"
                " twice: once at the end of the one, once at the start of"
                " the other.",
            ),
            (
                wrong(overwrite=True),
                "this is the share of the first step alone. Add the shares"
                " of all steps.",
            ),
        ],
        also=[holds_few_states],
        why="And what you held fits in a small room.",
    ),
}
