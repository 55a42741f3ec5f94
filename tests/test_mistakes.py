"""Mistakes that are easy to make with chains and with steps of one's own.

Each is refused by name, or does no harm.
"""

import sys
from types import ModuleType

import numpy as np
import pytest
from test_odd_shapes import STEPS

from gradtrace import (
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Binomial,
    Conv2D,
    Dense,
    Full,
    Highway,
    LayerNorm,
    Residual,
    SqrtT,
    Step,
    Truncated,
    WeightNorm,
    backward,
    bptt,
    deep,
    forward,
    init_params,
    jacobians,
    trace,
    unroll,
)
from gradtrace.steps.arrays import Grads

H = np.random.default_rng(0).standard_normal((5, 3))
X = np.random.default_rng(1).standard_normal((4, 5, 2))
CELL = RNN(2, 3)
P = init_params(CELL, np.random.default_rng(2))
PLANS = [Full(), SqrtT(), Binomial(slots=2, block=2), Truncated(2, 2)]


def layers(*steps, gains=None):
    """A path through layers with parameters of their own, and its pullbacks."""
    rng = np.random.default_rng(0)
    gains = gains or [1.0] * len(steps)
    path = deep(
        steps, [init_params(step, rng, gain=gain) for step, gain in zip(steps, gains, strict=True)]
    )
    return path, forward(path, H)[1]


# Shapes that numpy would broadcast
# ---------------------------------

# Every step that takes an input: test_odd_shapes fails when a step is missing from its table.
EVERY = [make(2, 3, 5) for make in STEPS.values()]
CELLS = [step for step in EVERY if step.inputs is not None]


@pytest.mark.parametrize(("B", "batch"), [(1, 5), (5, 1)])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_state_and_an_input_of_different_batches_are_refused(cell, B, batch):
    p = init_params(cell, np.random.default_rng(0))
    h0, x = np.zeros((B, *cell.features)), np.zeros((4, batch, *cell.inputs))
    for call in (
        lambda: cell(p, h0, x[0]),
        lambda: forward(unroll(cell, p, x), h0),
        lambda: bptt(unroll(cell, p, x), h0, h0),
    ):
        with pytest.raises(ValueError, match="batch"):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda p, h0: CELL(p, h0, X[0]),
        lambda p, h0: forward(unroll(CELL, p, X), h0),
        lambda p, h0: bptt(unroll(CELL, p, X), h0, h0),
    ],
    ids=["step", "forward", "bptt"],
)
def test_sweeps_of_different_sizes_are_refused(call):
    with pytest.raises(ValueError, match=r"sweep.*: expected"):
        call(init_params(CELL, np.random.default_rng(0), gain=np.ones(3)), np.zeros((2, 5, 3)))


@pytest.mark.parametrize(
    "change",
    [{"U": np.ones((2, 1))}, {"b": np.zeros(1)}, {"b": np.full(3, np.inf)}],
    ids=["a column", "one number", "infinities"],
)
def test_parameters_exchanged_after_the_path_was_made_are_checked_again(change):
    p = dict(P)
    path = unroll(CELL, p, X)
    p |= change
    for walk in (forward, lambda path, h0: bptt(path, h0, h0)):
        with pytest.raises(ValueError, match=r"p\['[Ub]'\] of RNN"):
            walk(path, H)


@pytest.mark.parametrize(
    "g",
    [np.ones((1, 3)), 1.0, np.ones((5, 3), "f4"), np.full((5, 3), np.nan)],
    ids=["one row", "a number", "float32", "nan"],
)
def test_a_pullback_called_by_hand_checks_its_gradient(g):
    with pytest.raises((TypeError, ValueError), match="g: expected"):
        CELL(P, H, X[0])[1](g)


def test_trace_and_bptt_take_the_same_losses():
    p = init_params(CELL, np.random.default_rng(0), gain=np.array([0.5, 1.0]))
    path = unroll(CELL, p, X)
    h, vjps = forward(path, H)
    g = [*h]  # of ½ Σ ‖h_t‖²; h_0 is the same for the whole sweep
    np.testing.assert_allclose(trace(vjps, g).log_h, bptt(path, H, g).log_h, rtol=1e-12)


@pytest.mark.parametrize(
    "steps",
    [
        (Dense(3, 1), Dense(1, 3)),
        (Dense(3, 4), Dense(4, 5)),
        (Highway(3), Dense(3, 3)),
        (Dense(3, 3), Highway(3)),
    ],
    ids=lambda steps: " and ".join(map(str, steps)),
)
def test_weights_that_differ_in_shape_are_not_shared(steps):
    path, vjps = layers(*steps)
    for call in (
        lambda: backward(vjps, vjps.end).shared(),
        lambda: bptt(path, H, vjps.end).grads.shared(),
    ):
        with pytest.raises(ValueError, match="shared: expected"):
            call()


def test_kernels_that_differ_in_shape_are_not_shared():
    rng = np.random.default_rng(0)
    steps = [Conv2D((1, 3, 3), 2, 1), Conv2D((2, 3, 3), 1, 1)]
    h, vjps = forward(
        deep(steps, [init_params(step, rng) for step in steps]), np.ones((2, 1, 3, 3))
    )
    with pytest.raises(ValueError, match="shared: expected"):
        backward(vjps, h[-1]).shared()


def test_jacobians_of_a_path_with_another_width_in_the_middle_are_refused():
    with pytest.raises(ValueError, match="vjps: expected steps that keep the shape"):
        jacobians(layers(Dense(3, 3), Dense(3, 7), Dense(7, 3))[1])


def test_a_sweep_of_running_statistics_equals_a_loop():
    means = np.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]])
    p = {"gamma": np.array([1.0, 2.0, 3.0]), "beta": np.zeros(3)}
    norm = BatchNorm(3)
    swept = forward(deep(norm.inference(means, np.ones((2, 3))), [p]), H)[1]
    together = trace(swept, swept.end)
    for i, mean in enumerate(means):
        one = forward(deep(norm.inference(mean, np.ones(3)), [p]), H)[1]
        np.testing.assert_allclose(together.log_h[:, i], trace(one, one.end).log_h)


def test_statistics_whose_sweeps_differ_are_refused():
    with pytest.raises(ValueError, match="var: expected"):
        BatchNorm(3).inference(np.zeros((4, 3)), np.ones((2, 3)))


# Buffers, and the ends of the floats
# -----------------------------------


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_a_loss_may_fill_the_same_buffer_again(plan):
    path = unroll(CELL, P, X)
    buffer = np.empty_like(H)

    def g(t, h):
        buffer[...] = h
        return buffer

    run, expected = bptt(path, H, g, plan), bptt(path, H, lambda t, h: h, plan)
    np.testing.assert_array_equal(run.log_h, expected.log_h)
    np.testing.assert_array_equal(run.grads.h0, expected.grads.h0)


def test_layer_norm_of_the_largest_floats():
    p = {"gamma": np.ones(2), "beta": np.zeros(2)}
    np.testing.assert_allclose(LayerNorm(2)(p, np.array([[1.7e308, -1.7e308]]))[0], [[1, -1]])


@pytest.mark.parametrize("walk", ["backward", "trace"])
def test_overflow_of_a_parameter_s_gradient_is_reported(walk):
    p = {"W": np.full((1, 1), 1e-200), "b": np.full(1, 1e200)}
    v = np.full((1, 1), 1e200)
    vjps = forward(deep(Dense(1, 1, "identity"), [p, p]), np.ones((1, 1)))[1]
    grads = backward(vjps, v) if walk == "backward" else trace(vjps, v).grads
    with pytest.raises(FloatingPointError, match="∂L/∂W"):
        grads.shared()


def test_weight_norm_of_the_smallest_float():
    p = {"v": np.array([[5e-324], [0.0]]), "length": np.ones(1), "b": np.zeros(1)}
    with pytest.raises(FloatingPointError, match=r"∂L/∂v|'v'"):
        WeightNorm(2, 1)(p, np.ones((1, 2)))[1](np.ones((1, 1)))


@pytest.mark.parametrize(
    "step", [Dense(3, 3, "sigmoid"), Highway(3), LSTM(2, 3), GRU(2, 3)], ids=str
)
def test_a_step_by_itself_runs_for_a_caller_who_stops_at_every_floating_point_error(step):
    rng = np.random.default_rng(0)
    p = {name: 1e3 * rng.standard_normal(shape) for name, shape in step.shapes().items()}
    with np.errstate(all="raise"):
        out, vjp = step(
            p, rng.standard_normal((2, *step.features)), X[0, :2] if step.inputs else None
        )
        vjp(out)


# Steps of one's own
# ------------------


class Own(Step):
    """``h' = s h`` with every part of it as a test wants it."""

    features = (3,)

    def __init__(self, out=None, grads=None):
        self.out, self.grads = out, grads

    def __str__(self):
        return "Own"

    def shapes(self):
        return {"s": (3,)}

    def step(self, p, h, x=None):
        def right(g):
            return Grads(g * p["s"], None, {"s": (g * h).sum(axis=-2)})

        vjp = (lambda g: self.grads(g, right(g))) if self.grads else right
        return self.out(h, vjp) if self.out else (h * p["s"], vjp)


def doubled(a):
    a *= 2
    return a


MISTAKES = {
    "the state alone": Own(out=lambda h, vjp: h),
    "a state that is a list": Own(out=lambda h, vjp: (h.tolist(), vjp)),
    "a state of fewer samples": Own(out=lambda h, vjp: (h[:1], vjp)),
    "a state of whole numbers": Own(out=lambda h, vjp: (np.sign(h).astype(int), vjp)),
    "a state changed in place": Own(out=lambda h, vjp: (doubled(h), vjp)),
    "gradients that are an array": Own(grads=lambda g, right: right.h),
    "gradients of the state alone": Own(grads=lambda g, right: (right.h, right.p)),
    "a gradient of another name": Own(grads=lambda g, right: right._replace(p={"S": right.p["s"]})),
    "a gradient left out": Own(grads=lambda g, right: right._replace(p={})),
    "a gradient of another shape": Own(grads=lambda g, right: right._replace(p={"s": g})),
    "a state's gradient of another shape": Own(
        grads=lambda g, right: right._replace(h=right.h[:1])
    ),
    "a state's gradient of another dtype": Own(
        grads=lambda g, right: right._replace(h=right.h.astype("f4"))
    ),
    "a gradient that is a number": Own(grads=lambda g, right: right._replace(p={"s": 1.0})),
    "a gradient changed in place": Own(grads=lambda g, right: right._replace(h=doubled(g))),
}
S = {"s": np.array([1.0, 2.0, 3.0])}
WALKS = {
    "step": lambda step, h: step(S, h)[1](h),
    "backward": lambda step, h: backward(forward(deep(step, 2 * [S]), h)[1], h).shared(),
    "trace": lambda step, h: trace(forward(deep(step, 2 * [S]), h)[1], h).log_p,
    "bptt": lambda step, h: bptt(deep(step, 2 * [S]), h, h).grads,
    "residual block": lambda step, h: backward(
        forward(deep(Residual(step), 2 * [S]), h)[1], h
    ).shared(),
}


# What the pullback of a part returns is not looked at; check_gradients(block, …) finds it.
CHECKED = [
    (mistake, walk)
    for mistake in MISTAKES
    for walk in WALKS
    if walk != "residual block" or "gradient" not in mistake
]


@pytest.mark.parametrize(("mistake", "walk"), CHECKED)
def test_a_mistake_in_a_step_of_one_s_own_names_the_step_and_changes_no_argument(mistake, walk):
    h = H.copy()
    with pytest.raises((TypeError, ValueError), match=r"Own|pullback of step 2"):
        WALKS[walk](MISTAKES[mistake], h)
    assert (h == H).all()


@pytest.mark.parametrize("features", [None, 3, [3]], ids=str)
def test_features_that_are_no_tuple_are_named(features):
    class Odd(Step):
        def step(self, p, h, x=None):
            return h, lambda g: Grads(g, None, {})

    if features is not None:
        Odd.features = features
    with pytest.raises(TypeError, match=r"Odd.*features: expected"):
        forward(deep(Odd(), [{}]), H)


LATER = """
from __future__ import annotations
from dataclasses import dataclass
from gradtrace import Step
from gradtrace.steps.contract import Phi, Size

@dataclass(frozen=True)
class Later(Step):
    n: Size
    phi: Phi = "tanh"
"""


def test_annotations_from_the_future_are_checked_too(monkeypatch):
    module = ModuleType("later")
    monkeypatch.setitem(sys.modules, "later", module)
    exec(LATER, vars(module))
    with pytest.raises(TypeError, match="n: expected a whole number"):
        module.Later(-3.5)


def broken(h):
    raise UnicodeDecodeError("ascii", b"x", 0, 1, "not ours")


def unpacked(h):
    (one,) = h.shape
    return one


@pytest.mark.parametrize("fault", [lambda h: h.reshape(0), broken, unpacked])
def test_a_fault_inside_a_step_of_one_s_own_keeps_its_words_and_its_place(fault):
    with pytest.raises(ValueError, match="step 1 of 2: ") as found:
        forward(deep(Own(out=lambda h, vjp: fault(h)), 2 * [S]), H)
    cause = found.value.__cause__
    assert str(cause) in str(found.value)
    assert "Grads" not in str(found.value)
    frames, at = [], cause.__traceback__
    while at:
        frames.append(at.tb_frame.f_code.co_filename)
        at = at.tb_next
    assert __file__ in frames


def test_sweeps_that_part_along_a_path_are_named_by_every_way():
    layers = [
        init_params(Dense(3, 3), np.random.default_rng(0), gain=np.ones(n)) for n in (3, 3, 4)
    ]
    path = deep(Dense(3, 3), layers)
    for walk in (forward, lambda path, h0: bptt(path, h0, h0)):
        with pytest.raises(ValueError, match=r"step 3 of 3: sweep axes of .*: expected"):
            walk(path, H)
