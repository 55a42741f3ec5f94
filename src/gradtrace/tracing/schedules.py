"""What to keep and what to compute again: plans, which are lists of actions.

:func:`~gradtrace.bptt` carries them out. The counts of binomial checkpoints are written with
``β(s, r) = (s + r choose s)``: so many steps can be reversed with ``s`` stored states if no step is
advanced more than ``r`` times.

Source: Griewank and Walther (2000).
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from ..expect import expect_size, given


class Action(NamedTuple):
    """One action of a schedule, on the steps ``start + 1 … stop`` or on the state ``h_stop``.

    ``store``
        Keep the present state ``h_stop``.
    ``advance``
        Compute from ``h_start`` to ``h_stop`` and keep nothing in between.
    ``record``
        Compute from ``h_start`` to ``h_stop`` and keep every state with its pullback.
    ``begin``
        Start a backward pass at ``h_stop``; it reads the loss of the states after ``h_start``.
    ``backward``
        Take the gradient back through recorded steps, from ``h_stop`` to ``h_start``.
    ``free``
        Forget recorded steps or, where ``start`` is ``stop``, a stored state.

    Examples
    --------
    >>> Action("advance", 0, 8).stop
    8
    """

    kind: str
    start: int
    stop: int


@dataclass(frozen=True)
class Full:
    """Keep all ``T`` states: plain backpropagation through time.

    Source: Cremer (2017), "Memory Concerns".

    Examples
    --------
    >>> [action.kind for action in schedule(Full(), 5)]
    ['store', 'record', 'begin', 'backward', 'free', 'free']
    """

    def actions(self, T):
        yield Action("store", 0, 0)
        yield from _record_and_reverse(0, T, T)
        yield Action("free", 0, 0)


@dataclass(frozen=True)
class Truncated:
    """Every ``k1`` steps a backward pass of ``k2`` steps: the gradient forgets what lies before.

    The greater of both is how many states are stored. A backward pass starts at the times
    ``k1, 2 k1, …`` and at ``T``. It reads the loss of the states since the one before; what the
    steps before its ``k2`` contribute to it is cut off. ``k1 = k2 = T`` is :class:`Full`.

    Parameters
    ----------
    k1, k2 : int

    Notes
    -----
    Source: Williams and Peng (1990); Lee (n.d.), "(Truncated) Backpropagation Through Time".

    Examples
    --------
    >>> [action[1:] for action in schedule(Truncated(2, 3), 6) if action.kind == "backward"]
    [(1, 2), (0, 1), (3, 4), (2, 3), (1, 2), (4, 6), (3, 4)]
    """

    k1: int
    k2: int

    def __post_init__(self):
        object.__setattr__(self, "k1", expect_size("k1", self.k1))
        object.__setattr__(self, "k2", expect_size("k2", self.k2))

    def actions(self, T):
        yield Action("store", 0, 0)
        kept, last = [], 0  # recorded pieces (start, stop), the time of the last pass
        while last < T:
            now, after = (min(last + k, T) for k in (self.k1, 2 * self.k1))
            # Later passes may end between last and now: the steps are recorded in pieces.
            later = (last + self.k2) // self.k1 * self.k1 + self.k1
            ends = [t - self.k2 for t in (later, T) if t <= T]
            cuts = {last, now, *(end for end in ends if last < end < now)}
            for piece in pairwise(sorted(cuts)):
                yield Action("record", *piece)
                kept.append(piece)
            yield Action("begin", last or -1, now)
            for piece in reversed(kept):
                if piece[0] >= now - self.k2:
                    yield Action("backward", *piece)
            while kept and (now == T or kept[0][0] < after - self.k2):
                yield Action("free", *kept.pop(0))
            if not last:
                yield Action("free", 0, 0)
            last = now


@dataclass(frozen=True)
class SqrtT:
    """Keep every ``√T``-th state and compute the others once more.

    That takes about ``2 √T`` states and ``2 T`` forward steps.

    Source: Chen et al. (2016).

    Examples
    --------
    >>> [action[1:] for action in schedule(SqrtT(), 8) if action.kind == "record"]
    [(6, 8), (3, 6), (0, 3)]
    """

    def actions(self, T):
        k = math.isqrt(T - 1) + 1  # ⌈√T⌉
        starts = range(0, T, k)
        yield Action("store", 0, 0)
        for start in starts[1:]:
            yield Action("advance", start - k, start)
            yield Action("store", start, start)
        for start in reversed(starts):
            yield from _record_and_reverse(start, min(start + k, T), T)
            yield Action("free", start, start)


@dataclass(frozen=True)
class Binomial:
    """Keep ``slots`` states, placed so that the fewest steps are computed again.

    This is the schedule of Griewank and Walther. Two counts are in use. Revolve's is that of the
    steps of ``advance``: with ``β(s, r) = (s + r choose s)`` and the least ``r`` for which
    ``β(s, r) ≥ T`` it is ``r T - β(s + 1, r - 1)``; 1948 for ``T = 1000`` and 50 slots. All forward
    evaluations are ``T`` more, 2948, as each step is computed once again. Parameters and gradients
    come on top.

    Parameters
    ----------
    slots : int, optional
        How many states may be stored at a time, ``h_0`` among them.
    block : int
        How many steps to record at a time. The schedule is then that of ``T / block`` steps.
    nbytes : int, optional
        In place of both: room for stored states and one block in its backward pass, three states a
        step and four more.

    Raises
    ------
    TypeError, ValueError
        Not exactly one of ``slots`` and ``nbytes`` is given, or too little.

    Notes
    -----
    Source: Griewank and Walther (2000); Gruslys et al. (2016).

    Examples
    --------
    >>> actions = schedule(Binomial(slots=50), 1000)
    >>> sum(stop - start for kind, start, stop in actions if kind == "advance")
    1948
    """

    slots: int | None = None
    block: int = 1
    nbytes: int | None = None

    def __post_init__(self):
        if (self.slots is None) == (self.nbytes is None):
            got = f"{self.slots!r:.40} and {self.nbytes!r:.40}"
            raise TypeError(f"slots, nbytes: expected one of the two, got {got}")
        for name in ("slots", "block", "nbytes"):
            if name == "block" or getattr(self, name) is not None:
                object.__setattr__(self, name, expect_size(name, getattr(self, name)))

    def fitted(self, T, state):
        """The same plan in ``slots`` and ``block``: the cheapest choice within ``nbytes``."""
        if self.nbytes is None:
            return self
        if self.nbytes < 8 * state:
            raise ValueError(
                f"nbytes: expected at least {8 * state}, eight states of {state} each,"
                f" got {self.nbytes}"
            )
        return Binomial(*fit(T, self.nbytes // state - 4))

    def actions(self, T):
        def at(i):
            return min(i * self.block, T)

        # stretches from one block to another, with the slots for states in them
        todo = [(0, -(-T // self.block), self.slots)]
        yield Action("store", 0, 0)
        while todo:
            start, stop, slots = todo.pop()
            if slots > 1 and stop - start > 1:
                middle = start + split(stop - start, slots)
                yield Action("advance", at(start), at(middle))
                yield Action("store", at(middle), at(middle))
                todo += [(start, middle, slots), (middle, stop, slots - 1)]
                continue
            for last in reversed(range(start, stop)):
                if last > start:
                    yield Action("advance", at(start), at(last))
                yield from _record_and_reverse(at(last), at(last + 1), T)
            yield Action("free", at(start), at(start))


def schedule(plan, T, state=1):
    """The actions of a plan for ``T`` steps, in order.

    Parameters
    ----------
    plan : Full, Truncated, SqrtT or Binomial
    T : int
    state : int
        Bytes of one state, for ``Binomial(nbytes=…)``.

    Returns
    -------
    list of Action

    Raises
    ------
    TypeError, ValueError
        An argument cannot be used, or ``nbytes`` are too few.

    Examples
    --------
    >>> [action.kind for action in schedule(Binomial(slots=2), 3)][:5]
    ['store', 'advance', 'store', 'advance', 'record']
    """
    T, state = expect_size("T", T), expect_size("state", state)
    return list(expect_plan(plan, T, state).actions(T))


def _record_and_reverse(start, stop, T):
    yield Action("record", start, stop)
    if stop == T:
        yield Action("begin", -1, T)
    yield Action("backward", start, stop)
    yield Action("free", start, stop)


def expect_plan(plan, T, state):
    """Return ``plan``, fitted to ``T`` steps and states of ``state`` bytes, if it is one."""
    if not isinstance(plan, Full | Truncated | SqrtT | Binomial):
        raise TypeError(
            "plan: expected Full(), Truncated(k1, k2), SqrtT() or Binomial(slots=…),"
            f" got {given(plan)}"
        )
    return plan.fitted(T, state) if isinstance(plan, Binomial) else plan


def repeats(T, slots):
    """The least ``r`` for which ``β(slots, r) ≥ T``: how often at most a step is advanced."""
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
    """How far to go to the next state to store: both parts have to stay within their binomials."""
    r = repeats(T, slots)
    return min(math.comb(slots + r - 1, slots), T - math.comb(slots + r - 2, slots - 1))


def fit(T, room):
    """The slots and the block of the cheapest schedule with ``room`` for so many states.

    A block takes three states a step.
    """
    sizes = {1, T} | {k << i for i in range(T.bit_length()) for k in (2, 3)}
    blocks = [b for b in sorted(sizes) if b <= T and 3 * b < room]

    def cost(b, count):
        """Of ``count`` blocks of ``b`` steps; to record one takes about two steps more."""
        return b * advances(count, room - 3 * b) + 2 * count

    block = min(blocks, key=lambda b: cost(b, -(-T // b)))
    return room - 3 * block, block
