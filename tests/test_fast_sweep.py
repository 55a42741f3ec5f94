"""The fast way through an RNN swept over a gain agrees with one run per gain, and with the readable loop."""

import numpy as np
import pytest

from gradtrace import RNN, backward, draw, forward, trace, unroll
from gradtrace.steps.init import orthogonal
from gradtrace.tracing.fast.sweep import SweptPullbacks, gains_of
from gradtrace.tracing.path import Path

GAINS = np.array([0.5, -0.7, 0.0, 1.0, 0.9])
TOLERANCE = {np.float64: 1e-10, np.float32: 2e-3}


def problem(T=12, n=5, B=1, phi="tanh", dtype=np.float64, gains=GAINS, seed=0, bias=0.3):
    """A cell, swept parameters, inputs, first state and one gradient for each gain."""
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.standard_normal(shape).astype(dtype)
    cell = RNN(4, n, phi)
    p = draw(cell, rng, orthogonal, gain=gains, dtype=dtype, b=lambda rng, shape: bias * rng.standard_normal(shape))
    return cell, p, normal(T, B, 4), normal(B, n), normal(len(gains), B, n)


def both(cell, p, x, h0):
    """The fused run and the readable one."""
    h, vjps = forward(unroll(cell, p, x), h0)
    readable = forward(Path(tuple(unroll(cell, p, x))), h0)
    assert isinstance(vjps, SweptPullbacks) and vjps.sweep == readable[1].sweep == 1
    return (h, vjps), readable


def close(a, b, rtol):
    assert a.shape == b.shape and a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=0) + 100 * np.finfo(b.dtype).tiny)


def close_logs(a, b, rtol):
    assert a.shape == b.shape
    np.testing.assert_array_equal(np.isneginf(a), np.isneginf(b))
    finite = np.isfinite(b)
    np.testing.assert_allclose(a[finite], b[finite], rtol=1e-14, atol=rtol)


def assert_same(fused, readable, g, rtol):
    (h, vjps), (h_, vjps_) = fused, readable
    for a, b in zip(h, h_, strict=True):
        close(a, np.broadcast_to(b, a.shape), rtol)
    for t in (0, -1):
        ours, theirs = vjps[t](h[-1]), vjps_[t](h_[-1])
        close(ours.h, theirs.h, rtol)
        close(ours.x, theirs.x, rtol)
    ours, theirs, log, log_ = backward(vjps, g), backward(vjps_, g), trace(vjps, g), trace(vjps_, g)
    for t in range(len(vjps)):
        close(ours.h[t], theirs.h[t], rtol)
        close(ours.x[t], theirs.x[t], rtol)
        for name, value in theirs.p[t].items():
            close(ours.p[t][name], value, rtol)
    for grads in (ours, log.grads):
        for name, value in theirs.shared().items():
            close(grads.shared()[name], value, 10 * rtol)
    close_logs(log.log_h, log_.log_h, 10 * rtol)
    assert log.log_p.keys() == log_.log_p.keys()
    for name, value in log_.log_p.items():
        close_logs(log.log_p[name], value, 10 * rtol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("T,n,B", [(12, 5, 1), (12, 5, 3), (1, 5, 2), (1, 1, 1), (150, 4, 1), (6, 5, 0), (20, 32, 9)])
@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "relu", "identity"])
def test_equals_the_readable_loop(phi, T, n, B, dtype):
    *run, g = problem(T, n, B, phi, dtype, gains=GAINS / 2 if T > 20 else GAINS)
    assert_same(*both(*run), g, TOLERANCE[dtype])


def test_equals_one_run_per_gain():
    cell, p, x, h0, g = problem(T=30, n=8)
    h, vjps = forward(unroll(cell, p, x), h0)
    log = trace(vjps, g)
    for i in range(len(GAINS)):
        h_i, vjps_i = forward(unroll(cell, {"W": p["W"][i], "U": p["U"][i], "b": p["b"]}, x), h0)
        one = trace(vjps_i, g[i])
        close(h[:, i], h_i, 1e-10)
        close_logs(log.log_h[:, i], one.log_h, 1e-10)
        for name, value in one.grads.shared().items():
            close(log.grads.shared()[name][i], value, 1e-10)
            close_logs(log.log_p[name][:, i], one.log_p[name], 1e-10)


@pytest.mark.parametrize("T", [12, 500])
def test_a_loss_on_many_states(T):
    *run, g = problem(T, B=2, gains=np.array([0.1, 0.5]))           # long enough to vanish in between
    rng = np.random.default_rng(1)
    direct = [rng.standard_normal(g.shape) if t % 3 == 0 and not T / 4 < t < 0.9 * T else None for t in range(T + 1)]
    fused, readable = both(*run)
    assert_same(fused, readable, direct, 1e-10)
    with pytest.raises(ValueError, match=r"g\[3\]: expected the shape"):
        backward(fused[1], [*direct[:3], g[:, :, :2].copy(), *direct[4:]])


def test_swept_bias_and_state_and_a_shared_input_matrix():
    cell, p, x, h0, g = problem(B=2)
    rng = np.random.default_rng(1)
    p = {"W": p["W"], "U": p["U"][0].copy(), "b": rng.standard_normal((len(GAINS), 5))}
    assert_same(*both(cell, p, x, rng.standard_normal(g.shape)), g, 1e-10)


@pytest.mark.parametrize("phi, factor", [("tanh", np.log(4) - 60), ("sigmoid", -30)])
def test_saturation_is_not_read_as_zero(phi, factor):
    """``1 - h²`` is exactly 0 here, and φ' is not: at a state of 1 and a weight of 30, ln φ'(30) is known."""
    p = {"W": np.array([[[30.0]], [[60.0]]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    _, vjps = forward(unroll(RNN(1, 1, phi), p, np.zeros((10, 1, 1))), np.ones((1, 1)))
    log = trace(vjps, np.ones((2, 1, 1))).log_h[0]
    steep = factor * np.array([1, 2]) + (phi == "tanh") * np.array([0, -np.log(4)])
    assert vjps.fast
    np.testing.assert_allclose(log, 10 * (np.log([30, 60]) + steep), rtol=1e-9)


def test_logarithms_past_the_float_range_and_overflow_of_gradients():
    T, w = 3000, np.array([0.5, 1.0, 2.0])
    p = {"W": w[:, None, None], "U": np.zeros((1, 1)), "b": np.zeros(1)}
    _, vjps = forward(unroll(RNN(1, 1, "identity"), p, np.zeros((T, 1, 1))), np.zeros((1, 1)))
    log = trace(vjps, np.ones((3, 1, 1)))
    np.testing.assert_allclose(log.log_h, np.arange(T, -1, -1)[:, None] * np.log(w), rtol=1e-9)
    np.testing.assert_allclose(log.log_p["b"], np.arange(T - 1, -1, -1)[:, None] * np.log(w), rtol=1e-9)
    with pytest.raises(FloatingPointError, match=r"∂L/∂h_1976 of 3000 overflows float64"):
        backward(vjps, np.ones((3, 1, 1)))


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e300])
def test_gradients_at_the_edge_of_the_float_range(size):
    *run, g = problem(gains=GAINS / 2)
    fused, readable = both(*run)
    close_logs(trace(fused[1], size * g).log_h, trace(readable[1], size * g).log_h, 1e-10)


@pytest.mark.parametrize("change", ["one entry", "x", "U", "W is zero", "two axes"])
def test_what_is_no_sweep_of_gains_takes_the_readable_loop(change):
    cell, p, x, h0, g = problem()
    if change == "one entry":
        p["W"][1, 2, 3] *= 1 + 1e-14
    if change == "U":
        p["U"][0, 0, 0] += 1e-9
    if change == "W is zero":
        p["W"][:] = 0
    if change == "x":
        x = np.repeat(x[:, None], len(GAINS), axis=1)
    if change == "two axes":
        p["W"] = p["W"][:, None]
        p["U"] = p["U"][:, None]
    _, vjps = forward(unroll(cell, p, x), h0)
    assert not vjps.fast and vjps.sweep == (2 if change == "two axes" else 1)


@pytest.mark.parametrize("gains", [np.linspace(0.5, 1.5, 41), np.array([0.0, 3e-100, 1e100, -1.0])])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gains_are_found_to_the_last_digits(gains, dtype):
    gains = gains.astype(dtype) if dtype == np.float64 else np.clip(gains, -2, 2).astype(dtype)
    W = np.random.default_rng(0).standard_normal((6, 7)).astype(dtype)
    W[2] = 0
    c, W0 = gains_of(gains[:, None, None] * W)
    assert W0.dtype == c.dtype == dtype
    np.testing.assert_allclose(c[:, None, None] * W0, gains[:, None, None] * W, rtol=4 * np.finfo(dtype).eps)


def test_gains_of_nothing():
    assert gains_of(np.zeros((2, 3, 3))) is None and gains_of(np.zeros((0, 3, 3))) is None
    tiny = np.array([[[1.0, 1e-30]], [[2.0, 1e-30]]])               # small beside the largest, and yet another matrix
    assert gains_of(tiny) is None


def test_results_own_their_memory():
    cell, p, x, h0, g = problem(B=2)
    before = [a.copy() for a in (*p.values(), x, h0, g)]
    h, vjps = forward(unroll(cell, p, x), h0)
    grads, expected = backward(vjps, g), backward(vjps, g).shared()
    first = grads.h[0]
    for now, then in zip((*p.values(), x, h0, g), before, strict=True):
        np.testing.assert_array_equal(now, then)
    for a in (*p.values(), h0, g):
        a *= 0
    np.testing.assert_array_equal(grads.h[0], first)
    for name, value in expected.items():
        np.testing.assert_array_equal(grads.shared()[name], value)


def test_overflow_names_the_step():
    cell, p, x, h0, _ = problem(T=400, phi="identity", gains=np.array([0.5, 50.0]))
    with pytest.raises(FloatingPointError, match=r"step \d+ of 400: RNN"):
        forward(unroll(cell, p, x), h0)


def test_agrees_with_pytorch(oracle):
    torch = oracle("torch")
    cell, p, x, h0, g = problem(T=20, n=8, B=2)
    log = trace(forward(unroll(cell, p, x), h0)[1], g)
    q = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
    states = [torch.tensor(np.broadcast_to(h0, g.shape).copy(), requires_grad=True)]
    for x_t in torch.tensor(x):
        states.append(torch.tanh(states[-1] @ q["W"] + x_t @ q["U"] + q["b"]))
        states[-1].retain_grad()
    (states[-1] * torch.tensor(g)).sum().backward()
    close_logs(log.log_h, np.array([s.grad.flatten(1).norm(dim=1).log().numpy() for s in states]), 1e-10)
    for name in ("W", "U"):
        close(log.grads.shared()[name], q[name].grad.numpy(), 1e-10)
