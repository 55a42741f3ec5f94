"""What is said to a number, a choice and a function; and every exercise of the book."""

import base64
import json
import re
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np
import pytest
from answers import CHOICES, FADE, GROWS, NUMBERS
from hypothesis import assume, given, strategies
from hypothesis.extra.numpy import arrays

from gradtrace.notebook.diagnosis import diagnose
from gradtrace.notebook.exercises import Choice, Function, Number, check

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
CHAPTERS = sorted(
    path.stem.replace("_", "-")
    for path in (NOTEBOOKS / "exercises").glob("*.py")
    if path.stem != "__init__"
)

PROMPTS = "code_prompt_show", "code_prompt_hide"


def exercises_of(chapter):
    return import_module(f"exercises.{chapter.replace('-', '_')}").EXERCISES


# ---------------------------------------------------------------- arrays

A = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
SQUARE = np.arange(9.0).reshape(3, 3)
CUBE = np.arange(27.0).reshape(3, 3, 3)


@pytest.mark.parametrize(
    "got, wanted, said",
    [
        (A.copy(), A, None),
        (A * (1 + 1e-8), A, None),
        ([[1, -2, 3], [4, 5, -6]], A, None),
        (A.T, A, "axis: rows and columns are exchanged"),
        (np.ones((3, 2)), A, "shape: rows and columns are exchanged"),
        (A[0], A, "shape: an array of shape (2, 3) is asked for, this is an array of shape (3,)"),
        (A, A.sum(0), "axis: not yet summed over axis 0"),
        (A, A.mean(1), "axis: not yet averaged over axis 1"),
        (A.ravel(), A, "shape: the numbers are right"),
        (-A, A, "sign: all signs are the other way round"),
        (np.abs(A), A, "sign: the sizes are right, 2 of 6 signs are wrong"),
        (2 * A, A, "factor: everything is 2 times what it should be, the length of axis 0"),
        (A / 5, A, "factor: everything is 0.2 times what it should be"),
        (-3 * A, A, "sign and factor: everything is -3 times"),
        (0 * A, A, "value: zero everywhere"),
        ((-2 + 1j) * A, A + 0j, "factor: everything is -2+1j times"),
        (SQUARE.T, SQUARE, "axis: rows and columns are exchanged"),
        (CUBE.swapaxes(0, 2), CUBE, "axis: axes 0 and 2 are exchanged"),
        (SQUARE[::-1], SQUARE, "axis: along axis 0, the order is reversed"),
        (SQUARE[0][::-1], SQUARE[0], "index: the order is reversed"),
        (
            np.roll(np.arange(1.0, 6), 1),
            np.arange(1.0, 6),
            "index: everything stands one place too",
        ),
        (np.roll(SQUARE**2, -1, 1), SQUARE**2, "index: along axis 1, everything stands one place"),
        (
            np.array([9.0, 2.0, 4.0]),
            np.array([1.0, 2.0, 4.0]),
            "index: right everywhere but at index 0, the first",
        ),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), "value: nan at index 1, which is not"),
        (3.0, 2.0, "value: 3 is not the number"),
        (-2.0, 2.0, "sign: the other one"),
        (0.0, 2.0, "value: zero"),
        ("two", 2.0, "kind: a number is asked for"),
        ([[1.0], [1.0, 2.0]], A, "shape: its rows have different lengths"),
        (np.array([1.0, 7.0, 3.0, 8.0]), np.arange(1.0, 5), "value: 2 of 4 numbers are wrong"),
    ],
)
def test_what_is_wrong_with_an_array(got, wanted, said):
    found = diagnose(got, wanted)
    assert found is None if said is None else found.startswith(said), found


@given(arrays(float, (3, 4), elements=strategies.floats(-10, 10)))
def test_an_array_is_right_only_if_its_numbers_are(wanted):
    assert diagnose(wanted.copy(), wanted) is None
    moved = wanted.copy()
    moved[1, 2] += 1.0
    assert diagnose(moved, wanted) is not None


@given(arrays(float, 5, elements=strategies.floats(-10, 10)), strategies.floats(-4, 4))
def test_a_named_factor_is_the_factor(wanted, factor):
    assume(np.count_nonzero(np.abs(wanted) > 0.1) >= 2 and abs(abs(factor) - 1) > 0.01)
    assume(abs(factor) > 0.01)
    found = diagnose(factor * wanted, wanted)
    assert f"everything is {factor:.4g} times" in found


# ---------------------------------------------------------------- numbers, choices


@pytest.mark.parametrize("answer, yours, right, said", NUMBERS)
def test_what_is_said_to_a_number(answer, yours, right, said):
    numbers = [float(number) for number in yours.split(",")]
    verdict = answer.judge(numbers if len(numbers) > 1 else numbers[0])
    assert (verdict.right, verdict.said) == (right, said)


@pytest.mark.parametrize(
    "yours, said",
    [
        ("ten", "Not yet: a number is expected, without quotes, got 'ten'."),
        ([1, 2], "Not yet: one number is expected, got list [1, 2]."),
        (None, "Not yet: it is not a finite number."),
        (np.float32(9.966), "Right. Three decades."),
        (np.array([9.966]), "Right. Three decades."),
        (1.7e308, "Not yet: too large."),
        (5e-324, "Not yet: too small."),
        (9.966 + 1j, "Not yet: a real number is expected, got complex (9.966+1j)."),
    ],
)
def test_what_is_said_to_other_things_than_a_number(yours, said):
    assert FADE.judge(yours).said == said


@pytest.mark.parametrize(
    "yours, said",
    [
        *[(option, said) for option, _, said in CHOICES],
        (" Fades. ", "Right. 0.9 < 1."),
        ("shrinks", "Not yet: one of 'grows', 'stays', 'fades' is expected, got 'shrinks'."),
        (3, "Not yet: one of 'grows', 'stays', 'fades' is expected, got int 3."),
    ],
)
def test_what_is_said_to_a_choice(yours, said):
    assert GROWS.judge(yours).said == said


@pytest.mark.parametrize("options", [["b₁", "b1"], ["w_1", "w1"], ["Yes", "yes."]])
def test_options_that_are_one_answer_are_refused(options):
    with pytest.raises(ValueError, match="options: expected two or more, all different, got"):
        Choice(options, options[0])


def test_zero_may_be_rounded():
    zero = Number(0.0)
    assert zero.judge(1e-17).right and not zero.judge(1e-6).right
    assert diagnose(np.array([1e-12, 0.0]), np.zeros(2)) is None


@pytest.mark.parametrize("yours", [np.array([1, 2]), ["grows"], len])
def test_what_is_no_word_is_no_choice(yours):
    said = "Not yet: one of 'grows', 'stays', 'fades' is expected, got "
    assert GROWS.judge(yours).said.startswith(said)


@pytest.mark.parametrize(
    "yours, said",
    [
        (lambda p, x: p.update(W=0.0), "for numbers, it changes its argument p; make a new dict"),
        (lambda *given: given[1].fill(0), "for numbers, it changes its argument number 2; make"),
        (lambda p, x: (n for n in x), "for numbers, this is a generator: `return` is meant"),
        (lambda p, x: (x, 2.0), "for numbers, expected 2 things"),
    ],
)
def test_odd_functions_get_a_sentence_too(yours, said):
    numbers = ({"W": {"deep": 1.0}}, np.ones(2))
    each = Function(
        lambda p, x: x,
        {"numbers": numbers, "not a number": ({"W": {}}, np.full(2, np.nan))},
        hints=[(lambda p, x: (x, None), "that is said to nobody here.")],
    )
    if "2 things" in said:
        each = Function(lambda p, x: (x, x, x), each.cases, hints=each.hints)
        said = "for numbers, expected 3 things"
    assert each.judge(yours).said.startswith(f"Not yet: {said}")
    assert Function(lambda p, x: x, each.cases).judge(lambda p, x: x).right


@pytest.mark.parametrize(
    "got, wanted, said",
    [
        (np.array([np.nan, 0.0, -7.0]), np.array([True, False, True]), "kind: True or False"),
        (np.array([True, True]), np.array([1.0, -1.0]), "sign: the sizes are right, 1 of 2"),
        (np.array([1j, 2j]), np.array([1.0, 2.0]), "factor: everything is 0+1j times"),
    ],
)
def test_numbers_of_another_kind_get_a_sentence_too(got, wanted, said):
    assert diagnose(got, wanted).startswith(said)


def test_every_chapter_has_exercises():
    readme = (NOTEBOOKS / "README.md").read_text("utf-8")
    chapters = set(re.findall(r"\(([\w-]+)\.ipynb\)", readme)) - {"errata", "gallery"}
    assert chapters == set(CHAPTERS)


def test_the_form_for_a_page_holds_the_exercise_but_not_at_a_glance():
    html = FADE.judge(...)._repr_html_()
    assert "9.966" not in html and "decades" not in html
    code = re.search(r'data-exercise="([^"]+)"', html)[1]
    form = json.loads(base64.b64decode(code[::-1]))
    assert form == {
        "kind": "number",
        "answer": [9.966],
        "rtol": 0.01,
        "unit": "layers",
        "hints": [[[3.0], "those are decades."]],
        "why": "Three decades.",
    }
    assert FADE.judge(3)._repr_html_() is None


# ---------------------------------------------------------------- functions


def shift(h, x):
    return h + x.sum(0), x - h


SHIFT = Function(
    shift,
    {"one sample": (np.array([2.0]), np.ones((1, 1))), "three": (np.arange(1, 4.0), np.eye(3))},
    returns=("∂L/∂h", "∂L/∂x"),
    hints=[(lambda h, x: (h + x.mean(0), x - h), "you took the mean.")],
    also=[lambda yours: None if yours(np.ones(1), np.zeros((0, 1)))[0] == 1 else "no samples."],
    why="Well done.",
)


def changes_its_argument(h, x):
    h += 1
    return shift(h - 1, x)


def raises(h, x):
    return h @ x[:, :, :1]


def no_samples_fail(h, x):
    if not len(x):
        return h + 1, x
    return shift(h, x)


def with_docstring(h, x):
    """Nothing yet."""
    ...  # noqa: PIE790


def without_return(h, x):
    h + x.sum(0)


@pytest.mark.parametrize(
    "yours, said",
    [
        (lambda h, x: (h + x.sum(0), x - h), "Right. Well done."),
        (lambda h, x: [h + x.sum(0), x - h], "Right. Well done."),
        (lambda h, x: (h + x.mean(0), x - h), "Not yet: you took the mean."),
        (lambda h, x: (h + x.sum(0), h - x), "Not yet: for one sample, ∂L/∂x: sign: the other"),
        (
            lambda h, x: (h + x.sum(1), x - h[:, None]),
            "Not yet: right for one sample, not for three: ∂L/∂x: ",
        ),
        (
            lambda h, x: h,
            "Not yet: for one sample, expected 2 things (∂L/∂h, ∂L/∂x), as in `return a, b`, got",
        ),
        (
            lambda h, x: (None, x - h),
            "Not yet: for one sample, ∂L/∂h: it returns None: a `return` is missing.",
        ),
        (without_return, "Not yet: for one sample, it returns None: a `return` is missing."),
        (with_docstring, "Not answered yet: write the function's body"),
        (..., "Not answered yet: write the function's body"),
        (3.0, "Not yet: a function is expected, got float 3.0; give its name, without brackets."),
        (
            changes_its_argument,
            "Not yet: for one sample, it changes its argument h; make a new array instead.",
        ),
        (raises, "Not yet: for one sample, it raises IndexError: too many indices"),
        (no_samples_fail, "Not yet: no samples."),
        (lambda h: h, "Not yet: for one sample, it raises TypeError:"),
    ],
)
def test_what_is_said_to_a_function(yours, said):
    assert SHIFT.judge(yours).said.startswith(said)


def test_a_factor_is_told_by_an_axis_only_if_it_is_its_length():
    assert diagnose(A / 5, A) == "factor: everything is 0.2 times what it should be"


def test_an_argument_without_a_name_has_a_number():
    def changes(*both):
        both[0][...] = 0
        return shift(*both)

    assert "it changes its argument number 1; make a new array" in SHIFT.judge(changes).said


def test_the_line_in_which_an_error_rose_is_quoted():
    assert "in the line `return h @ x[:, :, :1]`" in SHIFT.judge(raises).said


def test_what_a_function_prints_is_shown_once(capsys):
    def talks(h, x):
        print("called")
        return shift(h, x)

    assert SHIFT.judge(talks).right
    assert capsys.readouterr().out == "called\n"


def pops(params):
    return params.pop()["W"]


def writes_into_a_dict(params):
    params[0]["W"] = 0.0
    return params[-1]["W"]


@pytest.mark.parametrize("yours", [pops, writes_into_a_dict])
def test_changes_deep_within_an_argument_are_noticed(yours):
    last = Function(
        lambda params: params[-1]["W"], {"two layers": ([{"W": 1.0}, {"W": np.ones(2)}],)}
    )
    said = "Not yet: it changes its argument params; make a new list instead."
    assert last.judge(yours).said == said


@pytest.mark.parametrize(
    "got, said",
    [
        (np.array([True, False, True]), None),
        (np.array([1, 0, 1]), None),
        (np.array([False, True, False]), "value: True and False are exchanged"),
        (np.array([True, False, False]), "index: right everywhere but at index 2, the last"),
    ],
)
def test_answers_of_yes_and_no(got, said):
    assert diagnose(got, np.array([True, False, True])) == said


def test_dicts_are_compared_by_name():
    function = Function(lambda x: {"W": 2 * x, "b": x}, {"a number": (3.0,)})
    assert function.judge(lambda x: {"W": 2 * x, "b": x}).right
    assert "expected a dict with 'W', 'b'" in function.judge(lambda x: {"W": x}).said
    assert "'b': value" in function.judge(lambda x: {"W": 2 * x, "b": x + 1}).said


def test_cases_are_not_used_up_by_a_function_that_changes_them():
    SHIFT.judge(changes_its_argument)
    assert SHIFT.judge(shift).right


@pytest.mark.parametrize("name", ["depths.1", "chain-of-slopes.99", "chain-of-slopes", 3, "..1"])
def test_there_is_no_such_exercise(name):
    with pytest.raises(ValueError, match="name: expected a chapter and the number of an exercise"):
        check(name, 1.0)


def test_check_displays_what_it_says(capsys):
    check("chain-of-slopes.1", 1e6 ** (1 / 49))
    assert capsys.readouterr().out.startswith("Right. ")


# ---------------------------------------------------------------- the book's


def all_hints():
    for chapter in CHAPTERS:
        for number, each in exercises_of(chapter).items():
            hints = each.hints.items() if isinstance(each, Choice) else each.hints
            for i, (wrong, said) in enumerate(hints):
                yield pytest.param(each, wrong, said, id=f"{chapter}.{number}-{i}")


@pytest.mark.parametrize("each, wrong, said", list(all_hints()))
def test_every_hinted_mistake_gets_its_hint(each, wrong, said):
    if isinstance(wrong, np.ndarray) and wrong.size == 1:
        wrong = wrong.item()
    assert each.judge(wrong).said == f"Not yet: {said}"


def cells_of(chapter):
    notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def verdict_of(cell):
    texts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    verdicts = [text for text in texts if text.startswith(("Right", "Not "))]
    assert verdicts, f"{cell.id}: run the chapter with `make notebooks`, no verdict is stored"
    return verdicts[-1]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_exercise_is_asked_and_solved_in_its_chapter(chapter):
    asked, solved = [], []
    for cell in cells_of(chapter):
        for number, answer in re.findall(rf'check\(\s*"{chapter}\.(\d+)", (\w+)', cell.source):
            if answer.startswith("solution"):
                assert "hide-cell" in cell.metadata.get("tags", ()), f"{cell.id}: tag hide-cell"
                prompts = cell.metadata.get("mystnb")
                assert prompts == dict.fromkeys(PROMPTS, "Solution"), f"{cell.id}: {PROMPTS}"
                assert verdict_of(cell).startswith("Right."), f"{chapter}.{number}"
                solved.append(int(number))
            else:
                assert verdict_of(cell).startswith("Not answered yet"), f"{chapter}.{number}"
                form = exercises_of(chapter)[int(number)].judge(...)._repr_html_()
                stored = [output.get("data", {}).get("text/html") for output in cell.outputs]
                assert form in stored, f"{chapter}.{number}: run the chapter with `make notebooks`"
                asked.append(int(number))
    numbers = sorted(exercises_of(chapter))
    assert numbers == list(range(1, len(numbers) + 1)), "EXERCISES: number them from 1"
    assert asked == numbers, "in the chapter, each has a cell `check(..., answer)`"
    assert solved == numbers, "and a folded one, `check(..., solution_…)`"
