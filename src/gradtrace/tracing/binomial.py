"""The counts of binomial checkpoints, with ``β(s, r) = (s + r choose s)``: so many steps can be walked back with ``s``
stored states if no step is advanced more than ``r`` times.

Source: Griewank and Walther 2000.
"""

import math


def repeats(T, slots):
    """The least ``r`` for which ``β(slots, r) ≥ T``: how often a step is walked at most, besides recording it."""
    r = 0
    while math.comb(slots + r, r) < T:
        r += 1
    return r


def advances(T, slots):
    """How many steps Revolve advances: ``r T - β(slots + 1, r - 1)``."""
    if slots == 1:
        return T * (T - 1) // 2
    r = repeats(T, slots)
    return r * T - math.comb(slots + r, slots + 1)


def split(T, slots):
    """How far to walk to the next state to store; any optimal choice leaves both parts within their binomials."""
    r = repeats(T, slots)
    return min(math.comb(slots + r - 1, slots), T - math.comb(slots + r - 2, slots - 1))


def fit(T, room):
    """The slots and steps a block of the cheapest schedule in ``room`` for states, three for each step of a block."""
    sizes = {1, T} | {k << i for i in range(T.bit_length()) for k in (2, 3)}
    blocks = [b for b in sorted(sizes) if b <= T and 3 * b < room]
    cost = lambda b, count: b * advances(count, room - 3 * b) + 2 * count       # a record takes about two steps more
    block = min(blocks, key=lambda b: cost(b, -(-T // b)))
    return room - 3 * block, block
