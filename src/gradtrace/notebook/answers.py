"""Answers of the reader, checked: is an exercise solved, and if not, what may the mistake be?"""

import numpy as np

from ..expect import expect_number, given


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

    Examples
    --------
    >>> hints = [(1.1**50, "that is the 50th power; T - 1 is 49")]
    >>> check_answer(117.4, 1.1**49, hints=hints, rtol=1e-3)
    Not yet: that is the 50th power; T - 1 is 49
    """
    rtol = expect_number("rtol", rtol, least=0)
    _expect_answer("answer", answer)
    if not isinstance(hints, tuple | list):
        raise TypeError(f"hints: expected a list, got {given(hints)}")
    for i, hint in enumerate(hints):
        if not isinstance(hint, tuple | list) or len(hint) != 2 or not isinstance(hint[1], str):
            raise TypeError(
                f"hints[{i}]: expected (wrong value, what to say to it), got {given(hint)}"
            )
    if yours is ...:
        return print("Not answered yet: put your answer in the place of the dots.")
    if _agree(yours, answer, rtol):
        return print("Right.")
    for wrong, hint in hints:
        if _agree(yours, wrong, rtol):
            return print(f"Not yet: {hint}")
    if isinstance(answer, str) or isinstance(yours, str):
        return print(f"Not yet: {yours!r} is not the answer.")
    got = repr(yours)
    try:
        yours, answer = np.asarray(yours, dtype=float), np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return print(f"Not yet: a number or an array of numbers is expected, not {got}.")
    if np.isnan(yours).any():
        return print(f"Not yet: a number or an array of numbers is expected, not {got}.")
    if yours.shape != answer.shape:
        return print(f"Not yet: the shape should be {answer.shape}, yours is {yours.shape}.")
    where = np.unravel_index(np.argmax(np.abs(yours - answer)), answer.shape)
    ratio = yours[where] / answer[where] if answer[where] else np.inf
    size = "small" if yours[where] < answer[where] else "large"
    factor = f", by a factor of {ratio:.4g}" if 0 < ratio < np.inf else ""
    print(f"Not yet: {yours[where]:.4g} is too {size}{factor}.")


def _expect_answer(name, value):
    """Raise unless ``value`` is a string, or numbers without ``nan``."""
    try:
        fine = isinstance(value, str) or not np.isnan(np.asarray(value, dtype=float)).any()
    except (TypeError, ValueError, OverflowError):
        fine = False
    if not fine or value is None:
        raise TypeError(
            f"{name}: expected a string, a number or an array of numbers, got {given(value)}"
        )


def _agree(a, b, rtol):
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a.strip().lower() == b.strip().lower()
    try:
        a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=rtol, atol=1e-300))
