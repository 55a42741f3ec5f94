"""The fast way through a deep net of equal layers agrees with the readable steps in everything, and with PyTorch."""

import numpy as np
import pytest

from gradtrace import Dense, Residual, backward, deep, draw, forward, trace
from gradtrace.steps.init import orthogonal
from gradtrace.tracing import path as paths
from gradtrace.tracing.fast.deep import DeepPullbacks

TOLERANCE = {np.float64: 1e-10, np.float32: 2e-3}


def problem(T=8, n=5, B=3, phi="tanh", residual=False, dtype=np.float64, gain=0.9, seed=0, bias=0.3):
    """A path, a first state and a gradient."""
    rng = np.random.default_rng(seed)
    step = Residual(Dense(n, n, phi)) if residual else Dense(n, n, phi)
    biases = lambda rng, shape: bias * rng.standard_normal(shape)
    params = [draw(step, rng, orthogonal, gain=gain, dtype=dtype, b=biases) for _ in range(T)]
    return deep(step, params), rng.standard_normal((B, n)).astype(dtype), rng.standard_normal((B, n)).astype(dtype)


@pytest.fixture
def readable(monkeypatch):
    """``forward`` by the readable steps alone."""
    def walk(path, h0):
        with monkeypatch.context() as patch:
            patch.setattr(paths, "FUSED_DEEP", {})
            return forward(path, h0)
    return walk


def close(a, b, rtol):
    assert a.shape == b.shape and a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=0) + 100 * np.finfo(b.dtype).tiny)


def close_logs(a, b, rtol):
    assert a.shape == b.shape
    np.testing.assert_array_equal(np.isneginf(a), np.isneginf(b))
    finite = np.isfinite(b)
    np.testing.assert_allclose(a[finite], b[finite], rtol=1e-14, atol=rtol)


def assert_same(run, expected, g, rtol):
    (h, vjps), (h_, vjps_) = run, expected
    assert isinstance(vjps, DeepPullbacks) and not isinstance(vjps_, DeepPullbacks) and len(vjps) == len(vjps_)
    for a, b in zip(h, h_, strict=True):
        close(a, b, rtol)
    close(vjps[-1](h[-1]).p["W"], vjps_[-1](h_[-1]).p["W"], rtol)
    log, log_, theirs = trace(vjps, g), trace(vjps_, g), backward(vjps_, g)
    close_logs(log.log_h, log_.log_h, 10 * rtol)
    assert log.log_p.keys() == log_.log_p.keys()
    for name, value in log_.log_p.items():
        close_logs(log.log_p[name], value, 10 * rtol)
    for ours in (backward(vjps, g), log.grads):
        assert len(ours.h) == len(theirs.h) and list(ours.x) == list(theirs.x)
        for a, b in zip(ours.h, theirs.h, strict=True):
            close(a, b, rtol)
        for a, b in zip(ours.p, theirs.p, strict=True):
            assert a.keys() == b.keys()
            for name in b:
                close(a[name], b[name], rtol)
        for name, value in theirs.shared().items():
            close(ours.shared()[name], value, 10 * rtol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("T,n,B", [(8, 5, 3), (1, 5, 1), (1, 1, 1), (6, 5, 0), (60, 16, 4)])
@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "relu", "identity"])
@pytest.mark.parametrize("residual", [False, True])
def test_equals_the_readable_steps(readable, residual, phi, T, n, B, dtype):
    path, h0, g = problem(T, n, B, phi, residual, dtype, gain=0.1 if T > 20 else 0.9)
    assert_same(forward(path, h0), readable(path, h0), g, TOLERANCE[dtype])


@pytest.mark.parametrize("T,gain", [(8, 0.9), (400, 0.1)])              # the second vanishes and comes back
def test_a_loss_on_many_states(readable, T, gain):
    path, h0, g = problem(T, gain=gain, phi="identity")
    rng = np.random.default_rng(1)
    direct = [rng.standard_normal(g.shape) if t % 3 == 0 and not T / 8 < t < 0.95 * T else None for t in range(T + 1)]
    run = forward(path, h0)
    assert_same(run, readable(path, h0), [*direct[:-1], g], 1e-10)
    assert_same(run, readable(path, h0), [*direct[:-1], None], 1e-10)
    with pytest.raises(ValueError, match=r"g\[3\]: expected the shape"):
        backward(run[1], [*direct[:3], g[:, :2].copy(), *direct[4:]])


@pytest.mark.parametrize("phi, factor", [("tanh", np.log(30 * 4) - 60), ("sigmoid", np.log(30) - 30)])
def test_saturation_is_not_read_as_zero(phi, factor):
    """``1 - h²`` is exactly 0 here, and φ' is not: at a state of 1 and a weight of 30, ln φ'(30) is known."""
    path = deep(Dense(1, 1, phi), [{"W": np.array([[30.0]]), "b": np.zeros(1)}] * 10)
    _, vjps = forward(path, np.ones((1, 1)))
    assert vjps.fast and trace(vjps, np.ones((1, 1))).log_h[0] == pytest.approx(10 * factor, rel=1e-9)


@pytest.mark.parametrize("residual, w", [(False, 0.5), (False, 2.0), (True, 1.0)])
def test_logarithms_past_the_float_range(residual, w):
    T, step = 3000, Residual(Dense(1, 1, "identity")) if residual else Dense(1, 1, "identity")
    _, vjps = forward(deep(step, [{"W": np.array([[w]]), "b": np.zeros(1)}] * T), np.zeros((1, 1)))
    log = trace(vjps, np.ones((1, 1)))
    np.testing.assert_allclose(log.log_h, np.arange(T, -1, -1) * np.log(w + residual), rtol=1e-9)
    np.testing.assert_allclose(log.log_p["b"], np.arange(T - 1, -1, -1) * np.log(w + residual), rtol=1e-9)
    if w < 1:
        assert backward(vjps, np.ones((1, 1))).h[0] == 0
    else:
        with pytest.raises(FloatingPointError, match=r"∂L/∂h_1976 of 3000 overflows float64"):
            backward(vjps, np.ones((1, 1)))


def test_one_step_that_overflows_on_the_way_back():
    _, vjps = forward(deep(Dense(1, 1, "identity"), [{"W": np.array([[1e200]]), "b": np.zeros(1)}]), np.zeros((1, 1)))
    with pytest.raises(FloatingPointError, match=r"∂L/∂h_0 of 1 overflows float64"):
        backward(vjps, np.array([[1e200]]))


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e300])
def test_gradients_at_the_edge_of_the_float_range(readable, size):
    path, h0, g = problem(gain=0.5)
    close_logs(trace(forward(path, h0)[1], size * g).log_h, trace(readable(path, h0)[1], size * g).log_h, 1e-10)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_shares_whose_squares_leave_the_float_range(readable, size):
    path, h0, g = problem(T=1, B=1, phi="identity")
    expected = np.log(size) + np.log(np.linalg.norm(h0)) + np.log(np.linalg.norm(g))
    for walk in (forward, readable):
        assert trace(walk(path, size * h0)[1], g).log_p["W"][0] == pytest.approx(expected, rel=1e-12)


def test_dead_units_are_true_zeros(readable):
    path, h0, g = problem(phi="relu", bias=0)
    for link in path:
        link.p["b"][:] = -100
    run = forward(path, h0)
    assert_same(run, readable(path, h0), g, 1e-10)
    assert np.isneginf(trace(run[1], g).log_h[:-1]).all()


@pytest.mark.parametrize("steps", ["widths", "activations", "sweep", "mixed"])
def test_other_nets_take_the_readable_steps(steps):
    rng, n = np.random.default_rng(0), 4
    layers = {"widths": [Dense(4, 6), Dense(6, 4)], "activations": [Dense(n, n), Dense(n, n, "relu")],
              "sweep": [Dense(n, n)] * 2, "mixed": [Dense(n, n), Residual(Dense(n, n))]}[steps]
    params = [draw(step, rng, gain=np.array([0.5, 1.0]) if steps == "sweep" else 1.0) for step in layers]
    assert not forward(deep(layers, params), np.ones((2, n)))[1].fast


def test_gradients_outlive_a_training_step():
    path, h0, g = problem()
    grads, expected = (backward(forward(path, h0)[1], g) for _ in range(2))
    kept = [{name: value.copy() for name, value in p.items()} for p in expected.p], [a.copy() for a in expected.h]
    for link in path:
        for value in link.p.values():
            value *= 0
    h0 *= 0
    g *= 0
    for p, p_ in zip(grads.p, kept[0], strict=True):
        for name in p_:
            np.testing.assert_array_equal(p[name], p_[name])
    for a, b in zip(grads.h, kept[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors_name_the_step():
    path, h0, _ = problem(phi="identity")
    path[3].p["W"][:] = 1e308
    with pytest.raises(FloatingPointError, match="step 4 of 8: Dense"):
        forward(path, h0)
    with pytest.raises(ValueError, match="h0 of Dense"):
        forward(path, h0[:, :2])
    with pytest.raises(TypeError, match="dtype in Dense"):
        forward(path, h0.astype(np.float32))


@pytest.mark.parametrize("residual", [False, True])
def test_agrees_with_pytorch(oracle, residual):
    torch = oracle("torch")
    path, h0, g = problem(T=20, n=8, residual=residual, gain=0.5)
    log = trace(forward(path, h0)[1], g)
    states, params = [torch.tensor(h0, requires_grad=True)], []
    for link in path:
        params.append({name: torch.tensor(value, requires_grad=True) for name, value in link.p.items()})
        f = torch.tanh(states[-1] @ params[-1]["W"] + params[-1]["b"])
        states.append(states[-1] + f if residual else f)
        states[-1].retain_grad()
    (states[-1] * torch.tensor(g)).sum().backward()
    close_logs(log.log_h, np.array([np.log(s.grad.norm().item()) for s in states]), 1e-10)
    for p, q in zip(log.grads.p, params, strict=True):
        for name in p:
            close(p[name], q[name].grad.numpy(), 1e-10)
