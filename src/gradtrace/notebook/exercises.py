"""Exercises: a number, a choice or a function of the reader's, and what is said to it.

Those of a chapter stand beside the notebooks, in ``exercises/``.
"""

import base64
import contextlib
import copy
import dis
import inspect
import io
import json
import math
import numbers
import traceback
import unicodedata
from collections.abc import Mapping
from html import escape
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

import numpy as np

from ..expect import expect_callable, expect_number, expect_string, expect_word, given
from .diagnosis import diagnose

__all__ = ["Choice", "Function", "Number", "exercise"]

NEAR_ZERO = 1e-9  # what counts as zero where zero is right

DOTS = "Not answered yet: put your answer in the place of the dots, and run the cell."
BODY = "Not answered yet: write the function's body in the place of the dots, and run the cell."


def check(name, answer):
    """Say whether an exercise is solved, and if not, what is wrong.

    Parameters
    ----------
    name : str
        The chapter's file name and the number of the exercise, such as ``"depth.2"``.
    answer : number, array, string, function or Ellipsis
        ``...`` means none yet.

    Raises
    ------
    ValueError
        There is no such exercise.

    Examples
    --------
    >>> check("chain-of-slopes.1", ...)
    Not answered yet: put your answer in the place of the dots, and run the cell.
    """
    from IPython.display import display

    display(exercise(name).judge(answer))


def exercise(name):
    """The exercise of this name, such as ``"depth.2"``: the second one of ``exercises/depth.py``.

    Parameters
    ----------
    name : str

    Returns
    -------
    Number, Choice or Function

    Raises
    ------
    ValueError
        There is no such exercise.

    Examples
    --------
    >>> exercise("chain-of-slopes.1").judge("many").right
    False
    """
    chapter, _, number = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    leaf = chapter.replace("-", "_")
    beside = import_module("exercises").__path__
    known = {found.name for found in iter_modules(beside)}
    exercises = import_module(f"exercises.{leaf}").EXERCISES if leaf in known else {}
    if number.isdecimal() and int(number) in exercises:
        return exercises[int(number)]
    such_as = f"{chapter}.1 to {chapter}.{max(exercises)}" if exercises else "such as 'depth.1'"
    raise ValueError(
        f"name: expected a chapter and the number of an exercise, {such_as}, got {given(name)}"
    )


class Verdict:
    """What is said to an answer; displays as a sentence, or as a form on a page without kernel."""

    def __init__(self, right, said, form=None):
        self.right, self.said, self.form = right, said, form

    def __repr__(self):
        return self.said

    def _repr_html_(self):
        if self.form is None:
            return None
        # read backwards: nobody who looks at the page's source meets an answer by chance
        code = base64.b64encode(json.dumps(self.form, ensure_ascii=False).encode()).decode()[::-1]
        return f'<div class="exercise" data-exercise="{code}">{escape(self.said)}</div>'


def _right(why):
    return Verdict(True, f"Right. {why}".strip())


def _not_yet(what):
    return Verdict(False, f"Not yet: {what}")


class Number:
    """An exercise whose answer is a number, or several in a row.

    Parameters
    ----------
    answer : float or ndarray of shape (n,)
    hints : sequence of (wrong number, str)
        What to say to well-known wrong answers.
    why : str
        What to say to the right one.
    unit : str
        What is counted, for the form on the page.
    rtol : float
        Relative tolerance, of hints too.

    Examples
    --------
    >>> answer = Number(1.1**49, hints=[(1.1**50, "that is the 50th power.")])
    >>> answer.judge(117.39), answer.judge(106.72), answer.judge(-106.72)
    (Not yet: that is the 50th power., Right., Not yet: the sign is the other one.)
    """

    def __init__(self, answer, *, hints=(), why="", unit="", rtol=1e-3):
        self.answer = _expect_numbers("answer", answer)
        self.hints = [
            (_expect_numbers(f"hints[{i}]", wrong), said)
            for i, (wrong, said) in enumerate(_expect_hints(hints))
        ]
        self.why, self.unit = expect_string("why", why), expect_string("unit", unit)
        self.rtol = expect_number("rtol", rtol, least=0)

    def judge(self, yours):
        """The verdict on an answer."""
        if yours is ...:
            return Verdict(False, DOTS, self._form())
        try:
            row = np.atleast_1d(np.asarray(yours))
            if np.iscomplexobj(row):
                return _not_yet(f"a real number is expected, got {given(yours)}.")
            row = row.astype(float)
        except (TypeError, ValueError, OverflowError):
            quoted = ", without quotes" if isinstance(yours, str) else ""
            return _not_yet(f"a number is expected{quoted}, got {given(yours)}.")
        if row.shape != self.answer.shape:
            many = "one number is" if self.answer.size == 1 else f"{self.answer.size} numbers are"
            return _not_yet(f"{many} expected, got {given(yours)}.")
        if self._near(row, self.answer):
            return _right(self.why)
        for wrong, said in self.hints:
            if wrong.shape == row.shape and self._near(row, wrong):
                return _not_yet(said)
        pairs = zip(row.tolist(), self.answer.tolist(), strict=True)
        wrong = [self._slip(x, a) for x, a in pairs]
        if len(wrong) == 1:
            return _not_yet(f"{wrong[0]}.")
        first = next(i for i, slip in enumerate(wrong) if slip)
        return _not_yet(f"number {first + 1} in the row: {wrong[first]}.")

    def _near(self, numbers, others):
        room = self.rtol * np.abs(others) + NEAR_ZERO * (others == 0)
        return bool(np.all(np.abs(numbers - others) <= room))

    def _slip(self, x, a):
        """A usual slip, in words, without the answer. On a page, static/exercise.js says it."""
        if self._near(x, a):
            return ""
        if not math.isfinite(x):
            return "it is not a finite number"
        if self._near(-x, a):
            return "the sign is the other one"
        if x != 0 and a != 0:
            if self._near(1 / x, a):
                return "it is the other way up: one over it"
            tens = round(math.log10(abs(x)) - math.log10(abs(a)))
            if tens and self._near(math.copysign(10 ** (math.log10(abs(x)) - tens), x), a):
                return "the digits are right, the power of ten is another"
            counted = x == round(x) and a == round(a)  # 21 for 20 is not a matter of precision
            if abs(x - a) <= 0.05 * abs(a) and not counted:
                return "you are near; give it more precisely"
        return "too small" if x < a else "too large"

    def _form(self):
        return {
            "kind": "number",
            "answer": _short(self.answer),
            "rtol": self.rtol,
            "unit": self.unit,
            "hints": [[_short(wrong), said] for wrong, said in self.hints],
            "why": self.why,
        }


class Choice:
    """An exercise whose answer is one of a few phrases.

    Parameters
    ----------
    options : sequence of str
    answer : str
    hints : dict
        What to say to wrong options.
    why : str
        What to say to the right one.

    Examples
    --------
    >>> grows = Choice(["grows", "fades"], "fades", hints={"grows": "0.9 is below one."})
    >>> grows.judge("grows"), grows.judge(" Fades ")
    (Not yet: 0.9 is below one., Right.)
    """

    def __init__(self, options, answer, *, hints=MappingProxyType({}), why=""):
        self.options = _expect_strings("options", options)
        alike = {_plain(option) for option in self.options}  # answers are compared so, too
        if len(alike) != len(self.options) or len(self.options) < 2:
            raise ValueError(f"options: expected two or more, all different, got {given(options)}")
        self.answer = expect_word("answer", answer, self.options)
        if not isinstance(hints, Mapping):
            raise TypeError(f"hints: expected a dict, got {given(hints)}")
        self.hints = dict(hints)
        for wrong, said in self.hints.items():
            if wrong not in self.options or wrong == answer or not isinstance(said, str):
                raise ValueError(
                    f"hints: expected what to say to wrong options,"
                    f" got {given(wrong)}: {given(said)}"
                )
        self.why = expect_string("why", why)

    def judge(self, yours):
        """The verdict on an answer."""
        if yours is ...:
            form = {"kind": "choice", "options": self.options, "answer": self.answer}
            return Verdict(False, DOTS, form | {"hints": self.hints, "why": self.why})
        said = _plain(yours) if isinstance(yours, str) else None
        chosen = next((option for option in self.options if _plain(option) == said), None)
        if chosen is None:
            names = ", ".join(map(repr, self.options))
            return _not_yet(f"one of {names} is expected, got {given(yours)}.")
        if chosen == self.answer:
            return _right(self.why)
        return _not_yet(self.hints.get(chosen, f"it is not {chosen!r}."))


def _plain(phrase):
    """A phrase as it is typed on any keyboard: b₁ as b1, without case or full stop."""
    return unicodedata.normalize("NFKC", phrase).lower().replace("_", "").strip(" .")


class Function:
    """An exercise whose answer is a function that the reader writes.

    It is called with every case, and what it returns is compared with what ``reference`` does.

    Parameters
    ----------
    reference : callable
        From the library where it has one.
    cases : dict
        Arguments, a tuple, by what they are called in a sentence: "one sample".
    returns : sequence of str
        What the parts of a returned tuple are called.
    hints : sequence of (callable, str)
        What to say to a function that returns in every case what this wrong one does.
    measure : callable, optional
        Of a function and the arguments of a case: what is compared in the place of what the
        function returns, such as the gradient of a function of tensors.
    also : sequence of callable
        Further tests, run when all cases are right: each takes the function and returns a sentence
        on what is wrong, or None.
    why : str
        What to say to the right one.
    rtol : float
        Relative tolerance.

    Examples
    --------
    >>> square = Function(np.square, {"three numbers": (np.arange(3.0),)})
    >>> square.judge(lambda x: 2 * x**2)
    Not yet: factor: everything is 2 times what it should be.
    """

    def __init__(
        self,
        reference,
        cases,
        *,
        returns=(),
        hints=(),
        measure=None,
        also=(),
        why="",
        rtol=1e-6,
    ):
        self.reference = expect_callable("reference", reference)
        if not isinstance(cases, Mapping) or not cases:
            raise TypeError(f"cases: expected a dict of arguments by name, got {given(cases)}")
        for name, arguments in cases.items():
            if not isinstance(name, str) or not isinstance(arguments, tuple):
                raise TypeError(
                    f"cases: expected tuples of arguments by name, got {given(name)}:"
                    f" {given(arguments)}"
                )
        self.cases = dict(cases)
        self.returns = tuple(_expect_strings("returns", returns))
        self.hints = _expect_hints(hints)
        for i, (wrong, _) in enumerate(self.hints):
            expect_callable(f"hints[{i}]", wrong)
        if not isinstance(also, tuple | list):
            raise TypeError(f"also: expected a list of functions, got {given(also)}")
        self.also = [expect_callable(f"also[{i}]", test) for i, test in enumerate(also)]
        self.measure = _called if measure is None else expect_callable("measure", measure)
        self.why = expect_string("why", why)
        self.rtol = expect_number("rtol", rtol, least=0)

    def judge(self, yours):
        """The verdict on a function."""
        if yours is ... or _is_empty(yours):
            return Verdict(False, BODY, {"kind": "function"})
        if not callable(yours):
            return _not_yet(
                f"a function is expected, got {given(yours)}; give its name, without brackets."
            )
        done = []
        for name, arguments in self.cases.items():
            # what she prints is shown once
            with contextlib.redirect_stdout(io.StringIO()) if done else contextlib.nullcontext():
                wrong = self._wrong(yours, arguments)
            if wrong:
                return _not_yet(self._hint(yours) or f"{self._where(name, done)}{wrong}.")
            done.append(name)
        with contextlib.redirect_stdout(io.StringIO()):
            wrong = next(filter(None, (self._fails(test, yours) for test in self.also)), None)
        return _not_yet(wrong) if wrong else _right(self.why)

    def _where(self, name, done):
        """The case in which it went wrong, and those in which it did not."""
        if done:
            return f"right for {' and '.join(done)}, not for {name}: "
        return f"for {name}, " if len(self.cases) > 1 else ""

    def _fails(self, test, yours):
        """What a further test says."""
        try:
            return test(yours)
        except Exception as error:
            return f"{_raised(yours, error)}."

    def _wrong(self, yours, arguments):
        """What is wrong in one case, or None."""
        mine = copy.deepcopy(arguments)
        try:
            got = self.measure(yours, *mine)
        except Exception as error:
            return _raised(yours, error)
        names = _names(yours)  # builtins do not tell theirs
        for i, (before, after) in enumerate(zip(arguments, mine, strict=True)):
            if not _same(before, after):
                name = names[i] if i < len(names) else f"number {i + 1}"
                kind = {list: "list", dict: "dict"}.get(type(before), "array")
                return f"it changes its argument {name}; make a new {kind} instead"
        return self._differs(got, self.measure(self.reference, *copy.deepcopy(arguments)))

    def _differs(self, got, wanted, name=""):
        """How a returned value differs from the right one: a number, an array, a tuple, a dict."""
        prefix = f"{name}: " if name else ""
        if wanted is None:  # of a hint's function
            return None if got is None else f"{prefix}expected None, got {given(got)}"
        if inspect.isgenerator(got):
            return f"{prefix}this is a generator: `return` is meant, not `yield`"
        if got is None:
            return f"{prefix}it returns None: a `return` is missing"
        if got is ...:
            return f"{prefix}the dots are still there"
        if isinstance(wanted, dict):
            if not isinstance(got, dict) or got.keys() != wanted.keys():
                return f"{prefix}expected a dict with {_list(wanted)}, got {given(got)}"
            parts = [(repr(key), got[key], wanted[key]) for key in wanted]
        elif isinstance(wanted, tuple | list):
            in_a_row = isinstance(got, tuple | list) or (isinstance(got, np.ndarray) and got.ndim)
            if not in_a_row or len(got) != len(wanted):
                names = f" ({', '.join(self.returns)})" if self.returns and not name else ""
                row = ", ".join("abcdefgh"[: len(wanted)])
                asked = f"{len(wanted)} things{names}, as in `return {row}`"
                return f"{prefix}expected {asked}, got {given(got)}"
            named = self.returns if len(self.returns) == len(wanted) and not name else None
            names = named or [f"{name}[{i}]" for i in range(len(wanted))]
            parts = list(zip(names, got, wanted, strict=True))
        else:
            found = diagnose(got, wanted, self.rtol)
            return f"{prefix}{found}" if found else None
        wrong = (self._differs(mine, right, part) for part, mine, right in parts)
        return next(filter(None, wrong), None)

    def _hint(self, yours):
        """What to say to a function that does in all cases what a well-known wrong one does.

        If several raise the same kind of error, the one that raises it with the same message.
        """
        cases = self.cases.values()
        with contextlib.redirect_stdout(io.StringIO()):
            for message in (str, lambda error: ""):
                for wrong, said in self.hints:
                    if all(self._alike(yours, wrong, case, message) for case in cases):
                        return said
        return None

    def _alike(self, yours, wrong, arguments, message):
        results = []
        for function in (yours, wrong):
            try:
                results.append((self.measure(function, *copy.deepcopy(arguments)), None))
            except Exception as error:
                results.append((None, (type(error), message(error))))
        (got, mine), (wanted, its) = results
        if mine or its:
            return mine == its
        return self._differs(got, wanted) is None


def _called(function, *arguments):
    """What a function returns."""
    return function(*arguments)


def _is_empty(function):
    """Whether a function's body is nothing but dots, with or without a docstring."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP")]
    returns_none = [step.opname for step in steps] in (
        ["LOAD_CONST", "RETURN_VALUE"],
        ["RETURN_CONST"],  # Python 3.12 and 3.13
    )
    return returns_none and steps[0].argval is None


def _same(before, after):
    """Whether a function has left an argument as it was."""
    if type(before) is not type(after):
        return False
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(before[k], after[k]) for k in before)
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, numbers.Number | str):
        return before == after
    return True  # a function, for example


def _names(function):
    try:
        parameters = inspect.signature(function).parameters.values()
        return [each.name for each in parameters if each.kind is not each.VAR_POSITIONAL]
    except (TypeError, ValueError):
        return []


def _raised(function, error):
    """The error of a reader's function, and the line of hers in which it rose."""
    code = getattr(function, "__code__", None)
    lines = [
        frame.line
        for frame in traceback.extract_tb(error.__traceback__)
        if code and frame.filename == code.co_filename
    ]
    where = f", in the line `{lines[-1]}`" if lines and lines[-1] else ""
    return f"it raises {type(error).__name__}: {error}{where}"


def _list(names):
    return ", ".join(map(repr, names))


def _expect_strings(name, value):
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name}: expected a list of strings, got {given(value)}")
    return [expect_string(f"{name}[{i}]", each) for i, each in enumerate(value)]


def _expect_hints(hints):
    if not isinstance(hints, tuple | list):
        raise TypeError(f"hints: expected a list, got {given(hints)}")
    for i, hint in enumerate(hints):
        if not isinstance(hint, tuple | list) or len(hint) != 2 or not isinstance(hint[1], str):
            raise TypeError(
                f"hints[{i}]: expected (what is wrong, what to say to it), got {given(hint)}"
            )
    return list(hints)


def _expect_numbers(name, value):
    """``value`` as a row of finite numbers, or an error."""
    try:
        numbers = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError, OverflowError):
        numbers = np.array([np.nan])
    if value is None or numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise TypeError(f"{name}: expected a number or a row of numbers, got {given(value)}")
    return numbers


def _short(numbers):
    """Numbers as the page stores them: nine digits, the same on every machine."""
    return [float(f"{number:.9g}") for number in numbers]
