"""What a notebook needs beside its mathematics: the source that runs, and a checker for the reader's answers."""

import ast
import inspect
import textwrap

import numpy as np


class Source(str):
    """Python source that a notebook displays as highlighted code."""

    __slots__ = ()

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        return f"```python\n{self}\n```"


def show(thing):
    """The very source that runs: of a function, or of a step's forward pass and pullback; docstrings left out.

    Parameters
    ----------
    thing : function or class
        For a class that is a step, its ``__call__`` is shown.

    Returns
    -------
    Source
        Displays as code.

    Raises
    ------
    TypeError
        ``thing`` has no Python source.

    Notes
    -----
    Source: this book's own form. Taught in: notebook 01.

    Examples
    --------
    >>> show(log_norm)
    def log_norm(g, axes):
        over = tuple(range(-axes, 0))
        size = np.abs(g).max(axis=over, keepdims=True, initial=0.0)
        unit = g / np.where(size > 0, size, 1)
        with np.errstate(divide="ignore"):
            return np.log(size).reshape(size.shape[:-axes]) + 0.5 * np.log((unit * unit).sum(axis=over))
    """
    if inspect.isclass(thing) and "__call__" in vars(thing):
        thing = thing.__call__
    try:
        lines = textwrap.dedent(inspect.getsource(inspect.unwrap(thing))).rstrip().splitlines()
    except (TypeError, OSError):
        raise TypeError(f"thing: expected a function or class written in Python, came {thing!r:.60}") from None
    body = ast.parse("\n".join(lines)).body[0]
    first = body.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        del lines[first.lineno - 1:first.end_lineno]
    return Source("\n".join(line for line in lines if line.strip() != "@checked").replace("\n\n\n", "\n\n"))


def check_answer(yours, answer, *, hints=(), rtol=1e-3):
    """Say whether an exercise is solved, and if not, what the mistake may be.

    Parameters
    ----------
    yours : number, array, string or Ellipsis
        The reader's answer; ``...`` means none yet.
    answer : number, array or string
    hints : sequence of (wrong value, str)
        What to say to well-known wrong answers.
    rtol : float
        Relative tolerance for numbers.

    Notes
    -----
    Source: this book's own form. Taught in: notebook 01.

    Examples
    --------
    >>> check_answer(117.4, 1.1**49, hints=[(1.1**50, "that is the 50th power; T - 1 is 49")], rtol=1e-3)
    Not yet: that is the 50th power; T - 1 is 49
    """
    if yours is ...:
        return print("Not answered yet: put your answer in the place of the dots.")
    if _same(yours, answer, rtol):
        return print("Right.")
    for wrong, hint in hints:
        if _same(yours, wrong, rtol):
            return print(f"Not yet: {hint}")
    if isinstance(answer, str) or isinstance(yours, str):
        return print(f"Not yet: {yours!r} is not the answer.")
    came = repr(yours)
    try:
        yours, answer = np.asarray(yours, dtype=float), np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return print(f"Not yet: a number or an array of numbers is expected, not {came}.")
    if np.isnan(yours).any():
        return print(f"Not yet: a number or an array of numbers is expected, not {came}.")
    if yours.shape != answer.shape:
        return print(f"Not yet: the shape should be {answer.shape}, yours is {yours.shape}.")
    where = np.unravel_index(np.argmax(np.abs(yours - answer)), answer.shape)
    ratio = yours[where] / answer[where] if answer[where] else np.inf
    print(f"Not yet: {yours[where]:.4g} is too {'small' if yours[where] < answer[where] else 'large'}"
          + (f", by a factor of {ratio:.4g}." if 0 < ratio < np.inf else "."))


def _same(a, b, rtol):
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a.strip().lower() == b.strip().lower()
    try:
        a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=rtol, atol=1e-300))
