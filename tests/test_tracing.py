"""Forward, backward and trace: closed forms, a sweep and its loop, the tracer and plain norms."""

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

ONE, ZERO = np.ones((1, 1)), np.zeros((1, 1))  # a state or a gradient of one number


def linear_chain(w, T):
    """The scalar chain ``h_t = w h_{t-1}``, a recurrent net without input."""
    p = {"W": np.array([[w]]), "U": ZERO, "b": np.zeros(1)}
    return unroll(RNN(1, 1, "identity"), p, np.zeros((T, 1, 1)))


@pytest.mark.parametrize(
    "w, T", [(0.5, 20_000), (2.0, 20_000), (0.9, 50), (1.1, 50), (-0.25, 3000)]
)
def test_a_linear_chain_has_log_norm_T_ln_w(w, T):
    _, vjps = forward(linear_chain(w, T), ZERO)
    log = trace(vjps, ONE).log_h
    steps_back = np.arange(T + 1)
    np.testing.assert_allclose(log[::-1], steps_back * np.log(abs(w)), rtol=1e-12, atol=0)


def test_half_to_the_20000_is_exact_where_float64_reads_zero():
    _, vjps = forward(linear_chain(0.5, 20_000), ZERO)
    assert trace(vjps, ONE).log_h[0] == -20_000 * np.log(2)
    assert 0.5**20_000 == 0
    assert backward(vjps, ONE).h[0] == 0


def test_a_linear_matrix_chain_is_the_matrix_power():
    rng = np.random.default_rng(0)
    W = init.lecun(rng, (4, 4))
    g = rng.standard_normal((1, 4))
    p = {"W": W, "U": np.zeros((1, 4)), "b": np.zeros(4)}
    path = unroll(RNN(1, 4, "identity"), p, np.zeros((12, 1, 1)))
    _, vjps = forward(path, np.zeros((1, 4)))
    expected = g @ np.linalg.matrix_power(W.T, 12)
    np.testing.assert_allclose(backward(vjps, g).h[0], expected, rtol=1e-12)


# Paths of each kind, for the tests below


def depth(rng, gain):
    layer = Dense(6, 6)
    return deep(layer, [init_params(layer, rng, gain=gain) for _ in range(9)])


def layers_that_differ(rng, gain):
    layers = [Dense(6, 4), Seq(Dense(4, 5), Dense(5, 3)), Residual(Dense(3, 3))]
    return deep(layers, [init_params(layer, rng, gain=gain) for layer in layers])


def time(rng, gain):
    cell = RNN(2, 5)
    p = init_params(cell, rng, gain=gain)
    return unroll(cell, p, rng.standard_normal((9, 3, 2)))


def own_weights_in_time(rng, gain):
    cell = RNN(2, 5)
    params = [init_params(cell, rng, gain=gain) for _ in range(9)]
    return deep(cell, params, rng.standard_normal((9, 3, 2)))


def residual_time(rng, gain):
    cell = Residual(RNN(2, 5))
    p = init_params(cell, rng, gain=gain)
    return unroll(cell, p, rng.standard_normal((9, 3, 2)))


PATHS = [depth, layers_that_differ, time, own_weights_in_time, residual_time]


def first_state(path, rng):
    return rng.standard_normal((3, *path[0].step.features))


def log_of_norm(g):
    """The natural logarithm of a gradient's norm as it is usually computed."""
    return np.log(np.linalg.norm(g))


@pytest.mark.parametrize("make", PATHS)
def test_tracer_equals_naive_norms_where_they_survive(make):
    rng = np.random.default_rng(0)
    path = make(rng, gain=0.9)
    h, vjps = forward(path, first_state(path, rng))
    naive = backward(vjps, h[-1])
    log = trace(vjps, h[-1])
    np.testing.assert_allclose(log.log_h, [log_of_norm(g) for g in naive.h], atol=1e-12)
    for name in log.log_p:
        expected = [log_of_norm(p[name]) if name in p else np.nan for p in naive.p]
        np.testing.assert_allclose(log.log_p[name], expected, atol=1e-12)


@pytest.mark.parametrize("make", PATHS)
def test_sweep_of_a_path_equals_loop(make):
    gains = np.linspace(0.5, 1.5, 4)
    path = make(np.random.default_rng(0), gain=gains)
    h0 = first_state(path, np.random.default_rng(9))
    h, vjps = forward(path, h0)
    swept = trace(vjps, h[-1])
    assert swept.log_h.shape == (len(path) + 1, len(gains))
    for i, gain in enumerate(gains):
        one = make(np.random.default_rng(0), gain=gain)
        h_i, vjps_i = forward(one, h0)
        alone = trace(vjps_i, h_i[-1])
        np.testing.assert_allclose(h[-1][i], h_i[-1], rtol=1e-11)
        np.testing.assert_allclose(swept.log_h[:, i], alone.log_h, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(T=st.integers(1, 8), B=st.integers(1, 4), n=st.integers(1, 5), seed=st.integers(0, 99))
def test_whole_path_against_finite_differences(T, B, n, seed):
    """Through the whole chain at once: a shared weight, every input and the first state."""
    rng = np.random.default_rng(seed)
    cell = RNN(2, n)
    p = init_params(cell, rng)
    x = rng.standard_normal((T, B, 2))
    h0 = rng.standard_normal((B, n))
    v = rng.standard_normal((T + 1, B, n))

    def loss(p, x, h0):
        """``Σ_t v_t · h_t``, whose gradient at the state ``h_t`` is ``v_t``."""
        h, _ = forward(unroll(cell, p, x), h0)
        return np.sum(v * np.array(h))

    _, vjps = forward(unroll(cell, p, x), h0)
    grads = backward(vjps, list(v))
    s = 1e-5

    for name, gradient in grads.shared().items():
        u = rng.standard_normal(p[name].shape)
        above = loss({**p, name: p[name] + s * u}, x, h0)
        below = loss({**p, name: p[name] - s * u}, x, h0)
        slope = (above - below) / (2 * s)
        assert np.sum(gradient * u) == pytest.approx(slope, rel=1e-6, abs=1e-7)

    u = rng.standard_normal(x.shape)
    slope = (loss(p, x + s * u, h0) - loss(p, x - s * u, h0)) / (2 * s)
    assert np.sum(np.array(grads.x) * u) == pytest.approx(slope, rel=1e-6, abs=1e-7)

    u = rng.standard_normal(h0.shape)
    slope = (loss(p, x, h0 + s * u) - loss(p, x, h0 - s * u)) / (2 * s)
    assert np.sum(grads.h[0] * u) == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_a_loss_on_every_state_far_below_and_above_the_scale_of_the_rest():
    """Contributions that join at scales 2^20000 apart: each rules where it is the larger one."""
    T, middle = 40_000, 20_000
    _, vjps = forward(linear_chain(0.5, T), ZERO)
    g = [None] * (T + 1)
    g[T] = ONE
    g[middle] = 3 * ONE
    log = trace(vjps, g).log_h
    assert log[middle + 1] == pytest.approx(-(middle - 1) * np.log(2))
    assert log[middle] == pytest.approx(np.log(3))
    assert log[0] == pytest.approx(np.log(3) - middle * np.log(2))


def test_a_gradient_of_exactly_zero_is_minus_infinity():
    alive = {"W": np.eye(2), "b": np.zeros(2)}
    dead = {"W": np.eye(2), "b": np.full(2, -100.0)}
    h, vjps = forward(deep(Dense(2, 2, "relu"), [alive, dead]), np.ones((1, 2)))
    log = trace(vjps, np.ones((1, 2))).log_h
    assert log.tolist() == [-np.inf, -np.inf, pytest.approx(np.log(2) / 2)]


@pytest.mark.parametrize(
    "dtype, scale, shut", [(np.float64, 1e-130, -500.0), (np.float32, 1e-6, -85.0)]
)
def test_shares_of_a_shut_gate_are_not_read_as_zero(dtype, scale, shut):
    rng = np.random.default_rng(0)
    p = init_params(Highway(3), rng, dtype=dtype)
    p["b2"] += dtype(shut)  # e^shut times scale is below the float range
    _, vjps = forward(deep(Highway(3), 4 * [p]), np.ones((2, 3), dtype))
    one = trace(vjps, np.ones((2, 3), dtype))
    small = trace(vjps, np.full((2, 3), scale, dtype))
    for name in p:
        np.testing.assert_allclose(small.log_p[name], one.log_p[name] + np.log(scale), rtol=1e-6)
    np.testing.assert_allclose(small.log_h, one.log_h + np.log(scale), rtol=1e-6)


def test_an_input_of_zeros_has_shares_of_zero():
    cell = RNN(2, 3)
    p = init_params(cell, np.random.default_rng(0))
    h, vjps = forward(unroll(cell, p, np.zeros((5, 1, 2))), np.ones((1, 3)))
    calls = []

    def counted(vjp):
        def call(g):
            calls.append(vjp)
            return vjp(g)

        return call

    vjps.lazy = [counted(vjp) for vjp in vjps.lazy]
    assert (trace(vjps, h[-1]).log_p["U"] == -np.inf).all()
    assert len(calls) == 5  # that is known without another walk


def test_logarithms_of_float32_keep_their_own_digits():
    one = np.ones((1, 1), np.float32)
    p = {"W": np.full((1, 1), 0.3, np.float32), "b": np.zeros(1, np.float32)}
    _, vjps = forward(deep(Dense(1, 1, "identity"), 20 * [p]), one)
    log = trace(vjps, one)
    assert log.log_h.dtype == np.float64
    np.testing.assert_allclose(log.log_h[::-1], np.arange(21) * np.log(0.3), rtol=2e-7)


def test_a_share_that_overflows_is_named_without_a_warning(recwarn):
    p = {"W": np.array([[1e-200]]), "b": np.full(1, 1e200)}
    _, vjps = forward(deep(Dense(1, 1, "identity"), [p, p]), ONE)
    grads = backward(vjps, 1e200 * ONE)
    told = "expected finite numbers, got an overflow of float64"
    with pytest.raises(FloatingPointError, match=f"∂L/∂W: {told}"):
        grads.shared()
    with pytest.raises(FloatingPointError, match=f"the share of step 2 in ∂L/∂W: {told}"):
        grads.p[1]
    assert grads.p[0]["b"] == 1e200 * 1e-200
    assert not recwarn


def test_overflow_is_reported_by_step_and_the_trace_goes_on():
    path = linear_chain(10.0, 400)
    message = r"step 309 of 400: next state of RNN\(1, 1, identity\)"
    with pytest.raises(FloatingPointError, match=message):
        forward(path, ONE)
    _, vjps = forward(path, ZERO)
    with pytest.raises(FloatingPointError, match=r"∂L/∂h_91 of 400: expected finite numbers"):
        backward(vjps, ONE)
    assert trace(vjps, ONE).log_h[0] == pytest.approx(400 * np.log(10))


def test_pytorch_agrees_in_depth(oracle):
    torch = oracle("torch")
    rng = np.random.default_rng(5)
    layers = [
        Dense(6, 5, "tanh"),
        Dense(5, 4, "sigmoid"),
        Dense(4, 4, "relu"),
        Dense(4, 2, "identity"),
    ]
    params = [init_params(layer, rng) for layer in layers]
    h0 = rng.standard_normal((7, 6))
    g = rng.standard_normal((7, 2))
    _, vjps = forward(deep(layers, params), h0)
    ours = backward(vjps, g)

    def tensors(p):
        return {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}

    theirs = [tensors(p) for p in params]
    start = torch.tensor(h0, requires_grad=True)
    h = start
    for layer, p in zip(layers, theirs, strict=True):
        a = h @ p["W"] + p["b"]
        h = a if layer.phi.name == "identity" else getattr(torch, layer.phi.name)(a)
    h.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.h[0], start.grad.numpy(), rtol=1e-10, atol=1e-14)
    for mine, yours in zip(ours.p, theirs, strict=True):
        for name in mine:
            np.testing.assert_allclose(mine[name], yours[name].grad.numpy(), rtol=1e-10, atol=1e-14)


def test_equal_weights_in_depth_are_a_shared_weight_in_time():
    rng = np.random.default_rng(0)
    cell = RNN(2, 5)
    p = init_params(cell, rng, gain=np.array([0.5, 1.2]))
    x = rng.standard_normal((9, 3, 2))
    h0 = np.zeros((3, 5))

    h, vjps = forward(deep(cell, [dict(p) for _ in x], x), h0)
    shares = backward(vjps, h[-1]).p
    h_in_time, vjps_in_time = forward(unroll(cell, p, x), h0)
    whole = backward(vjps_in_time, h[-1]).shared()

    np.testing.assert_allclose(h[-1], h_in_time[-1], atol=1e-14)
    for name in p:
        total = sum(share[name] for share in shares)
        np.testing.assert_allclose(total, whole[name], rtol=1e-12, atol=1e-14)


def test_a_path_does_not_follow_the_lists_that_it_was_made_of():
    rng = np.random.default_rng(0)
    steps = [Dense(3, 3), Dense(3, 3, "relu")]
    params = [init_params(step, rng) for step in steps]
    path = deep(steps, params)
    before, _ = forward(path, np.ones((1, 3)))
    steps.append(steps.pop(0))
    params.reverse()
    params.append(params[0])
    after, _ = forward(path, np.ones((1, 3)))
    assert len(path) == 2
    assert (after[-1] == before[-1]).all()


@pytest.mark.parametrize(
    "phi, w, b",
    [("identity", 1e-30, 0.0), ("identity", 1e30, 0.0), ("tanh", 1.0, 30.0), ("tanh", 1.0, 370.0)],
)
def test_a_caller_who_stops_at_every_floating_point_error_gets_the_same_results(phi, w, b):
    p = {"W": np.array([[w]]), "U": ZERO, "b": np.array([b])}
    path = unroll(RNN(1, 1, phi), p, np.zeros((50, 1, 1)))
    h0 = ONE if w < 1 else ZERO

    def results():
        h, vjps = forward(path, h0)
        log = trace(vjps, ONE)
        run = bptt(path, h0, ONE, SqrtT())
        found = [*h, log.log_h, log.log_p["W"], log.log_p["b"]]
        found += [run.log_h, run.plain.h0, run.plain.p[0]["b"]]
        if w < 1e30:  # else the plain gradients overflow
            found += [*log.grads.h, log.grads.shared()["W"]]
        return found

    with np.errstate(all="ignore"):
        calm = results()
    with np.errstate(all="raise"):
        strict = results()
    for found, expected in zip(strict, calm, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("w", [4.0, 0.25])
def test_a_gradient_of_zero_does_not_carry_its_scale_to_the_loss_on_an_earlier_state(w):
    """What comes back is 2^±2000, until a layer lets nothing through.

    Before that layer the loss on an earlier state is all there is.
    """
    first = {"W": np.array([[4.0]]), "b": np.zeros(1)}
    shut = {"W": np.eye(1), "b": np.full(1, -1.0)}
    rest = {"W": np.array([[w]]), "b": np.zeros(1)}
    steps = 2 * [Dense(1, 1, "relu")] + 1000 * [Dense(1, 1, "identity")]
    _, vjps = forward(deep(steps, [first, shut] + 1000 * [rest]), 0.1 * ONE)
    g = [None, 3 * ONE, *(1000 * [None]), ONE]
    log = trace(vjps, g).log_h
    assert log[2] == pytest.approx(1000 * np.log(w))
    assert log[1] == pytest.approx(np.log(3))
    assert log[0] == pytest.approx(np.log(12))


def test_a_loss_of_zero_on_a_state_changes_nothing():
    _, vjps = forward(linear_chain(0.5, 3000), ZERO)
    at_the_end = trace(vjps, ONE)
    on_every_state = trace(vjps, 3000 * [ZERO] + [ONE])
    np.testing.assert_array_equal(on_every_state.log_h, at_the_end.log_h)


def test_a_sweep_of_inputs_alone_equals_a_loop():
    rng = np.random.default_rng(0)
    cell = RNN(2, 5)
    p = init_params(cell, rng)
    x = rng.standard_normal((9, 4, 3, 2))
    h0 = rng.standard_normal((3, 5))
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
    p = {"W": ZERO, "U": ZERO, "b": np.array([bias])}
    _, vjps = forward(unroll(RNN(1, 1), p, np.zeros((1, 1, 1))), h * ONE)
    assert trace(vjps, g * ONE).log_p["W"][0] == pytest.approx(log, rel=1e-13)


def test_the_gradient_of_a_shared_weight_is_the_sum_over_hundreds_of_steps():
    rng = np.random.default_rng(0)
    cell = RNN(2, 5)
    p = init_params(cell, rng)
    x = rng.standard_normal((300, 3, 2))
    h, vjps = forward(unroll(cell, p, x), np.zeros((3, 5)))
    grads = backward(vjps, h)
    for name, value in grads.shared().items():
        total = sum(share[name] for share in grads.p)
        np.testing.assert_allclose(value, total, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("power", [0, 1, -1, 99, -99, 100, -100, 130, -130, 1030, -1030])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_power_of_two_is_exact_as_far_as_the_result_is_a_float(dtype, power):
    """Also where ``2^power`` by itself is none, and where the number is as small as any."""
    info = np.finfo(dtype)
    g = np.array([0.0, info.smallest_subnormal, -1.25 * info.tiny, 1.25, -info.max], dtype)
    _, exponent = np.frexp(g)
    g = g[exponent + power <= info.maxexp]
    with np.errstate(under="ignore"):
        expected = np.array([math.ldexp(float(a), power) for a in g]).astype(dtype)
        np.testing.assert_array_equal(scale_by_power(g, np.array(power)), expected)


@pytest.mark.parametrize("T", [20, 3000])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_gradients_have_the_norm_of_both_parts(dtype, T):
    one = np.ones((1, 1), dtype)
    p = {"W": (0.3 + 0.4j) * one, "U": 0 * one, "b": np.zeros(1, dtype)}  # |W| = ½
    path = unroll(RNN(1, 1, "identity"), p, np.zeros((T, 1, 1), dtype))
    _, vjps = forward(path, one)
    log = trace(vjps, one)
    near = {"rtol": 1e-6, "atol": 1e-6 if dtype is np.complex64 else 1e-13}
    for log_h in (log.log_h, bptt(path, one, one, SqrtT()).log_h):
        np.testing.assert_allclose(log_h[::-1], -np.arange(T + 1) * np.log(2), **near)
    np.testing.assert_allclose(log.log_p["b"], log.log_h[1:], **near)
    early = log.log_p["W"][:20]  # h_{t-1} g_t, while h is a float
    np.testing.assert_allclose(early, -(T - 1) * np.log(2), **near)


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("a, b", [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
def test_a_sample_of_zeros_does_not_hide_the_share_of_another(size, a, b):
    """A share ``aᵀ b`` of two samples, of which the second adds nothing.

    That of the first is ``size²``, which may be past the floats.
    """
    product = Product(np.array([[size], [a]]), np.array([[size], [b]]))
    assert product.log_norm() == pytest.approx(2 * np.log(size), rel=1e-14)
