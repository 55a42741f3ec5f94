"""One function at every point of a grid: here, on all cores, or on a cluster.

The numbers are the same. ``sweep`` takes any ``concurrent.futures.Executor``: threads, processes,
or Dask's, ``client.get_executor()``.
"""

from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from .expect import expect_callable, given
from .progress import bar


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
    failures : dict of int to Exception
        Why a point gave no result, by its place in ``parameters``.
    interrupted : bool
        Whether Ctrl-C ended the sweep before all points had their turn.

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
    failures: dict[int, Exception]
    interrupted: bool = False


class SweepError(RuntimeError):
    """Some points gave no result: the message names them, ``error.sweep`` holds the others.

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
        points = self.sweep.parameters
        failures = sorted(self.sweep.failures.items())
        count = f"{len(failures)} of {len(points)} points"
        lines = [f"{count} gave no result; error.sweep.results has the rest"]
        for i, error in failures[:10]:
            lines.append(f"  {points[i]}: {type(error).__name__}: {error}")
        if len(failures) > 10:
            lines.append("  …")
        return "\n".join(lines)


def sweep(function, /, executor=None, done=None, **grid):
    """Call ``function`` with every combination of the values in ``grid``.

    The numbers do not depend on the executor if the function draws at random only from
    ``stream(seed, **point)``. Ctrl-C cancels what waits and returns what is finished.

    Parameters
    ----------
    function : callable
        Takes the parameters by name. Processes need one that a module defines, no lambda.
    executor : concurrent.futures.Executor, optional
        Who computes; without one, this process, point after point. It is not shut down.
    done : callable, optional
        ``done(point, result)`` is called here, in this process, soon after a point is finished, to
        store it, say.
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
        At the end, if the function raised or a worker died. A pool of processes breaks with its
        first dead worker, and all points that were not finished fail with it; the first of them in
        the grid were being computed. Dask starts another worker and goes on.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor() as pool:
    ...     run = sweep(pow, pool, base=[2, 3], exp=range(4))
    >>> run.results
    [1, 2, 4, 8, 1, 3, 9, 27]
    """
    expect_callable("function", function)
    if done is not None:
        expect_callable("done", done)
    if executor is not None and not isinstance(executor, Executor):
        raise TypeError(
            "executor: expected a concurrent.futures.Executor, of Dask client.get_executor(),"
            f" got {given(executor)}"
        )
    grid = {name: _expect_values(name, values) for name, values in grid.items()}
    if not grid:
        raise ValueError("grid: expected at least one parameter, name=values, got none")
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    shape = tuple(len(values) for values in grid.values())
    results, failures = [None] * len(points), {}
    interrupted = False
    with bar(len(points), getattr(function, "__name__", "sweep")) as shown:
        try:
            for i, answer in _answers(function, executor, points):
                shown.update()
                try:
                    results[i] = answer()
                except Exception as error:
                    failures[i] = error
                    continue
                if done is not None:
                    done(points[i], results[i])
        except KeyboardInterrupt:
            interrupted = True
    run = Sweep(shape, points, results, failures, interrupted)
    if failures and not interrupted:
        raise SweepError(run) from failures[min(failures)]
    return run


def _answers(function, executor, points):
    """Yield the place of each finished point, and a call that returns its result or raises."""
    if executor is None:
        for i, point in enumerate(points):
            yield i, partial(function, **point)
        return
    pending = {}
    try:
        for i, point in enumerate(points):
            pending[_submit(executor, function, point)] = i
        while pending:
            wait(pending, timeout=0.5)  # Windows hears Ctrl-C in between
            yield from _finished(pending)
    except KeyboardInterrupt:
        yield from _finished(pending)  # since the last look
        raise
    finally:
        for future in pending:
            future.cancel()


def _finished(pending):
    """Take out of ``pending`` the futures that are done."""
    for future in [future for future in pending if future.done()]:
        yield pending.pop(future), future.result


def _submit(executor, function, point):
    """A future; one that has failed if the executor takes no more, being broken or shut down."""
    try:
        return executor.submit(_call, function, point)
    except Exception as error:
        future = Future()
        future.set_exception(error)
        return future


def _call(function, point):
    """Dask's ``submit`` keeps some keywords for itself: the point travels as one argument."""
    return function(**point)


def _expect_values(name, values):
    if isinstance(values, str | bytes) or not np.iterable(values):
        raise TypeError(f"{name}: expected a list of values, got {given(values)}")
    values = tuple(values)
    if not values:
        raise ValueError(f"{name}: expected at least one value, got none")
    return values
