"""Normalisation: gradients through the statistics, what is normalised is, and PyTorch agrees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_checks import SWEEPS, check_finite_differences, check_sweep_equals_loop

from gradtrace import Dense, Residual, Seq, deep, forward, gradient_errors, init_params, trace
from gradtrace.steps.norms import (
    BatchNorm,
    BatchNormInference,
    LayerNorm,
    WeightNorm,
    batch_statistics,
)

FIXED = BatchNormInference(np.array([0.3, -1.0, 2.0]), np.array([0.5, 2.0, 0.0]), eps=0.1)
ALONE = [
    BatchNorm(3),
    LayerNorm(3),
    BatchNorm(1),
    BatchNorm(3, eps=0.5),
    LayerNorm(3, eps=0.5),
    FIXED,
]
SWEPT = [
    Seq(Dense(2, 3), BatchNorm(3)),
    Seq(Dense(2, 3), LayerNorm(3)),
    Seq(Dense(2, 3), FIXED),
    Seq(BatchNorm(2), Dense(2, 3)),
    Residual(Seq(LayerNorm(3), Dense(3, 3))),
    WeightNorm(3, 4),
    WeightNorm(3, 2, "sigmoid"),
    Seq(Dense(2, 3), WeightNorm(3, 2, "identity")),
]


def parameters(rng, *names, n=3):
    return {name: rng.standard_normal(n) for name in names}


@pytest.mark.parametrize("step", ALONE + SWEPT, ids=str)
def test_pullback_agrees_with_finite_differences(step):
    check_finite_differences(step)


@pytest.mark.parametrize("sweep", list(SWEEPS)[1:])
@pytest.mark.parametrize("step", SWEPT, ids=str)
def test_pullback_agrees_with_finite_differences_in_a_sweep(step, sweep):
    check_finite_differences(step, sweep)


@pytest.mark.parametrize("step", SWEPT, ids=str)
def test_sweep_equals_loop(step):
    check_sweep_equals_loop(step)


@pytest.mark.parametrize("step", ALONE[:2] + ALONE[-1:], ids=str)
@pytest.mark.parametrize("swept", ["h", "gamma", "h and gamma"])
def test_a_sweep_of_states_or_of_scales_equals_a_loop(step, swept):
    rng = np.random.default_rng(0)
    h = rng.standard_normal((4, 5, 3))
    p = parameters(rng, "gamma", "beta")
    if "gamma" in swept:
        p["gamma"] = rng.standard_normal((4, 3))
    h = h if "h" in swept else h[0]
    out, vjp = step(p, h)
    g = rng.standard_normal(out.shape)
    grads = vjp(g)
    for i in range(4):
        alone, vjp_i = step(
            {"gamma": p["gamma"][i] if p["gamma"].ndim > 1 else p["gamma"], "beta": p["beta"]},
            h[i] if h.ndim > 2 else h,
        )
        np.testing.assert_allclose(out[i], alone, rtol=1e-13)
        np.testing.assert_allclose(grads.h[i], vjp_i(g[i]).h, rtol=1e-12, atol=1e-14)
        for name in p:
            np.testing.assert_allclose(
                grads.p[name][i], vjp_i(g[i]).p[name], rtol=1e-12, atol=1e-14
            )


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(2, 7),
    n=st.integers(2, 6),
    seed=st.integers(0, 999),
    shift=st.floats(-1e3, 1e3),
)
def test_mean_is_zero_and_variance_one(batch, n, seed, shift):
    rng = np.random.default_rng(seed)
    h = shift + rng.uniform(0.1, 10) * rng.standard_normal((batch, n))
    p = {"gamma": np.ones(n), "beta": np.zeros(n)}
    for step, axis in ((BatchNorm(n, eps=1e-20), 0), (LayerNorm(n, eps=1e-20), 1)):
        out, vjp = step(p, h)
        np.testing.assert_allclose(out.mean(axis), 0, atol=1e-8)
        np.testing.assert_allclose(out.var(axis), 1, rtol=1e-8)
        # a shift or a stretch changes nothing: no gradient there
        g = vjp(rng.standard_normal(out.shape)).h
        tiny = 1e-9 / h.std(axis).min()
        assert np.abs(g.sum(axis)).max() < tiny
        assert np.abs((g * out).sum(axis)).max() < tiny


def test_batch_norm_keeps_mean_0_and_variance_1_at_depth_50_and_without_it_the_state_fades():
    rng = np.random.default_rng(0)
    layer = Seq(Dense(32, 32), BatchNorm(32, eps=1e-12))
    params = [
        init_params(layer, rng, gain=0.05, **{"1.gamma": lambda rng, shape: np.ones(shape)})
        for _ in range(50)
    ]
    h0 = rng.standard_normal((64, 32))
    h, _ = forward(deep(layer, params), h0)
    np.testing.assert_allclose(h[-1].mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(h[-1].var(axis=0), 1, rtol=1e-3)
    plain, _ = forward(deep(layer.steps[0], [{"W": p["0.W"], "b": p["0.b"]} for p in params]), h0)
    assert plain[-1].std() < 1e-50


@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_agrees_with_torch(oracle, eps):
    torch = oracle("torch")
    rng = np.random.default_rng(0)
    h = rng.standard_normal((6, 3))
    p = parameters(rng, "gamma", "beta")
    g = rng.standard_normal(h.shape)
    stats = batch_statistics(rng.standard_normal((9, 3)))
    functional = torch.nn.functional
    oracles = [
        (
            BatchNorm(3, eps),
            lambda h, w, b: functional.batch_norm(h, None, None, w, b, training=True, eps=eps),
        ),
        (
            BatchNorm(3, eps).inference(stats.mean, stats.unbiased),
            lambda h, w, b: functional.batch_norm(
                h, *map(torch.tensor, stats[::2]), w, b, training=False, eps=eps
            ),
        ),
        (LayerNorm(3, eps), lambda h, w, b: functional.layer_norm(h, (3,), w, b, eps)),
    ]
    for step, theirs in oracles:
        leaves = [torch.tensor(a, requires_grad=True) for a in (h, p["gamma"], p["beta"])]
        expected = theirs(*leaves)
        expected.backward(torch.tensor(g))
        out, vjp = step(p, h)
        ours = vjp(g)
        np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-10)
        for mine, leaf in zip((ours.h, ours.p["gamma"], ours.p["beta"]), leaves, strict=True):
            np.testing.assert_allclose(mine, leaf.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_running_statistics_are_those_of_torch(oracle):
    torch = oracle("torch")
    h = np.random.default_rng(0).standard_normal((6, 3))
    layer = torch.nn.BatchNorm1d(3, momentum=1.0, dtype=torch.float64)
    layer(torch.tensor(h))
    stats = batch_statistics(h)
    np.testing.assert_allclose(stats.mean, layer.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(stats.unbiased, layer.running_var.numpy(), rtol=1e-12)
    np.testing.assert_allclose(stats.var * 6 / 5, stats.unbiased, rtol=1e-14)


def test_inference_with_the_batch_s_own_statistics_gives_the_same_state_and_another_gradient():
    rng = np.random.default_rng(0)
    h = rng.standard_normal((6, 3))
    p = parameters(rng, "gamma", "beta")
    train = BatchNorm(3)
    fixed = BatchNorm(3).inference(*batch_statistics(h)[:2])
    (a, a_vjp), (b, b_vjp) = train(p, h), fixed(p, h)
    np.testing.assert_allclose(a, b, rtol=1e-12)
    ones = np.ones_like(a)
    assert np.abs(a_vjp(ones).h).max() < 1e-14 < 1e-3 < np.abs(b_vjp(ones).h).min()


def test_weight_norm_agrees_with_torch(oracle):
    torch = oracle("torch")
    rng = np.random.default_rng(0)
    p = {
        "v": rng.standard_normal((3, 4)),
        "length": rng.standard_normal(4),
        "b": rng.standard_normal(4),
    }
    h, g = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
    layer = torch.nn.utils.parametrizations.weight_norm(
        torch.nn.Linear(3, 4, dtype=torch.float64), dim=0
    )
    weight = layer.parametrizations.weight
    with torch.no_grad():
        weight.original0.copy_(torch.tensor(p["length"][:, None]))
        weight.original1.copy_(torch.tensor(p["v"].T))
        layer.bias.copy_(torch.tensor(p["b"]))
    leaf = torch.tensor(h, requires_grad=True)
    expected = torch.tanh(layer(leaf))
    expected.backward(torch.tensor(g))
    out, vjp = WeightNorm(3, 4)(p, h)
    ours = vjp(g)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-10)
    for mine, theirs in (
        (ours.h, leaf.grad),
        (ours.p["v"], weight.original1.grad.T),
        (ours.p["length"], weight.original0.grad[:, 0]),
        (ours.p["b"], layer.bias.grad),
    ):
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-10, atol=1e-14)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 5),
    m=st.integers(1, 5),
    seed=st.integers(0, 999),
    scale=st.sampled_from([1e-200, 1.0, 1e200]),
)
def test_weight_norm_depends_on_the_direction_of_v_alone(n, m, seed, scale):
    rng = np.random.default_rng(seed)
    p = {
        "v": rng.standard_normal((n, m)),
        "length": rng.standard_normal(m),
        "b": rng.standard_normal(m),
    }
    h = rng.standard_normal((3, n))
    step = WeightNorm(n, m, "identity")
    out, vjp = step({**p, "v": p["v"] * scale}, h)
    np.testing.assert_allclose(
        out,
        Dense(n, m, "identity")(
            {"W": p["v"] / np.linalg.norm(p["v"], axis=0) * p["length"], "b": p["b"]}, h
        )[0],
        rtol=1e-11,
        atol=1e-12,
    )
    dv = vjp(np.ones_like(out)).p["v"] * scale
    near = 1e-11 * (1 + np.abs(p["length"]).max())
    np.testing.assert_allclose((dv * p["v"]).sum(axis=0), 0, atol=near)


@pytest.mark.parametrize("step", [BatchNorm(3), LayerNorm(3)], ids=str)
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e200, 1e300])
def test_extreme_states_neither_overflow_nor_underflow(step, scale):
    h = np.random.default_rng(0).standard_normal((5, 3))
    p = {"gamma": np.ones(3), "beta": np.zeros(3)}
    out, vjp = step(p, h * scale)
    reference, _ = type(step)(3, eps=1e-30)(p, h)
    if scale > 1:
        expected = reference
    else:  # the variance is nothing beside ε
        axis = -1 if isinstance(step, LayerNorm) else 0
        expected = scale * (h - h.mean(axis=axis, keepdims=True)) / 1e-5**0.5
    np.testing.assert_allclose(out, expected, rtol=1e-12)
    assert np.isfinite(vjp(np.ones_like(out)).h).all()


@pytest.mark.parametrize("step", [BatchNorm(3), LayerNorm(3)], ids=str)
def test_a_constant_state_gives_beta_and_finite_gradients(step):
    beta = np.array([1.0, 2.0, 3.0])
    out, vjp = step({"gamma": np.ones(3), "beta": beta}, np.full((4, 3), 7.0))
    assert (out == beta).all()
    g = np.random.default_rng(0).standard_normal((4, 3))
    assert np.abs(vjp(g).h).max() > 1
    assert np.isfinite(vjp(g).h).all()


def test_the_tracer_walks_through_norms():
    rng = np.random.default_rng(0)
    layer = Seq(Dense(8, 8), BatchNorm(8))
    ones = {"1.gamma": lambda rng, shape: np.ones(shape)}

    def log_of(gain):
        params = [init_params(layer, rng, gain=gain, **ones) for _ in range(20)]
        _, vjps = forward(deep(layer, params), rng.standard_normal((32, 8)))
        return trace(vjps, np.eye(32, 8)).log_h

    small = log_of(0.01)
    large = log_of(1.0)
    assert small.shape == (21,)
    assert np.isfinite(small).all()
    assert np.isfinite(large).all()
    assert abs(small[0] - small[-1]) < 20  # without it 20 gains of 0.01 would cost 92


def test_one_sample_s_gradient_reaches_the_others():
    p = {"gamma": np.ones(3), "beta": np.zeros(3)}
    h = np.random.default_rng(0).standard_normal((4, 3))
    g = np.zeros((4, 3))
    g[0] = [1.0, -2.0, 0.5]
    assert (BatchNorm(3)(p, h)[1](g).h != 0).all()
    assert not LayerNorm(3)(p, h)[1](g).h[1:].any()


H = np.ones((2, 3))
P = {"gamma": np.ones(3), "beta": np.ones(3)}
CASES = {
    "batch of one": (
        lambda: BatchNorm(3)(P, H[:1]),
        ValueError,
        "h of BatchNorm.*: expected a batch of at least 2",
    ),
    "statistics of one": (
        lambda: batch_statistics(H[:1]),
        ValueError,
        "h: expected a batch of at least 2",
    ),
    "negative variance": (
        lambda: BatchNormInference(H[0], -H[0]),
        ValueError,
        "var: expected at least 0, got -1",
    ),
    "column of zeros": (
        lambda: WeightNorm(3, 1)({"v": np.zeros((3, 1)), "length": np.ones(1), "b": np.ones(1)}, H),
        ValueError,
        r"p\['v'\] of WeightNorm\(3, 1, tanh\): expected no column of zeros",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()


def test_fixed_statistics_are_a_copy():
    mean = np.zeros(3)
    step = BatchNormInference(mean, np.ones(3))
    before, _ = step(P, H)
    mean += 5
    assert (step(P, H)[0] == before).all()


def test_the_whole_gradient_of_a_step_in_a_sweep_of_everything():
    rng = np.random.default_rng(5)
    p = {"gamma": rng.standard_normal((2, 3)), "beta": rng.standard_normal((2, 3))}
    for step in (BatchNorm(3), LayerNorm(3)):
        assert (
            max(gradient_errors(step, p, rng.standard_normal((2, 4, 3)), rng=rng).values()) < 1e-7
        )
