"""Gradient norms by step, by layer and by position, and what chain they make."""

from collections import Counter
from functools import cached_property
from itertools import pairwise

from ..bridge import trace
from ..choose import RECURRENT
from ..map import grid


class Curves:
    """The part of a case that is about traces; it needs ``task``, ``steps`` and ``notes``."""

    @cached_property
    def trace(self):
        """Norms by step, or None with a note."""
        return self.traced(trace, "No curve of norms by step")

    @cached_property
    def grid(self):
        """Norms by layer and step or by block and position, or None where there is no such map."""
        return self.traced(grid, "")

    def traced(self, instrument, note):
        values = self.task.inputs
        given = values.kwargs if values.kwargs else values.args
        self.task.restore()
        try:
            return instrument(self.task.model, given, self.task.loss, self.steps)
        except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
            if note and self.steps is not None and str(error).startswith("steps:"):
                raise
            if note:
                self.notes.append(f"{note}: {error}")
            return None

    @cached_property
    def in_time(self):
        """The module whose calls or steps the trace consists of, but for a few; empty if none.

        A few is a fifth, as for a head after the last step.
        """
        if self.trace is None:
            return ""
        bases = Counter(name.partition("[")[0] for name in self.trace.names if "[" in name)
        recurrent = {self.task.names[m] or type(m).__name__ for m in self.task.names if is_rnn(m)}
        steps = sum(times for base, times in bases.items() if base in recurrent)
        base, times = bases.most_common(1)[0] if bases else ("", 0)
        return base if max(steps, times) >= 0.8 * len(self.trace.names) else ""

    @cached_property
    def chain(self):
        """``(first, last)`` state of the longest chain in the trace; None without a trace.

        Where two steps are no chain, as at the seam of two branches, a new one begins.
        """
        log = self.trace
        if log is None:
            return None
        starts = [0]
        for t, (one, other) in enumerate(pairwise(log.names)):
            if any(note.startswith(f"{one} and {other} are no chain") for note in log.notes):
                starts.append(t + 1)
        ends = [*(start - 1 for start in starts[1:]), len(log.names)]
        return max(zip(starts, ends, strict=True), key=lambda ends: ends[1] - ends[0])


def is_rnn(module):
    return isinstance(module, RECURRENT)
