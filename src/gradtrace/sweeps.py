"""One function at every point of a grid: here, on all cores, or on a cluster. The numbers are the same.

``sweep`` takes any ``concurrent.futures.Executor``: threads, processes, or those of Dask, ``client.get_executor()``.
"""

import tempfile
from concurrent.futures import CancelledError, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .progress import bar


class Lost(NamedTuple):
    """A point of the grid that gave no result."""

    index: int                      # its place in Sweep.parameters
    parameters: dict
    cause: BaseException            # what the function raised, or what happened to its worker
    begun: bool                     # False if the point still waited for its turn, as far as is known


@dataclass(frozen=True)
class Sweep:
    """What a sweep gave at the points of its grid, in the order of the grid.

    Attributes
    ----------
    shape : tuple of int
        How many values each parameter took: ``np.reshape(results, shape)`` is the table.
    parameters : list of dict
        The points; the last parameter changes fastest.
    results : list
        What the function returned at each, ``None`` where it did not.
    failures : list of Lost
        The points without a result. Only an interrupted sweep is returned with any.
    interrupted : bool
        Whether the reader stopped it.

    Examples
    --------
    >>> run = sweep(lambda width, depth: width * depth, width=[1, 2], depth=[3, 4, 5])
    >>> run.parameters[1], np.reshape(run.results, run.shape)
    ({'width': 1, 'depth': 4}, array([[ 3,  4,  5],
           [ 6,  8, 10]]))
    """

    shape: tuple[int, ...]
    parameters: list[dict]
    results: list
    failures: list[Lost]
    interrupted: bool = False


class SweepError(RuntimeError):
    """Some points gave no result. The message names them; ``error.sweep`` holds what the others gave.

    Examples
    --------
    >>> try:
    ...     sweep(lambda gain: 1 / gain, gain=[1, 0, 2])
    ... except SweepError as error:
    ...     print(error)
    ...     print(error.sweep.results)
    1 of 3 points gave no result; error.sweep.results has the rest
      {'gain': 0}: ZeroDivisionError: division by zero
    [1.0, None, 0.5]
    """

    def __init__(self, sweep):
        super().__init__(sweep)
        self.sweep = sweep

    def __str__(self):
        lost = sorted(self.sweep.failures, key=lambda f: not f.begun)
        lines = [f"{len(lost)} of {len(self.sweep.parameters)} points gave no result; error.sweep.results has the rest"]
        for f in lost[:10]:
            kind = type(f.cause).__name__
            lines.append(f"  {f.parameters}: " + (f"{kind}: {f.cause}" if f.begun else f"never begun, {kind}"))
        return "\n".join(lines + ["  …"] * (len(lost) > 10))


def sweep(function, /, executor=None, **grid):
    """Call ``function`` with every combination of the values in ``grid``.

    The numbers do not depend on the executor if the function draws at random only from ``stream(seed, **point)``.
    Ctrl-C cancels what waits and returns what is finished.

    Parameters
    ----------
    function : callable
        Takes the parameters by name. Processes need one that a module defines, no lambda.
    executor : concurrent.futures.Executor, optional
        Who computes; without one, this process, point after point. It is not shut down.
    **grid : sequence
        The values of each parameter; an array or a range will do.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError, TypeError
        An argument is of the wrong kind or has no values.
    SweepError
        At the end, if the function raised or a worker died. A pool of processes breaks with its first dead worker;
        Dask starts another and goes on.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor() as pool:
    ...     run = sweep(pow, pool, base=[2, 3], exp=range(4))
    >>> run.results
    [1, 2, 4, 8, 1, 3, 9, 27]
    """
    if not callable(function):
        raise TypeError(f"function: expected a function, came {type(function).__name__} {function!r:.40}")
    if executor is not None and not isinstance(executor, Executor):
        raise TypeError("executor: expected a concurrent.futures.Executor, of Dask client.get_executor(),"
                        f" came {type(executor).__name__}")
    grid = {name: _expect_values(name, values) for name, values in grid.items()}
    if not grid:
        raise ValueError("grid: expected at least one parameter, name=values, came none")
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    futures, stopped = [], None
    with (tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
          bar(len(points), getattr(function, "__name__", "sweep")) as shown):
        marks = [Path(folder, str(i)) for i in range(len(points))]
        try:
            stopped = _submit(executor or Here(), function, points, marks, futures, shown)
            while not all(future.done() for future in futures):
                shown.update(len(wait(futures, timeout=0.5).done) - shown.n)        # Windows hears Ctrl-C in between
        except KeyboardInterrupt as error:
            stopped = error
            for future in futures:
                future.cancel()
        results, failures = _collect(points, marks, futures, stopped)
    run = Sweep(tuple(map(len, grid.values())), points, results, failures, isinstance(stopped, KeyboardInterrupt))
    if failures and not run.interrupted:
        raise SweepError(run) from failures[0].cause
    return run


class Here(Executor):
    def submit(self, function, /, *args):
        future = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def _run(function, point, mark):
    """What a worker does: leave a mark that the point has begun, where the folder can be reached, and compute."""
    with suppress(OSError):
        Path(mark).touch()
    try:
        return function(**point)
    except Exception as error:
        error.add_note(f"at the point {point} of the sweep")
        raise


def _submit(executor, function, points, marks, futures, shown):
    """Fill ``futures``; return the error if the executor takes no more, being broken or shut down."""
    for point, mark in zip(points, marks, strict=True):
        try:
            futures.append(executor.submit(_run, function, point, str(mark)))
        except Exception as error:
            return error
        shown.update(futures[-1].done())


def _collect(points, marks, futures, stopped):
    """Sort what came: results in their places, and for every other point why there is none."""
    reached = any(mark.exists() for mark in marks)          # not so on a cluster that shares no folder
    results, failures = [None] * len(points), []
    for i, (point, mark) in enumerate(zip(points, marks, strict=True)):
        future = futures[i] if i < len(futures) else None
        if future is None or not future.done():
            cause = stopped
        else:
            cause = CancelledError() if future.cancelled() else future.exception()
        if cause is None:
            results[i] = future.result()
        else:
            taken = future is not None and not future.cancelled()
            begun = mark.exists() or hasattr(cause, "__notes__") or (taken and not reached)
            failures.append(Lost(i, point, cause, begun))
    return results, failures


def _expect_values(name, values):
    if isinstance(values, str | bytes) or not np.iterable(values):
        raise TypeError(f"{name}: expected a list of values, came {type(values).__name__} {values!r:.40}")
    if not (values := tuple(values)):
        raise ValueError(f"{name}: expected at least one value, came none")
    return values
