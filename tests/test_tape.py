"""The tape that a reader builds in the chapter on it, run from its cells."""

from pathlib import Path
from types import SimpleNamespace

import autograd.numpy as anp
import nbformat
import numpy as np
import pytest
from autograd import value_and_grad

from gradtrace import tanh

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "tape.ipynb"


@pytest.fixture(scope="module")
def tape():
    """The names that the cells of the tape define."""
    names = {"np": np, "tanh": tanh}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.id.startswith("tape-"):
            exec(cell.source, names)
    return SimpleNamespace(**names)


def gradients(tape, program, arrays):
    """Value and gradients of a program, by the tape."""
    leaves = [tape.Var(array) for array in arrays]
    end = program(tape, *leaves)
    tape.run_back(end)
    return end.value, [leaf.grad for leaf in leaves]


NUMPY = SimpleNamespace(tanh_of=anp.tanh, exp_of=anp.exp, sum_of=anp.sum)


def compare(tape, program, arrays):
    """With what HIPS autograd makes of the same program on arrays."""
    value, ours = gradients(tape, program, arrays)
    wanted, theirs = value_and_grad(lambda a: program(NUMPY, *a))(tuple(arrays))
    np.testing.assert_allclose(value, wanted, rtol=1e-12)
    for array, mine, other in zip(arrays, ours, theirs, strict=True):
        assert mine.shape == np.shape(array)
        size = np.abs(other).max(initial=1e-300)
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12 * size)


SHAPES = [(4, 3), (3, 3), (4, 4), (1, 3), (3,), (4, 1), (2, 4, 3), ()]


def random_program(seed):
    """A program of 25 operations, each on values that are there already, and its arrays."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape) for shape in SHAPES]
    shapes = list(SHAPES)
    lines = []
    while len(lines) < 25:
        v, w = rng.integers(len(shapes), size=2)
        operation = rng.choice(
            ["+", "-", "*", "@", "exp", "sum"], p=[0.2, 0.2, 0.25, 0.2, 0.1, 0.05]
        )
        try:
            shapes.append(shape_of(operation, shapes[v], shapes[w]))
        except ValueError:  # these two shapes do not go together
            continue
        lines.append((operation, v, w))

    def program(f, *leaves):
        values = list(leaves)
        for operation, v, w in lines:
            values.append(result(f, operation, values[v], values[w]))
        total = f.sum_of(values[0])
        for value in values[1:]:
            total = total + f.sum_of(value)
        return total

    return program, arrays


def shape_of(operation, v, w):
    if operation == "@":
        if min(len(v), len(w)) < 2:
            raise ValueError
        return np.matmul(np.empty(v), np.empty(w)).shape
    if operation == "exp":
        return v
    return () if operation == "sum" else np.broadcast_shapes(v, w)


def result(f, operation, v, w):
    """Bent by tanh, so that 25 operations do not overflow."""
    if operation == "exp":
        return f.exp_of(f.tanh_of(v))
    if operation == "sum":
        return f.tanh_of(f.sum_of(v))
    operations = {"+": lambda: v + w, "-": lambda: v - w, "*": lambda: v * w, "@": lambda: v @ w}
    return f.tanh_of(operations[operation]())


@pytest.mark.parametrize("seed", range(300))
def test_random_programs_have_the_gradients_of_autograd(tape, seed):
    program, arrays = random_program(seed)
    compare(tape, program, arrays)


A = np.array([[1.0, -2.0, 0.5], [0.3, 0.0, 2.0], [1.0, 1.0, -1.0], [0.1, 0.2, 0.3]])
ROW, COLUMN = A[:1], A[:, :1]


@pytest.mark.parametrize(
    "program, arrays",
    {
        "twice in a sum": (lambda f, h: f.sum_of(h + h), [A]),
        "twice, once bent": (lambda f, h: f.sum_of(h + f.tanh_of(h)), [A]),
        "squared": (lambda f, h: f.sum_of(h * h), [A]),
        "from itself": (lambda f, h: f.sum_of(h - h), [A]),
        "a row": (lambda f, h, b: f.sum_of(f.tanh_of(h + b)), [A, A[0]]),
        "a row in two axes": (lambda f, h, b: f.sum_of(f.tanh_of(h * b)), [A, ROW]),
        "both stretched": (lambda f, v, w: f.sum_of(f.exp_of(v * w)), [COLUMN, ROW]),
        "a number": (lambda f, h, s: f.sum_of(f.tanh_of(s - h)), [A, np.array(0.7)]),
        "an axis of length one": (lambda f, v, w: f.sum_of(v * w), [A[:1, :1], A[:1, :1]]),
        "a matrix with itself": (lambda f, W: f.sum_of(W @ W), [A[:3]]),
        "a stack of batches": (
            lambda f, h, W: f.sum_of(f.tanh_of(h @ W)),
            [A.reshape(2, 2, 3), A[:3]],
        ),
        "used after a long way and a short one": (
            lambda f, h: f.sum_of(f.tanh_of(f.tanh_of(f.tanh_of(h))) * h),
            [A],
        ),
    }.values(),
)
def test_values_used_often_and_values_that_are_stretched(tape, program, arrays):
    compare(tape, program, arrays)


@pytest.mark.parametrize("a", [25.0, -300.0])
def test_a_saturated_tanh_has_a_slope(tape, a):
    _, (slope,) = gradients(tape, lambda f, h: f.tanh_of(h), [np.array(a)])
    np.testing.assert_allclose(slope, 4 * np.exp(-2 * abs(a)), rtol=1e-9)


def test_vectors_are_refused_by_the_product_of_matrices(tape):
    with pytest.raises(ValueError):
        gradients(tape, lambda f, h, W: f.sum_of(h @ W), [A[0], A[:3]])


def test_to_run_back_twice_gives_the_same(tape):
    leaf = tape.Var(A)
    end = tape.sum_of(leaf * leaf)
    tape.run_back(end)
    once = leaf.grad
    tape.run_back(end)
    np.testing.assert_array_equal(leaf.grad, once)


def counted(tape, end):
    """How often pullbacks are called, and parents looked at, when ``end`` is run back."""
    calls, looks = [], []

    class Parents(tuple):
        def __iter__(self):
            for parent in super().__iter__():
                looks.append(1)
                yield parent

    for v in tape.uses(end):
        v.parents = Parents(v.parents)
        if v.pullback:
            v.pullback = noting(v.pullback, calls)
    looks.clear()
    returned = tape.run_back(end)
    assert returned == len(calls)
    return len(calls), len(looks)


def noting(pullback, calls):
    def called(g):
        calls.append(1)
        return pullback(g)

    return called


def squared(h):
    return h * h


@pytest.mark.parametrize("operation", ["tanh_of", "squared"])
@pytest.mark.parametrize("n", [10, 100, 10_000])
def test_the_work_is_linear_in_the_number_of_operations(tape, operation, n):
    """Also where the ways double with every operation."""
    step = squared if operation == "squared" else tape.tanh_of
    first = end = tape.Var(0.5)
    for _ in range(n):
        end = step(end)
    calls, looks = counted(tape, end)
    assert calls == n
    assert looks == 2 * n * (2 if operation == "squared" else 1)  # to count, and to go down
    assert first.grad.shape == ()


def test_ten_thousand_nodes_need_no_deep_stack(tape):
    """h' = h + c tanh h, with the slope by the chain rule."""
    first = end = tape.Var(0.1)
    c = tape.Var(1e-4)
    h, slope = 0.1, 1.0
    for _ in range(10_000):
        end = end + c * tape.tanh_of(end)
        slope *= 1 + 1e-4 / np.cosh(h) ** 2
        h += 1e-4 * np.tanh(h)
    assert tape.run_back(end) == 30_000
    np.testing.assert_allclose(first.grad, slope, rtol=1e-9)
