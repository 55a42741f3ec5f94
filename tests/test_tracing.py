"""Forward, backward and trace: closed forms, sweep = loop, tracer = naive where naive survives."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import (
    RNN,
    Dense,
    Highway,
    Residual,
    Seq,
    SqrtT,
    backward,
    bptt,
    deep,
    forward,
    init,
    init_params,
    trace,
    unroll,
)
from gradtrace.steps.arrays import Product
from gradtrace.tracing.trace import scale_by_power


def linear_chain(w, T):
    """The scalar chain ``h_t = w h_{t-1}`` as a recurrent net without input."""
    p = {"W": np.array([[w]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    return forward(unroll(RNN(1, 1, "identity"), p, np.zeros((T, 1, 1))), np.ones((1, 1)) * 0)


@pytest.mark.parametrize(
    "w, T", [(0.5, 20_000), (2.0, 20_000), (0.9, 50), (1.1, 50), (-0.25, 3000)]
)
def test_a_linear_chain_has_log_norm_T_ln_w(w, T):
    _, vjps = linear_chain(w, T)
    log = trace(vjps, np.ones((1, 1))).log_h
    np.testing.assert_allclose(log[::-1], np.arange(T + 1) * np.log(abs(w)), rtol=1e-12, atol=0)


def test_half_to_the_20000_is_exact_where_float64_reads_zero():
    _, vjps = linear_chain(0.5, 20_000)
    assert trace(vjps, np.ones((1, 1))).log_h[0] == -20_000 * np.log(2)
    assert 0.5**20_000 == 0 and backward(vjps, np.ones((1, 1))).h[0] == 0


def test_a_linear_matrix_chain_is_the_matrix_power():
    rng = np.random.default_rng(0)
    W, g = init.lecun(rng, (4, 4)), rng.standard_normal((1, 4))
    p = {"W": W, "U": np.zeros((1, 4)), "b": np.zeros(4)}
    _, vjps = forward(unroll(RNN(1, 4, "identity"), p, np.zeros((12, 1, 1))), np.zeros((1, 4)))
    np.testing.assert_allclose(
        backward(vjps, g).h[0], g @ np.linalg.matrix_power(W.T, 12), rtol=1e-12
    )


PATHS = {
    "depth": lambda rng, gain: (
        deep(Dense(6, 6), [init_params(Dense(6, 6), rng, gain=gain) for _ in range(9)]),
        6,
    ),
    "growing depth": lambda rng, gain: (
        deep(
            [Dense(6, 4), Seq(Dense(4, 5), Dense(5, 3)), Residual(Dense(3, 3))],
            [
                init_params(s, rng, gain=gain)
                for s in (Dense(6, 4), Seq(Dense(4, 5), Dense(5, 3)), Residual(Dense(3, 3)))
            ],
        ),
        6,
    ),
    "time": lambda rng, gain: (
        unroll(RNN(2, 5), init_params(RNN(2, 5), rng, gain=gain), rng.standard_normal((9, 3, 2))),
        5,
    ),
    "own weights in time": lambda rng, gain: (
        deep(
            RNN(2, 5),
            [init_params(RNN(2, 5), rng, gain=gain) for _ in range(9)],
            rng.standard_normal((9, 3, 2)),
        ),
        5,
    ),
    "residual time": lambda rng, gain: (
        unroll(
            Residual(RNN(2, 5)),
            init_params(RNN(2, 5), rng, gain=gain),
            rng.standard_normal((9, 3, 2)),
        ),
        5,
    ),
}


@pytest.mark.parametrize("name", PATHS)
def test_tracer_equals_naive_norms_where_they_survive(name):
    rng = np.random.default_rng(0)
    path, n = PATHS[name](rng, 0.9)
    h, vjps = forward(path, rng.standard_normal((3, n)))
    naive, log = backward(vjps, h[-1]), trace(vjps, h[-1])
    np.testing.assert_allclose(log.log_h, [np.log(np.linalg.norm(g)) for g in naive.h], atol=1e-12)
    for name in log.log_p:
        here = [np.log(np.linalg.norm(p[name])) if name in p else np.nan for p in naive.p]
        np.testing.assert_allclose(log.log_p[name], here, atol=1e-12)


@pytest.mark.parametrize("name", PATHS)
def test_sweep_of_a_path_equals_loop(name):
    gains = np.linspace(0.5, 1.5, 4)
    h0 = np.random.default_rng(9).standard_normal((3, 6 if "depth" in name else 5))
    path, _ = PATHS[name](np.random.default_rng(0), gains)
    h, vjps = forward(path, h0)
    swept = trace(vjps, h[-1])
    assert swept.log_h.shape == (len(path) + 1, 4)
    for i, gain in enumerate(gains):
        alone, _ = PATHS[name](np.random.default_rng(0), gain)
        h_i, vjps_i = forward(alone, h0)
        np.testing.assert_allclose(h[-1][i], h_i[-1], rtol=1e-11)
        np.testing.assert_allclose(swept.log_h[:, i], trace(vjps_i, h_i[-1]).log_h, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(T=st.integers(1, 8), B=st.integers(1, 4), n=st.integers(1, 5), seed=st.integers(0, 99))
def test_whole_path_against_finite_differences(T, B, n, seed):
    """The gradient of a shared weight, of every input and of the first state, through the whole
    chain at once.
    """
    rng = np.random.default_rng(seed)
    cell, x, h0 = RNN(2, n), rng.standard_normal((T, B, 2)), rng.standard_normal((B, n))
    p, v = init_params(cell, rng), [rng.standard_normal((B, n)) for _ in range(T + 1)]

    def loss(p, x, h0):
        return sum(
            np.sum(a * b) for a, b in zip(v, forward(unroll(cell, p, x), h0)[0], strict=True)
        )

    grads = backward(forward(unroll(cell, p, x), h0)[1], v)
    s = 1e-5
    for name, gradient in grads.shared().items():
        u = rng.standard_normal(p[name].shape)
        slope = (
            loss({**p, name: p[name] + s * u}, x, h0) - loss({**p, name: p[name] - s * u}, x, h0)
        ) / (2 * s)
        assert np.sum(gradient * u) == pytest.approx(slope, rel=1e-6, abs=1e-7)
    u = rng.standard_normal(x.shape)
    slope = (loss(p, x + s * u, h0) - loss(p, x - s * u, h0)) / (2 * s)
    assert np.sum(np.array(grads.x) * u) == pytest.approx(slope, rel=1e-6, abs=1e-7)
    u = rng.standard_normal(h0.shape)
    slope = (loss(p, x, h0 + s * u) - loss(p, x, h0 - s * u)) / (2 * s)
    assert np.sum(grads.h[0] * u) == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_a_loss_on_every_state_far_below_and_above_the_scale_of_the_rest():
    """Contributions that join at scales 2^20000 apart: the larger one rules, and neither is lost
    where it rules.
    """
    T = 40_000
    p = {"W": np.array([[0.5]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    _, vjps = forward(unroll(RNN(1, 1, "identity"), p, np.zeros((T, 1, 1))), np.zeros((1, 1)))
    g = [None] * (T + 1)
    g[T], g[T // 2] = np.ones((1, 1)), np.full((1, 1), 3.0)
    log = trace(vjps, g).log_h
    assert log[T // 2 + 1] == pytest.approx(-(T // 2 - 1) * np.log(2))
    assert log[T // 2] == pytest.approx(np.log(3)) and log[0] == pytest.approx(
        np.log(3) - T // 2 * np.log(2)
    )


def test_a_gradient_of_exactly_zero_is_minus_infinity():
    dead = {"W": np.eye(2), "b": np.full(2, -100.0)}
    path = deep(Dense(2, 2, "relu"), [{"W": np.eye(2), "b": np.zeros(2)}, dead])
    h, vjps = forward(path, np.ones((1, 2)))
    assert trace(vjps, np.ones((1, 2))).log_h.tolist() == [
        -np.inf,
        -np.inf,
        pytest.approx(np.log(2) / 2),
    ]


@pytest.mark.parametrize(
    "dtype, scale, shut", [(np.float64, 1e-130, -500.0), (np.float32, 1e-6, -85.0)]
)
def test_shares_of_a_shut_gate_are_not_read_as_zero(dtype, scale, shut):
    rng = np.random.default_rng(0)
    p = {name: value.astype(dtype) for name, value in init_params(Highway(3), rng).items()}
    p["b2"] += dtype(shut)  # e^shut times scale is below the float range
    h, vjps = forward(deep(Highway(3), 4 * [p]), np.ones((2, 3), dtype))
    one, small = (trace(vjps, np.full((2, 3), size, dtype)) for size in (1.0, scale))
    for name in p:
        np.testing.assert_allclose(small.log_p[name], one.log_p[name] + np.log(scale), rtol=1e-6)
    np.testing.assert_allclose(small.log_h, one.log_h + np.log(scale), rtol=1e-6)


def test_an_input_of_zeros_has_shares_of_zero():
    cell, calls = RNN(2, 3), []
    h, vjps = forward(
        unroll(cell, init_params(cell, np.random.default_rng(0)), np.zeros((5, 1, 2))),
        np.ones((1, 3)),
    )
    vjps.lazy = [lambda g, vjp=vjp: calls.append(vjp) or vjp(g) for vjp in vjps.lazy]
    assert (trace(vjps, h[-1]).log_p["U"] == -np.inf).all()
    assert len(calls) == 5  # that is known without another walk


def test_logarithms_of_float32_keep_their_own_digits():
    p = {"W": np.full((1, 1), 0.3, np.float32), "b": np.zeros(1, np.float32)}
    log = trace(
        forward(deep(Dense(1, 1, "identity"), 20 * [p]), np.ones((1, 1), "f4"))[1],
        np.ones((1, 1), "f4"),
    )
    assert log.log_h.dtype == np.float64
    np.testing.assert_allclose(log.log_h[::-1], np.arange(21) * np.log(0.3), rtol=2e-7)


def test_a_share_that_overflows_is_named_without_a_warning(recwarn):
    layer, p = Dense(1, 1, "identity"), {"W": np.array([[1e-200]]), "b": np.full(1, 1e200)}
    grads = backward(forward(deep(layer, [p, p]), np.ones((1, 1)))[1], np.full((1, 1), 1e200))
    for ask, name in (grads.shared, "∂L/∂W"), (lambda: grads.p[1], "the share of step 2 in ∂L/∂W"):
        with pytest.raises(
            FloatingPointError, match=f"{name}: expected finite numbers, got an overflow of float64"
        ):
            ask()
    assert grads.p[0]["b"] == 1e200 * 1e-200 and not recwarn


def test_overflow_is_reported_by_step_and_the_trace_goes_on():
    p = {"W": np.array([[10.0]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    with pytest.raises(
        FloatingPointError, match=r"step 309 of 400: next state of RNN\(1, 1, identity\)"
    ):
        forward(unroll(RNN(1, 1, "identity"), p, np.zeros((400, 1, 1))), np.ones((1, 1)))
    _, vjps = forward(unroll(RNN(1, 1, "identity"), p, np.zeros((400, 1, 1))), np.zeros((1, 1)))
    with pytest.raises(FloatingPointError, match=r"∂L/∂h_91 of 400: expected finite numbers"):
        backward(vjps, np.ones((1, 1)))
    assert trace(vjps, np.ones((1, 1))).log_h[0] == pytest.approx(400 * np.log(10))


def test_pytorch_agrees_in_depth(oracle):
    torch = oracle("torch")
    rng = np.random.default_rng(5)
    layers = [
        Dense(6, 5, "tanh"),
        Dense(5, 4, "sigmoid"),
        Dense(4, 4, "relu"),
        Dense(4, 2, "identity"),
    ]
    params = [init_params(s, rng) for s in layers]
    h0, g = rng.standard_normal((7, 6)), rng.standard_normal((7, 2))
    ours = backward(forward(deep(layers, params), h0)[1], g)
    theirs = [{k: torch.tensor(v, requires_grad=True) for k, v in p.items()} for p in params]
    h = start = torch.tensor(h0, requires_grad=True)
    for step, p in zip(layers, theirs, strict=True):
        a = h @ p["W"] + p["b"]
        h = a if step.phi.name == "identity" else getattr(torch, step.phi.name)(a)
    h.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.h[0], start.grad.numpy(), rtol=1e-10, atol=1e-14)
    for mine, yours in zip(ours.p, theirs, strict=True):
        for name in mine:
            np.testing.assert_allclose(mine[name], yours[name].grad.numpy(), rtol=1e-10, atol=1e-14)


def test_equal_weights_in_depth_are_a_shared_weight_in_time():
    rng, cell = np.random.default_rng(0), RNN(2, 5)
    p, x, h0 = (
        init_params(cell, rng, gain=np.array([0.5, 1.2])),
        rng.standard_normal((9, 3, 2)),
        np.zeros((3, 5)),
    )
    (h, vjps), (same, shared) = (
        forward(deep(cell, [dict(p) for _ in x], x), h0),
        forward(unroll(cell, p, x), h0),
    )
    np.testing.assert_allclose(h[-1], same[-1], atol=1e-14)
    grads, whole = backward(vjps, h[-1]), backward(shared, h[-1]).shared()
    for name in p:
        np.testing.assert_allclose(
            sum(g[name] for g in grads.p), whole[name], rtol=1e-12, atol=1e-14
        )


def test_a_path_does_not_follow_the_lists_that_it_was_made_of():
    rng, steps = np.random.default_rng(0), [Dense(3, 3), Dense(3, 3, "relu")]
    params = [init_params(step, rng) for step in steps]
    path = deep(steps, params)
    before = forward(path, np.ones((1, 3)))[0][-1]
    steps.append(steps.pop(0))
    params.reverse()
    params.append(params[0])
    assert len(path) == 2 and (forward(path, np.ones((1, 3)))[0][-1] == before).all()


@pytest.mark.parametrize(
    "phi, w, b",
    [("identity", 1e-30, 0.0), ("identity", 1e30, 0.0), ("tanh", 1.0, 30.0), ("tanh", 1.0, 370.0)],
)
def test_a_caller_who_stops_at_every_floating_point_error_gets_the_same_results(phi, w, b):
    p = {"W": np.array([[w]]), "U": np.zeros((1, 1)), "b": np.array([b])}
    path, h0, g = (
        unroll(RNN(1, 1, phi), p, np.zeros((50, 1, 1))),
        np.full((1, 1), float(w < 1)),
        np.ones((1, 1)),
    )
    calm, strict = [], []
    for results, how in ((calm, "ignore"), (strict, "raise")):
        with np.errstate(all=how):
            h, vjps = forward(path, h0)
            log, run = trace(vjps, g), bptt(path, h0, g, SqrtT())
            results += [
                *h,
                log.log_h,
                log.log_p["W"],
                log.log_p["b"],
                run.log_h,
                run.plain.h0,
                run.plain.p[0]["b"],
            ]
            results += [*log.grads.h, log.grads.shared()["W"]] if w < 1e30 else []
    for found, expected in zip(strict, calm, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_gradient_of_zero_does_not_carry_its_scale_to_the_loss_on_an_earlier_state():
    """What comes back is 2^±2000, until nothing does; then the loss on an earlier state is all
    there is.
    """
    grow = {"W": np.array([[4.0]]), "b": np.zeros(1)}
    shut, fade = (
        {"W": np.eye(1), "b": np.full(1, -1.0)},
        {"W": np.array([[0.25]]), "b": np.zeros(1)},
    )
    for p in (grow, fade):
        path = deep(
            [Dense(1, 1, "relu")] * 2 + 1000 * [Dense(1, 1, "identity")], [grow, shut] + 1000 * [p]
        )
        _, vjps = forward(path, np.full((1, 1), 0.1))
        log = trace(vjps, [None, np.full((1, 1), 3.0)] + 1000 * [None] + [np.ones((1, 1))]).log_h
        assert log[1] == pytest.approx(np.log(3)) and log[0] == pytest.approx(np.log(12))
        assert log[2] == pytest.approx(1000 * np.log(p["W"].item()))


def test_a_loss_of_zero_on_a_state_changes_nothing():
    _, vjps = linear_chain(0.5, 3000)
    nothing, last = [np.zeros((1, 1))] * 3000, np.ones((1, 1))
    np.testing.assert_array_equal(trace(vjps, [*nothing, last]).log_h, trace(vjps, last).log_h)


def test_a_sweep_of_inputs_alone_equals_a_loop():
    rng, cell = np.random.default_rng(0), RNN(2, 5)
    p, x, h0 = (
        init_params(cell, rng),
        rng.standard_normal((9, 4, 3, 2)),
        rng.standard_normal((3, 5)),
    )
    h, vjps = forward(unroll(cell, p, x), h0)
    swept = trace(vjps, h[-1])
    assert swept.log_h.shape == (10, 4)
    for i in range(4):
        h_i, vjps_i = forward(unroll(cell, p, x[:, i]), h0)
        alone = trace(vjps_i, h_i[-1])
        np.testing.assert_allclose(swept.log_h[:, i], alone.log_h, atol=1e-12)
        for name in p:
            np.testing.assert_allclose(swept.log_p[name][:, i], alone.log_p[name], atol=1e-12)


@pytest.mark.parametrize(
    "h, g, bias, log",
    [(1e-300, 1.0, 30.0, np.log(4e-300) - 60), (1e300, 1e20, 0.0, 320 * np.log(10))],
)
def test_the_norm_of_a_share_whose_product_is_past_the_floats(h, g, bias, log):
    p = {"W": np.zeros((1, 1)), "U": np.zeros((1, 1)), "b": np.array([bias])}
    _, vjps = forward(unroll(RNN(1, 1), p, np.zeros((1, 1, 1))), np.full((1, 1), h))
    assert trace(vjps, np.full((1, 1), g)).log_p["W"][0] == pytest.approx(log, rel=1e-13)


def test_the_gradient_of_a_shared_weight_is_the_sum_over_hundreds_of_steps():
    rng, cell = np.random.default_rng(0), RNN(2, 5)
    p, x, h0 = init_params(cell, rng), rng.standard_normal((300, 3, 2)), np.zeros((3, 5))
    h, vjps = forward(unroll(cell, p, x), h0)
    grads = backward(vjps, h)
    for name, value in grads.shared().items():
        np.testing.assert_allclose(
            value, sum(share[name] for share in grads.p), rtol=1e-12, atol=1e-11
        )


@pytest.mark.parametrize("power", [0, 1, -1, 99, -99, 100, -100, 130, -130, 1030, -1030])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_power_of_two_is_exact_as_far_as_the_result_is_a_float(dtype, power):
    """Also where ``2^power`` by itself is not one, and where the number is among the smallest there
    are.
    """
    info = np.finfo(dtype)
    g = np.array([0.0, info.smallest_subnormal, -1.25 * info.tiny, 1.25, -info.max], dtype)
    g = g[np.frexp(g)[1] + power <= info.maxexp]
    with np.errstate(under="ignore"):
        expected = np.array([math.ldexp(float(a), power) for a in g]).astype(dtype)
        np.testing.assert_array_equal(scale_by_power(g, np.array(power)), expected)


@pytest.mark.parametrize("T", [20, 3000])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_gradients_have_the_norm_of_both_parts(dtype, T):
    p = {"W": np.full((1, 1), 0.3 + 0.4j), "U": np.zeros((1, 1)), "b": np.zeros(1)}  # |W| = ½
    path = unroll(
        RNN(1, 1, "identity"),
        {name: a.astype(dtype) for name, a in p.items()},
        np.zeros((T, 1, 1), dtype),
    )
    h0 = g = np.ones((1, 1), dtype)
    log, near = (
        trace(forward(path, h0)[1], g),
        {"rtol": 1e-6, "atol": 1e-6 if dtype is np.complex64 else 1e-13},
    )
    for found in (log.log_h, bptt(path, h0, g, SqrtT()).log_h):
        np.testing.assert_allclose(found[::-1], -np.arange(T + 1) * np.log(2), **near)
    np.testing.assert_allclose(log.log_p["b"], log.log_h[1:], **near)
    early = log.log_p["W"][:20]  # h_{t-1} g_t, while h is a float
    np.testing.assert_allclose(early, -(T - 1) * np.log(2), **near)


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("other", [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
def test_a_sample_of_zeros_does_not_hide_the_share_of_another(size, other):
    """``aᵀ b`` of two samples, of which one adds nothing; the other's ``size²`` may be past the
    floats.
    """
    a, b = np.array([[size], [other[0]]]), np.array([[size], [other[1]]])
    assert Product(a, b).log_norm() == pytest.approx(2 * np.log(size), rel=1e-14)
