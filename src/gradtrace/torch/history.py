"""What a watch has seen: a row for each watched update, as arrays."""

import math
from dataclasses import dataclass, field

import numpy as np

MOST = 2000  # rows
SHOWN = 5  # spikes in print(log)


def empty():
    return np.zeros(0)


@dataclass
class Row:
    """One watched update."""

    update: int
    norm: float
    clipped: float
    log_p: np.ndarray
    moved: np.ndarray
    log_h: np.ndarray = field(default_factory=empty)
    names: tuple[str, ...] = ()
    log_x: dict = field(default_factory=dict)
    reach: dict = field(default_factory=dict)
    lost: tuple[str, ...] = ()  # parameters whose gradient is not finite


class TrainingLog:
    """What :func:`watch` has seen so far: ``K`` updates, evenly spaced.

    It can be read while training goes on, pickled, and holds neither the model nor the optimiser.
    Of more than 2000 watched updates every second one is dropped, and from then on half as many
    are watched, so that a run of any length fits into memory.

    Attributes
    ----------
    updates : ndarray of shape (K,)
        The numbers of the watched updates. An update is one call of ``optimizer.step``; the first
        is 0.
    norm : ndarray of shape (K,)
        ``‖g‖`` over all parameters that the model and the optimiser have in common, as the backward
        passes left it, before it is clipped.
    log_p : dict of str to ndarray of shape (K,)
        ``ln ‖∂L/∂W‖`` of each of these parameters, by its name in the model; ``-inf`` if it is
        exactly zero or there is none, ``nan`` where the optimiser did not have the parameter yet.
    clipped : ndarray of shape (K,)
        ``1 - ‖g'‖ / ‖g‖`` with the gradient ``g'`` that the optimiser got: the share that clipping
        took away, and whatever else changes gradients after the backward pass. ``nan`` where no
        backward pass was seen, as with gradients set by hand.
    moved : dict of str to ndarray of shape (K,)
        ``‖ΔW‖ / ‖W‖``, of the weights before and after the update; ``inf`` for weights that were
        all zero.
    log_h : ndarray of shape (K, T + 1)
        ``ln ‖∂L/∂h_t‖`` by step as in :class:`ModelTrace`, of the last backward pass before the
        update. ``nan`` where no gradient is computed, as at data that the first step reads, and
        behind the last step of a shorter pass. Of an LSTM cell's memory it counts what reaches the
        loss through the output of the same step, too. Empty if all steps lie within recurrent
        modules that read whole sequences, as these hide their states.
    log_x : dict of str to ndarray of shape (K, T)
        For each ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` in one direction, by its name,
        ``ln ‖∂L/∂x_t‖`` of what it reads at each time.
    reach : dict of str to ndarray of shape (K,)
        Of how many of the last time steps the norms of the gradients make up 99 % of the sum over
        all: those at what a recurrent module reads, ``log_x``, or at what a module gives out that
        is called step by step. 0 if all are exactly zero. The book counts the contributions to a
        matrix instead, ``log_p`` of a trace: of 24 nets over 100 steps the two were 1 step apart in
        the median, and at most 8, 15 beside 23.
    names : tuple of str
        Of the steps of ``log_h``.
    spikes : tuple of Spike
    skipped : int
        How many gradients were not finite and made no update, as a ``GradScaler`` skips it, or as
        your own loop does. With ``spikes=0`` only those that a fused optimiser was given are
        counted.
    notes : tuple of str
        What could not be seen, and why; and what is wrong with the loop around the model.

    Examples
    --------
    >>> log = TrainingLog(["weight"])
    >>> log.add(Row(0, 2.0, 0.5, np.zeros(1), np.full(1, 1e-3), np.zeros(3), ("0", "2")))
    >>> log.updates, log.moved["weight"], log.log_h.shape
    (array([0]), array([0.001]), (1, 3))
    >>> print(log)
    1 update watched, 0 to 0; ‖g‖ 2; 50 % clipped away; ‖ΔW‖/‖W‖ 0.001 (weight) to 0.001 (weight)
    """

    def __init__(self, parameters):
        self._parameters, self._rows = [*parameters], []
        self.spikes, self.notes, self.skipped = (), (), 0

    def add(self, row):
        self._rows.append(row)

    def thin_out(self):
        """Drop every second row if there are too many, and say whether."""
        full = len(self._rows) > MOST
        if full:
            self._rows = self._rows[::2]
        return full

    def _column(self, name):
        return np.array([getattr(row, name) for row in self._rows], float)

    def _by_parameter(self, name):
        if not self._rows:
            return {}
        table = padded([getattr(row, name) for row in self._rows])
        seen = ~np.isnan(padded([row.log_p for row in self._rows])).all(axis=0)
        lost = {name for row in self._rows for name in row.lost}
        return {
            parameter: table[:, i]
            for i, parameter in enumerate(self._parameters[: table.shape[1]])
            if seen[i] or parameter in lost
        }

    def _by_module(self, name):
        """Of what is a dict in every row."""
        modules = dict.fromkeys(m for row in self._rows for m in getattr(row, name))
        return {m: [getattr(row, name).get(m) for row in self._rows] for m in modules}

    def learn(self, parameters):
        """Have a place for each of these names in the rows that come."""
        known = {*self._parameters}
        self._parameters += [name for name in parameters if name not in known]
        return self._parameters

    @property
    def updates(self):
        return np.array([row.update for row in self._rows], int)

    @property
    def norm(self):
        return self._column("norm")

    @property
    def clipped(self):
        return self._column("clipped")

    @property
    def log_p(self):
        return self._by_parameter("log_p")

    @property
    def moved(self):
        return self._by_parameter("moved")

    @property
    def log_h(self):
        return padded([row.log_h for row in self._rows])

    @property
    def names(self):
        return max((row.names for row in self._rows), key=len, default=())

    @property
    def log_x(self):
        return {m: padded(rows) for m, rows in self._by_module("log_x").items()}

    @property
    def reach(self):
        return {m: np.array(rows, float) for m, rows in self._by_module("reach").items()}

    @property
    def has_states(self):
        return any(len(row.log_h) for row in self._rows)

    @property
    def reads(self):
        """The recurrent modules of ``log_x``."""
        return [*dict.fromkeys(m for row in self._rows for m in row.log_x)]

    def figure(self):
        """A live figure with a slider over the updates, to show in a notebook or to save.

        Above, the norm of the whole gradient through the run; in the middle the gradients by step;
        below ``‖ΔW‖ / ‖W‖`` of each parameter, with a band from 1e-4 to 1e-2 around the rule of
        thumb, 1e-3. It needs matplotlib.

        Raises
        ------
        ValueError
            No update was watched.
        """
        from .picture import explored

        return explored(self)

    def __str__(self):
        spikes = [*map(str, self.spikes[:SHOWN])]
        if len(self.spikes) > SHOWN:
            spikes.append(f"{len(self.spikes) - SHOWN} more in spikes")
        return "\n".join([self._in_a_line(), *self._in_sentences(), *spikes, *self.notes])

    __repr__ = __str__

    def _in_sentences(self):
        """What is to be known of the whole run, as far as there is anything."""
        if not self._rows:
            return []
        last, found = self._rows[-1], []
        if self.skipped:
            gradients = (
                "1 gradient that was"
                if self.skipped == 1
                else (f"{self.skipped} gradients that were")
            )
            found.append(f"{gradients} not finite made no update")
        if last.lost:
            found.append(self._where_lost())
        clipped = self.clipped[self.clipped > 1e-3]
        if len(clipped) and len(self._rows) > 1:
            found.append(
                f"clipped at {len(clipped)} of {len(self._rows)} watched updates, by"
                f" {100 * np.median(clipped):.3g} % in the median"
            )
        if 0 < last.norm < math.inf and np.nanmax(last.moved) == 0:
            found.append(f"no parameter moved at update {last.update}, though it has a gradient")
        silent = [name for name, logs in self.log_p.items() if np.isneginf(logs).all()]
        if silent:
            found.append(f"no gradient when the optimiser stepped: {in_words(silent)}")
        return found

    def _where_lost(self):
        """From which update on gradients are not finite, and in which parameters first."""
        first = len(self._rows)
        while first and self._rows[first - 1].lost:
            first -= 1
        row, before = self._rows[first], self._rows[first - 1].update if first else -1
        update, lost = row.update, row.lost
        for spike in self.spikes:
            if before < spike.update < update and not math.isfinite(spike.norm):
                update = spike.update
                lost = [name for name, log in spike.log_p.items() if not log < math.inf]
        had = {self._parameters[i] for i in np.flatnonzero(~np.isnan(row.log_p))}
        many = len(had.union(row.lost))
        where = f"{len(lost)} of {many} parameters, the last of them {lost[-1]}"
        if len(lost) == many:
            where = "all parameters"
        return f"gradients are not finite from update {update} on, at first in {where}"

    def _in_a_line(self):
        if not self._rows:
            return "no update watched"
        row = self._rows[-1]
        number = f"{len(self._rows)} update" + "s" * (len(self._rows) > 1)
        parts = [f"{number} watched, {self._rows[0].update} to {row.update}"]
        parts.append(f"‖g‖ {row.norm:.3g}")
        if not math.isnan(row.clipped):
            parts.append(f"{100 * row.clipped:.3g} % clipped away")
        order = [i for i in np.argsort(row.moved) if not np.isnan(row.moved[i])]
        if order:
            ends = [f"{row.moved[i]:.3g} ({self._parameters[i]})" for i in (order[0], order[-1])]
            parts.append("‖ΔW‖/‖W‖ " + " to ".join(ends))
        parts += [f"reach of {m} {steps} steps" for m, steps in row.reach.items()]
        return "; ".join(parts)


def in_words(names):
    """The first three of some names.

    Examples
    --------
    >>> in_words(["a", "b"]), in_words("abcde")
    ('a, b', 'a, b, c and 2 more')
    """
    names = [*names]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def padded(rows):
    """Arrays of several lengths as the rows of one, with nan behind the shorter ones."""
    rows = [np.zeros(0) if row is None else row for row in rows]
    table = np.full((len(rows), max(map(len, rows), default=0)), np.nan)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return table


def reach(logs, share=0.99):
    """How many of the last entries have a share of the sum of ``exp(logs)``; 0 if all are zero.

    Examples
    --------
    >>> reach(np.log([0.001, 0.999, 9.0])), reach(np.full(5, -np.inf))
    (2, 0)
    """
    logs = np.where(np.isnan(logs), -np.inf, logs)
    top = logs.max(initial=-np.inf)
    if not np.isfinite(top):
        return 0
    last_first = np.cumsum(np.exp(logs - top)[::-1])
    enough = share * last_first[-1] * (1 - 1e-12)  # a hair less, for rounding
    return int(np.searchsorted(last_first, enough)) + 1
