"""Bad input is refused with an error that names the argument, what is expected and what came."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace import (
    RNN,
    Binomial,
    Dense,
    Full,
    Grads,
    LayerNorm,
    Residual,
    Seq,
    SqrtT,
    Step,
    Truncated,
    backward,
    bptt,
    check_gradients,
    deep,
    flatten_params,
    forward,
    init,
    init_params,
    log_norm,
    trace,
    unroll,
)
from gradtrace.notebook.figures import norms
from gradtrace.steps.activations import NAMED

rng = np.random.default_rng(0)
LAYER, CELL = Dense(3, 3), RNN(2, 3)
P, Q = init_params(LAYER, rng), init_params(CELL, rng)
H, X = np.ones((1, 3)), np.ones((4, 1, 2))
_, VJPS = forward(unroll(CELL, Q, X), H)
NAN = np.array([[1.0, np.nan, 1.0]])


def fresh(*steps):
    """A path of these steps, each with parameters of its own."""
    return deep(steps, [init_params(step, rng) for step in steps])


def with_errors(values, types, overflows):
    """``{name: (call, error, message)}`` of tables ``{name: (call, message)}``, one an error."""
    tables = {ValueError: values, TypeError: types, FloatingPointError: overflows}
    return {
        name: (call, error, message)
        for error, table in tables.items()
        for name, (call, message) in table.items()
    }


VALUES = {  # ValueError
    "unknown activation": (
        lambda: Dense(3, 3, "thanh"),
        f"phi: expected one of {', '.join(NAMED)}, got 'thanh'",
    ),
    "Seq with a late input": (
        lambda: Seq(LAYER, CELL),
        r"steps\[1\]: expected a step without input",
    ),
    "Residual that changes width": (
        lambda: Residual(Dense(3, 4))(init_params(Dense(3, 4), rng), H),
        r"inner: expected Dense\(3, 4, tanh\) to return floats with the last axes",
    ),
    "h of wrong width": (
        lambda: LAYER(P, np.ones((1, 4))),
        r"h of Dense\(3, 3, tanh\): expected last axes \(…, 3\), got shape \(1, 4\)",
    ),
    "NaN in a parameter": (
        lambda: deep(LAYER, [{**P, "b": NAN[0]}]),
        r"p\['b'\] of .*: expected finite numbers",
    ),
    "deep with too few params": (
        lambda: deep([LAYER, LAYER], [P]),
        "params: expected one dict for each of 2 steps",
    ),
    "deep with nothing": (lambda: deep([], []), "at least one, got 0"),
    "deep with a cell": (
        lambda: deep(CELL, [Q]),
        r"x: expected one input per layer for steps\[0\], RNN",
    ),
    "deep with an input": (
        lambda: deep(LAYER, [P], X[:1]),
        r"x: expected None for steps\[0\], Dense",
    ),
    "deep with few inputs": (
        lambda: deep(CELL, [Q, Q], X[:1]),
        "x: expected an input for each of the 2 steps",
    ),
    "unroll no time": (lambda: unroll(CELL, Q, X[:0]), "x: expected at least one time step"),
    "unroll without time": (lambda: unroll(CELL, Q, X[0]), r"x: expected last axes \(…, …, 2\)"),
    "unroll -3 steps": (
        lambda: unroll(LAYER, P, -3),
        "x, the number of steps .*: expected at least 1, got -3",
    ),
    "forward of wrong width": (
        lambda: forward(unroll(CELL, Q, X), np.ones((1, 2))),
        "h0 of .*: expected last axes",
    ),
    "layers that do not fit": (
        lambda: forward(fresh(Dense(3, 4), LAYER), H),
        r"step 2 of 2: h of .*: expected last axes \(…, 3\), got shape \(1, 4\)",
    ),
    "layers that do not fit the first": (
        lambda: forward(fresh(LAYER, Dense(4, 4)), H),
        r"step 2 of 2: h of .*: expected last axes \(…, 4\), got shape \(1, 3\)",
    ),
    "a layer that does not fit itself": (
        lambda: forward(deep(Dense(3, 4), 2 * [init_params(Dense(3, 4), rng)]), H),
        r"step 2 of 2: h of .*: expected last axes \(…, 3\), got shape \(1, 4\)",
    ),
    "g of wrong shape": (
        lambda: trace(VJPS, np.ones((2, 3))),
        r"g: expected the shape \(1, 3\) of its state",
    ),
    "g for too few states": (
        lambda: backward(VJPS, [H]),
        "g: expected 5 entries, one for each state, got 1",
    ),
    "g with one bad entry": (
        lambda: backward(VJPS, [None, NAN, None, None, H]),
        r"g\[1\]: expected finite",
    ),
    "g with one misshapen entry": (
        lambda: trace(VJPS, [None, np.ones((1, 7)), None, None, H]),
        r"g\[1\]: expected the shape",
    ),
    "gain NaN": (lambda: init_params(LAYER, rng, gain=np.nan), "gain: expected a finite number"),
    "unknown parameter": (
        lambda: init_params(LAYER, rng, V=init.he),
        r"V: expected one of \['W', 'b'\]",
    ),
    "initialiser of wrong shape": (
        lambda: init_params(LAYER, rng, W=lambda rng, s: np.eye(2)),
        "W: expected last axes",
    ),
    "norms of a table": (
        lambda: norms(Figure().subplots(), np.ones((2, 2))),
        r"log: expected shape \(T\)",
    ),
}
TYPES = {  # TypeError
    "Seq of a string": (lambda: Seq(LAYER, "tanh"), r"steps\[1\]: expected a step, got 'tanh'"),
    "h of another dtype": (
        lambda: LAYER(P, H.astype("f4")),
        "dtypes of .*: expected one dtype for all",
    ),
    "one parameter of another dtype": (
        lambda: LAYER({**P, "b": P["b"].astype("f4")}, H),
        "dtypes of .*: expected one dtype for all, got .*'b': 'float32'",
    ),
    "input of another dtype": (
        lambda: CELL(Q, H, X[0].astype("f4")),
        "dtypes of .* got .*'x': 'float32'",
    ),
    "deep with a string": (lambda: deep(["tanh"], [P]), r"steps\[0\]: expected a step, got 'tanh'"),
    "forward of another dtype": (
        lambda: forward(unroll(CELL, Q, X), H.astype("f4")),
        "expected one dtype for all",
    ),
    "g of another dtype": (lambda: trace(VJPS, H.astype("f4")), "g: expected float64"),
}
OVERFLOWS = {  # FloatingPointError
    "an overflow": (
        lambda: Dense(3, 3, "relu")({**P, "W": P["W"] * 1e300}, H * 1e30),
        r"Dense\(3, 3, relu\): expected finite numbers, got an overflow",
    ),
    "an overflow of one number": (
        lambda: Dense(3, 3, "relu")({"W": 1e308 * np.eye(3), "b": np.array([0, 0, 1.7e308])}, H),
        r"Dense\(3, 3, relu\): expected finite numbers, got an overflow",
    ),
}
CASES = with_errors(VALUES, TYPES, OVERFLOWS)


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()


def test_log_norm_neither_overflows_nor_underflows():
    g = np.array([[3e300, 4e300], [3e-300, 4e-300], [0.0, 0.0]])
    decades = 300 * np.log(10)
    expected = [np.log(5) + decades, np.log(5) - decades, -np.inf]
    np.testing.assert_allclose(log_norm(g, 1), expected)


def test_a_wrong_pullback_is_named():
    class Wrong(Dense):
        def step(self, p, h, x=None):
            out, right = super().step(p, h, x)

            def wrong(g):
                grads = right(g)
                return grads._replace(p={**grads.p, "b": 2 * np.asarray(grads.p["b"])})

            return out, wrong

    message = r"disagrees with finite differences for b \(relative error"
    with pytest.raises(AssertionError, match=message):
        check_gradients(Wrong(3, 3), P, H, rng=rng)


WIDE = Dense(3, 3, "identity")
HUGE = {"W": np.full((3, 3), 1e200), "b": np.zeros(3)}
TOO_LARGE = r"next state of Dense\(3, 3, identity\): expected finite numbers, got an overflow"


def changed(**new):
    """A recurrent path whose parameters or inputs were changed after it was made."""
    p = {name: value.copy() for name, value in Q.items()}
    x = X.copy()
    path = unroll(CELL, p, x)
    for name, value in new.items():
        if name == "x":
            x[1] = value
        elif value is None:
            del p[name]
        else:
            p[name] = value
    return path


# What goes wrong on the way, and what it is called then
LATE_VALUES = {
    "a sequence that does not fit": (
        lambda: fresh(Seq(LAYER, Dense(2, 3))),
        r"step 1 of 1: h of Dense\(2, 3, tanh\): expected last axes \(…, 2\), got shape \(1, 3\)",
    ),
    "a norm that does not fit": (
        lambda: fresh(LAYER, Dense(3, 1), LayerNorm(3)),
        r"step 3 of 3: h of LayerNorm\(3\): expected last axes \(…, 3\), got shape \(1, 1\)",
    ),
    "NaN in a parameter": (
        lambda: changed(W=np.full((3, 3), np.nan)),
        r"step 1 of 4: p\['W'\] of .*: expected finite",
    ),
    "another shape": (
        lambda: changed(W=np.ones((4, 4))),
        r"step 1 of 4: p\['W'\] of .*: expected last axes \(3, 3\)",
    ),
    "a parameter gone": (
        lambda: changed(b=None),
        r"step 1 of 4: p of .*: expected a dict with .*, got \['U', 'W'\]",
    ),
    "NaN in an input": (
        lambda: changed(x=np.nan),
        r"step 2 of 4: x of .*: expected finite numbers, got nan",
    ),
    "no steps": (lambda: deep(LAYER, [P, P])[2:], "path: expected at least one step, got none"),
}
LATE_TYPES = {
    "another dtype": (
        lambda: changed(W=np.ones((3, 3), "f4")),
        "step 1 of 4: dtypes of .*'W': 'float32'",
    ),
}
LATE_OVERFLOWS = {
    "overflow before another layer": (
        lambda: deep([Dense(3, 3, "identity"), WIDE, Dense(3, 3)], 3 * [HUGE]),
        f"step 2 of 3: {TOO_LARGE}",
    ),
    "overflow inside a sequence": (
        lambda: deep(Seq(WIDE, WIDE, Dense(3, 3)), [flatten_params(3 * [HUGE])]),
        f"step 1 of 1: {TOO_LARGE}",
    ),
}
LATE = with_errors(LATE_VALUES, LATE_TYPES, LATE_OVERFLOWS)


@pytest.mark.parametrize("case", LATE)
def test_what_goes_wrong_on_the_way_is_named_by_its_cause(case):
    path, error, message = LATE[case]
    with pytest.raises(error, match=message):
        forward(path(), H)
    for plan in Full(), SqrtT(), Binomial(slots=1), Truncated(1, 1):
        with pytest.raises(error, match=message):
            bptt(path(), H, H, plan)


class Odd(Step):
    """A step of a reader's own: all are equal, and its parameter is a number.

    On demand its state has another dtype, or it refuses a large one.
    """

    features = (3,)

    def __init__(self, dtype=np.float64, limit=np.inf):
        self.dtype, self.limit = dtype, limit

    def __eq__(self, other):
        return isinstance(other, Odd)

    def __str__(self):
        return "Odd"

    def shapes(self):
        return {"s": ()}

    def step(self, p, h, x=None):
        if np.abs(h).max(initial=0) > self.limit:
            raise FloatingPointError("too much for Odd")
        s = p["s"][..., None, None]

        def vjp(g):
            return Grads(s * g, None, {"s": (g * h).sum(axis=(-2, -1))})

        return (s * h).astype(self.dtype), vjp


def test_a_step_of_ones_own_may_be_odd():
    path = deep(Odd(), 3 * [{"s": np.array([1.0, 2.0])}])
    assert repr(path) == "Path of 3 steps: Odd"
    vjps = forward(path, H)[1]
    log = trace(vjps, np.ones((2, 1, 3))).log_h
    np.testing.assert_allclose(log[0], 0.5 * np.log(3) + np.log([1.0, 8.0]))
    assert (trace(vjps, np.zeros((2, 1, 3))).log_p["s"] == -np.inf).all()


ONE = {"s": np.array(1.0)}
OWN = {
    "dtype": (
        lambda: deep([Odd(np.float32), LAYER], [ONE, P]),
        TypeError,
        "step 1 of 2: next state of Odd: expected float64",
    ),
    "its own error": (
        lambda: deep(Odd(limit=0), [ONE]),
        FloatingPointError,
        "step 1 of 1: too much for Odd",
    ),
    "no step": (
        lambda: deep(np.tanh, [{}]),
        TypeError,
        "steps: expected a step or a list of steps, got ufunc",
    ),
}


@pytest.mark.parametrize("case", OWN)
def test_what_a_step_of_ones_own_does_is_named(case):
    path, error, message = OWN[case]
    with pytest.raises(error, match=message):
        forward(path(), H)


def test_a_step_that_hides_its_formula_in_call_is_refused():
    message = r"Loud.__call__: expected step\(p, h, x\), which chains run"
    with pytest.raises(TypeError, match=message):

        class Loud(Dense):
            def __call__(self, p, h, x=None):
                return super().__call__(p, h, x)
