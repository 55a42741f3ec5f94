"""The fast way through an unrolled RNN agrees with the readable loop in everything, and with PyTorch and JAX."""

import importlib.util
import os
import threading

import numpy as np
import pytest

from gradtrace import RNN, backward, draw, forward, trace, unroll
from gradtrace.steps.init import orthogonal
from gradtrace.tracing.fast.deferred import gram, log_outer
from gradtrace.tracing.fast.rnn import RNNPullbacks
from gradtrace.tracing.path import Path

ACTIVATIONS = ["tanh", "sigmoid", "relu", "identity"]
TOLERANCE = {np.float64: 1e-10, np.float32: 2e-3}


def problem(T=12, n=5, B=3, phi="tanh", dtype=np.float64, gain=0.9, seed=0, bias=0.3):
    """A cell, parameters, inputs, first state and gradient."""
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.standard_normal(shape).astype(dtype)
    cell = RNN(4, n, phi)
    p = draw(cell, rng, orthogonal, gain=gain, dtype=dtype, b=lambda rng, shape: bias * rng.standard_normal(shape))
    return cell, p, normal(T, B, 4), normal(B, n), normal(B, n)


def both(cell, p, x, h0):
    """The fused run and the readable one."""
    fused = forward(unroll(cell, p, x), h0)
    readable = forward(Path(tuple(unroll(cell, p, x))), h0)
    assert isinstance(fused[1], RNNPullbacks) and not isinstance(readable[1], RNNPullbacks)
    return fused, readable


def close(a, b, rtol):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape and a.dtype == b.dtype
    underflow = 100 * np.finfo(b.dtype).tiny
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=0) + underflow)


def close_logs(a, b, rtol):
    """Logarithms of norms agree when the norms do, so the tolerance is absolute."""
    np.testing.assert_array_equal(np.isneginf(a), np.isneginf(b))
    finite = np.isfinite(b)
    np.testing.assert_allclose(a[finite], b[finite], rtol=1e-14, atol=rtol)


def assert_same(fused, readable, g, rtol):
    """States, pullbacks, gradients and traces are equal."""
    (h, vjps), (h_, vjps_) = fused, readable
    close(h, np.array(h_), rtol)
    assert len(vjps) == len(vjps_) == len(list(vjps))
    for t in (0, len(vjps) // 2, -1):
        for ours, theirs in zip(vjps[t](h[-1]), vjps_[t](h_[-1]), strict=True):
            for a, b in zip(*((v.values() if isinstance(v, dict) else [v]) for v in (ours, theirs)), strict=True):
                close(a, b, rtol)
    assert_same_back(vjps, vjps_, g, rtol)


def assert_same_back(vjps, vjps_, g, rtol):
    ours, theirs = backward(vjps, g), backward(vjps_, g)
    close(np.array(ours.h), np.array(theirs.h), rtol)
    close(np.array(ours.x), np.array(theirs.x), rtol)
    for t in range(len(vjps)):
        for name in theirs.p[t]:
            close(ours.p[t][name], theirs.p[t][name], rtol)
    for name, value in theirs.shared().items():
        close(ours.shared()[name], value, 10 * rtol)
    log, log_ = trace(vjps, g), trace(vjps_, g)
    close_logs(log.log_h, log_.log_h, 10 * rtol)
    assert log.log_p.keys() == log_.log_p.keys()
    for name in log_.log_p:
        close_logs(log.log_p[name], log_.log_p[name], 10 * rtol)
    for name, value in log_.grads.shared().items():
        close(log.grads.shared()[name], value, 10 * rtol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("T,n,B", [(12, 5, 3), (12, 5, 1), (1, 5, 3), (1, 1, 1), (300, 1, 1), (140, 16, 4),
                                   (40, 64, 20)])
@pytest.mark.parametrize("phi", ACTIVATIONS)
def test_equals_the_readable_loop(phi, T, n, B, dtype):
    *run, g = problem(T, n, B, phi, dtype, gain=0.5 if T > 20 else 0.9)
    assert_same(*both(*run), g, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("T", [12, 400])
def test_a_loss_on_many_states(T, B, dtype):
    *run, g = problem(T, B=B, dtype=dtype, gain=0.1 if T > 20 else 0.9)       # long enough to vanish in between
    rng = np.random.default_rng(1)
    direct = [rng.standard_normal(g.shape).astype(dtype) if t % 3 == 0 and not T / 4 < t < T / 2 else None
              for t in range(T + 1)]
    fused, readable = both(*run)
    assert_same(fused, readable, direct, TOLERANCE[dtype])
    assert_same(fused, readable, [*direct[:-1], None], TOLERANCE[dtype])
    with pytest.raises(ValueError, match=r"g\[3\]: expected the shape"):
        backward(fused[1], [*direct[:3], g[:, :2].copy(), *direct[4:]])


@pytest.mark.parametrize("phi", ["tanh", "sigmoid"])
@pytest.mark.parametrize("bias", [0.3, 12.0, -12.0])
def test_slopes_far_into_saturation(phi, bias):
    *run, g = problem(T=10, n=8, B=3, phi=phi, gain=6, bias=bias)
    fused, readable = both(*run)
    slopes = run[0].phi.slope(run[2][0] @ run[1]["U"] + run[3] @ run[1]["W"] + run[1]["b"])
    assert slopes.min() < 1e-6
    for t in range(10):                                                       # the same states, or rounding wins
        ours, theirs = (vjps[t](g) for vjps in (fused[1], readable[1]))
        close(ours.h, theirs.h, 1e-9)
    *run, g = problem(T=2, n=8, B=3, phi=phi, gain=6, bias=bias)
    fused, readable = both(*run)
    ours, theirs = backward(fused[1], g), backward(readable[1], g)
    for t in range(3):
        np.testing.assert_allclose(ours.h[t], theirs.h[t], rtol=1e-9, atol=1e-12 * np.abs(theirs.h[t]).max())
    close_logs(trace(fused[1], g).log_h, trace(readable[1], g).log_h, 1e-10)


@pytest.mark.parametrize("w", [0.5, 2.0])
def test_logarithms_past_the_float_range(w):
    T, cell = 20_000, RNN(1, 1, "identity")
    p = {"W": np.array([[w]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    h, vjps = forward(unroll(cell, p, np.zeros((T, 1, 1))), np.zeros((1, 1)))
    log = trace(vjps, np.ones((1, 1)))
    np.testing.assert_allclose(log.log_h, np.arange(T, -1, -1) * np.log(w), rtol=1e-9)
    np.testing.assert_allclose(log.log_p["b"], np.arange(T - 1, -1, -1) * np.log(w), rtol=1e-9)
    if w > 1:
        with pytest.raises(FloatingPointError, match=r"∂L/∂h_18976 of 20000 overflows float64"):
            backward(vjps, np.ones((1, 1)))
    else:
        assert backward(vjps, np.ones((1, 1))).h[0] == 0
        assert log.grads.shared()["b"] == pytest.approx(2)


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_a_gradient_at_the_edge_of_the_float_range(size):
    *run, g = problem(gain=0.5)
    fused, readable = both(*run)
    close_logs(trace(fused[1], size * g).log_h, trace(readable[1], size * g).log_h, 1e-10)


@pytest.mark.parametrize("B", [1, 3])
def test_true_zeros(B):
    cell, p, x, h0, g = problem(T=40, n=5, B=B, phi="relu")
    dead = {**p, "b": np.full(5, -100.0)}
    fused, readable = both(cell, dead, x, h0)
    assert_same(fused, readable, g, 1e-10)
    assert np.isneginf(trace(fused[1], g).log_h[:-1]).all()
    fused, readable = both(cell, p, x, h0)
    assert_same(fused, readable, np.zeros_like(g), 1e-10)


def test_an_empty_batch_is_defined():
    *run, g = problem(B=0)
    fused, readable = both(*run)
    assert_same(fused, readable, g, 1e-10)


def test_norms_of_shares_survive_cancellation():
    """Two samples that nearly cancel in ``hᵀ d``: the quick formula has no digits left there and must not be used."""
    rng = np.random.default_rng(0)
    h, d = np.repeat(rng.standard_normal((3, 1, 8)), 2, axis=1), np.repeat(rng.standard_normal((3, 1, 8)), 2, axis=1)
    d[:, 1] *= -1 + 1e-9
    close_logs(log_outer(h, d, gram(d)), np.log(np.linalg.norm(h.swapaxes(1, 2) @ d, axis=(1, 2))), 1e-10)


def test_runs_do_not_share_memory():
    runs = [problem(seed=seed) for seed in (1, 2)]
    pairs = [both(*run[:-1]) for run in runs]
    traces = [(trace(fused[1], run[-1]), backward(fused[1], run[-1]))
              for (fused, _), run in zip(pairs, runs, strict=True)]
    for (fused, readable), run, (log, grads) in zip(pairs, runs, traces, strict=True):
        assert_same(fused, readable, run[-1], 1e-10)
        close_logs(log.log_h, trace(readable[1], run[-1]).log_h, 1e-10)
        close(grads.shared()["W"], backward(readable[1], run[-1]).shared()["W"], 1e-10)


def test_threads_do_not_disturb_each_other():
    runs = [problem(T=60, n=16, B=1, gain=0.5, seed=seed) for seed in range(4)]
    alone = [trace(forward(unroll(*run[:3]), run[3])[1], run[4]).log_h for run in runs]
    wrong = []

    def work(run, expected):
        for _ in range(30):
            if not np.array_equal(trace(forward(unroll(*run[:3]), run[3])[1], run[4]).log_h, expected):
                wrong.append(run)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(runs, alone, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_arguments_stay_as_they_are_and_results_do_too():
    cell, p, x, h0, g = problem()
    before = [a.copy() for a in (*p.values(), x, h0, g)]
    h, vjps = forward(unroll(cell, p, x), h0)
    log, grads = trace(vjps, g), backward(vjps, g)
    expected = np.array(backward(vjps, g).h), np.array(backward(vjps, g).x)
    for now, then in zip((*p.values(), x, h0, g), before, strict=True):
        np.testing.assert_array_equal(now, then)
    p["W"] *= 0                                                               # a training step, say
    p["U"] *= 0
    g *= 0
    np.testing.assert_array_equal(np.array(grads.h), expected[0])
    np.testing.assert_array_equal(np.array(log.grads.x), expected[1])


@pytest.mark.parametrize("phi", ["relu", "identity"])
def test_overflow_names_the_step(phi):
    cell, p, x, h0, _ = problem(T=400, phi=phi)
    with pytest.raises(FloatingPointError, match=r"step \d+ of 400: RNN"):
        forward(unroll(cell, {**p, "W": 1e3 * np.eye(5), "b": np.ones(5)}, x), np.abs(h0))


def test_bad_arguments_are_named():
    cell, p, x, h0, g = problem()
    with pytest.raises(TypeError, match="dtype in RNN"):
        forward(unroll(cell, p, x.astype(np.float32)), h0)
    with pytest.raises(ValueError, match="x: expected finite"):
        unroll(cell, p, np.full_like(x, np.nan))
    with pytest.raises(ValueError, match="h0 of RNN"):
        forward(unroll(cell, p, x), h0[:, :3])
    with pytest.raises(ValueError, match="g: expected the shape"):
        trace(forward(unroll(cell, p, x), h0)[1], g[:1])


def test_sweeps_take_the_readable_loop():
    cell, p, x, h0, _ = problem()
    _, vjps = forward(unroll(cell, {**p, "W": np.array([p["W"], 2 * p["W"]])}, x), h0)
    assert not isinstance(vjps, RNNPullbacks) and vjps.sweep == 1


def peer(name):
    """The library, or skip; where ``CI`` is set, a missing one is a failure."""
    if importlib.util.find_spec(name) is None and os.environ.get("CI"):
        pytest.fail(f"{name} is missing, and CI compares with it")
    return pytest.importorskip(name)


@pytest.mark.parametrize("B", [1, 8])
def test_agrees_with_pytorch(B):
    torch = peer("torch")
    cell, p, x, h0, g = problem(T=30, n=16, B=B)
    h, vjps = forward(unroll(cell, p, x), h0)
    log = trace(vjps, g)
    q = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
    states = [torch.tensor(h0, requires_grad=True)]
    for x_t in torch.tensor(x):
        states.append(torch.tanh(states[-1] @ q["W"] + x_t @ q["U"] + q["b"]))
        states[-1].retain_grad()
    (states[-1] * torch.tensor(g)).sum().backward()
    close(h, torch.stack(states).detach().numpy(), 1e-10)
    close(np.array(log.grads.h), torch.stack([s.grad for s in states]).numpy(), 1e-10)
    close_logs(log.log_h, np.log([s.grad.norm().item() for s in states]), 1e-10)
    for name, value in log.grads.shared().items():
        close(value, q[name].grad.numpy(), 1e-10)


def test_agrees_with_jax():
    jax = peer("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    cell, p, x, h0, g = problem(T=30, n=16, B=4)
    loss = lambda p, h0: (jax.lax.scan(
        lambda h, x_t: (jnp.tanh(h @ p["W"] + x_t @ p["U"] + p["b"]), None), h0, x)[0] * g).sum()
    dp, dh0 = jax.grad(loss, (0, 1))({name: jnp.asarray(value) for name, value in p.items()}, jnp.asarray(h0))
    grads = backward(forward(unroll(cell, p, x), h0)[1], g)
    close(grads.h[0], np.asarray(dh0), 1e-9)
    for name, value in grads.shared().items():
        close(value, np.asarray(dp[name]), 1e-9)


@pytest.mark.parametrize("phi, factor", [("tanh", np.log(30 * 4) - 60), ("sigmoid", np.log(30) - 30)])
def test_saturation_is_not_read_as_zero(phi, factor):
    """``1 - h²`` is exactly 0 here, and φ' is not: at a state of 1 and a weight of 30, ln φ'(30) is known."""
    p = {"W": np.array([[30.0]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    _, vjps = forward(unroll(RNN(1, 1, phi), p, np.zeros((10, 1, 1))), np.ones((1, 1)))
    assert vjps.fast and trace(vjps, np.ones((1, 1))).log_h[0] == pytest.approx(10 * factor, rel=1e-9)
