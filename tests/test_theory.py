"""Mean-field theory against closed forms, high precision, and wide nets that are really drawn."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import Dense, deep, forward, init, init_params, trace
from gradtrace.theory.meanfield import (
    c_map,
    c_star,
    chi,
    critical_sigma_w,
    depth_scales,
    kernel,
    q_map,
    q_star,
)

PHIS = ["tanh", "erf", "relu"]
ROOT = np.sqrt(0.05)


@pytest.mark.parametrize("q", [1e-12, 1e-3, 0.3, 1.0, 20.0, 1e4, 1e10])
def test_averages_for_tanh_are_right_to_the_last_digits(q, oracle):
    mp = oracle("mpmath")
    root = mp.sqrt(q)
    ends = sorted({min(e / np.sqrt(q), 12.0) for e in (0.5, 1, 2, 4, 8, 16, 40)} | {12.0, 3.0, 6.0})
    ends = [-e for e in ends[::-1]] + [0] + ends

    def average(f):
        return float(mp.quad(lambda z: f(root * z) * mp.npdf(z), ends))

    k = kernel("tanh")
    np.testing.assert_allclose(k.mean(np.array(q)), average(lambda u: mp.tanh(u) ** 2), rtol=1e-12)
    np.testing.assert_allclose(k.slope(np.array(q)), average(lambda u: mp.sech(u) ** 4), rtol=1e-12)
    growth = average(lambda u: u * mp.tanh(u) * mp.sech(u) ** 2) / q
    np.testing.assert_allclose(k.growth(np.array(q)), growth, rtol=1e-11)


def two(q, c, f):
    """``E[f(u₁) f(u₂)]`` by the trapezoid rule, with ``u₁, u₂`` as sum and difference."""
    x = np.linspace(-9, 9, 241)
    w = np.exp(-x * x / 2)
    plus, minus = np.sqrt(q * (1 + c) / 2) * x[:, None], np.sqrt(q * (1 - c) / 2) * x
    return (np.outer(w, w) * f(plus + minus) * f(plus - minus)).sum() / w.sum() ** 2


@pytest.mark.parametrize(("q", "rtol"), [(1e-6, 1e-10), (0.3, 1e-10), (1.0, 1e-10), (4.0, 2e-7)])
@pytest.mark.parametrize("c", [0.0, 0.3, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("phi", ["tanh", "erf"])
def test_averages_of_two_inputs(phi, q, rtol, c):
    if phi == "tanh":
        f = np.tanh

        def slope(u):
            return 1 / np.cosh(u) ** 2
    else:
        f = np.vectorize(math.erf)

        def slope(u):
            return 2 / np.sqrt(np.pi) * np.exp(-u * u)

        rtol = 1e-10
    both, steep = kernel(phi).pair(np.array(q))(np.array(c))
    np.testing.assert_allclose(both, two(q, c, f) / q, rtol=rtol, atol=1e-14)
    np.testing.assert_allclose(steep, two(q, c, slope), rtol=rtol)


@pytest.mark.parametrize("phi", PHIS)
def test_averages_of_one_and_of_two_inputs_fit_together(phi):
    """At c = 1 two inputs are one; slopes are derivatives."""
    k = kernel(phi)
    q = np.array([0.1, 0.7, 2.0])
    both, steep = k.pair(q)(np.ones(3))
    np.testing.assert_allclose(both, k.mean(q) / q, rtol=1e-12)
    np.testing.assert_allclose(steep, k.slope(q), rtol=1e-12)
    np.testing.assert_allclose((k.mean(q + 1e-5) - k.mean(q - 1e-5)) / 2e-5, k.growth(q), rtol=1e-8)
    c = np.array([0.2, 0.5, 0.8])
    numeric = (k.pair(q)(c + 1e-5)[0] - k.pair(q)(c - 1e-5)[0]) / 2e-5
    np.testing.assert_allclose(numeric, k.pair(q)(c)[1], rtol=1e-8)


def test_tanh_with_bias_variance_a_twentieth_is_critical_at_1_761():
    assert round(critical_sigma_w(ROOT) ** 2, 3) == 1.761
    np.testing.assert_allclose(critical_sigma_w(ROOT) ** 2, 1.7609546396, rtol=1e-10)
    assert critical_sigma_w(0.0) == 1
    np.testing.assert_allclose(critical_sigma_w(0.0, "erf"), np.sqrt(np.pi) / 2, rtol=1e-15)


@pytest.mark.parametrize("phi", PHIS)
def test_on_the_critical_line_gradients_neither_vanish_nor_explode(phi):
    sigma_b = np.array([1e-3, 0.1, 0.5, 2.0, 100.0])
    w = critical_sigma_w(sigma_b, phi)
    np.testing.assert_allclose(chi(w, sigma_b, phi), 1, rtol=1e-8)
    assert (chi(w * 0.98, sigma_b, phi) < 1).all()
    assert (chi(w * 1.02, sigma_b, phi) > 1).all()
    if phi == "relu":
        np.testing.assert_allclose(w, np.sqrt(2), rtol=1e-15)


@settings(deadline=None, max_examples=30)
@given(w=st.floats(0, 20), b=st.floats(0, 5), phi=st.sampled_from(["tanh", "erf"]))
def test_q_star_is_a_fixed_point_and_iteration_finds_it(w, b, phi):
    q = q_star(w, b, phi)
    np.testing.assert_allclose(q_map(q, w, b, phi), q, rtol=1e-12, atol=1e-14)
    assert 0 <= q <= w * w + b * b
    if abs(w - critical_sigma_w(b, phi)) > 0.1:
        start = w * w + b * b + 1
        for _ in range(200):
            start = q_map(start, w, b, phi)
        np.testing.assert_allclose(start, q, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("phi", PHIS)
def test_c_star_is_where_correlations_end(phi):
    w = np.array([0.5, 0.8, 1.0, 1.6, 1.8, 2.5])
    b = 0.3
    end = c_star(w, b, phi)
    np.testing.assert_allclose(c_map(end, w, b, phi), end, rtol=1e-12)
    c = np.full(6, 0.5)
    for _ in range(300):
        c = c_map(c, w, b, phi)
    near = 1e-2 if phi == "relu" else 1e-6  # beyond σ_w² = 2, ReLU comes near 1 as a power only
    np.testing.assert_allclose(end, c, atol=near)
    assert end[0] == 1
    assert end[-1] == 1 if phi == "relu" else end[-1] < 0.5
    np.testing.assert_allclose(c_map(1.0, w, b, phi), 1, rtol=1e-12)


@pytest.mark.parametrize("w", [0.9, 1.2, 1.8])
def test_depth_scales_are_the_rates_at_which_iteration_settles(w):
    scales = depth_scales(w, 0.4)
    q = q_star(w, 0.4)
    c = c_star(w, 0.4)
    away_q, away_c = [q * 1.001], [c - 1e-3]
    for _ in range(8):
        away_q.append(q_map(away_q[-1], w, 0.4))
        away_c.append(c_map(away_c[-1], w, 0.4))
    np.testing.assert_allclose(
        -1 / np.log(abs(away_q[8] - q) / abs(away_q[7] - q)), scales.q, rtol=2e-3
    )
    np.testing.assert_allclose(
        -1 / np.log(abs(away_c[8] - c) / abs(away_c[7] - c)), scales.c, rtol=2e-2
    )
    np.testing.assert_allclose(scales.gradient, -1 / np.log(chi(w, 0.4)), rtol=1e-14)


def test_relu_in_closed_form():
    w, b = np.array([0.5, 1.0, 1.4]), np.array([0.3, 1.0, 2.0])
    np.testing.assert_allclose(q_star(w, b, "relu"), b**2 / (1 - w**2 / 2), rtol=1e-14)
    np.testing.assert_allclose(chi(w, b, "relu"), w**2 / 2, rtol=1e-15)
    assert q_star(2.0, 0.1, "relu") == np.inf
    assert q_star(2.0, 0.0, "relu") == np.inf
    assert q_star(1.0, 0.0, "relu") == 0
    assert q_star(np.sqrt(2), 0.1, "relu") == np.inf
    assert np.isnan(q_star(np.sqrt(2), 0.0, "relu"))
    np.testing.assert_allclose(c_map(0.0, 2.0, 0.1, "relu"), 1 / np.pi, rtol=1e-15)


@pytest.mark.parametrize(
    ("phi", "w", "b", "rtol"), [("tanh", 2.5, 0.3, 0.1), ("relu", 1.2, 0.5, 0.2)]
)
def test_a_wide_net_behaves_as_the_theory_says(phi, w, b, rtol):
    """Of width 1000 and depth 20, ``q`` of a layer is right within 10 % (ReLU 20 %).

    The gradients' growth is right within 3 % a layer.
    """
    n = 1000
    depth = 20
    rng = np.random.default_rng(1)
    layer = Dense(n, n, phi)

    def weights(r, s):
        return init.gaussian(r, s, w / np.sqrt(n))

    def biases(r, s):
        return init.gaussian(r, s, b)

    layers = [(layer, init_params(layer, rng, W=weights, b=biases)) for _ in range(depth)]
    h, vjps = forward(
        deep([step for step, _ in layers], [p for _, p in layers]), rng.standard_normal((4, n))
    )
    q = np.array([((h[t] @ p["W"] + p["b"]) ** 2).mean() for t, (_, p) in enumerate(layers)])
    theory = [w * w * 1.0 + b * b]  # the input has variance 1 and no φ before it
    for _ in range(depth - 1):
        theory.append(q_map(theory[-1], w, b, phi))
    np.testing.assert_allclose(q, theory, rtol=rtol)
    np.testing.assert_allclose(q[10:].mean(), q_star(w, b, phi), rtol=0.05)
    log_h = trace(vjps, rng.standard_normal((4, n))).log_h
    growth = 2 * (log_h[8] - log_h[18]) / 10  # of the squared norm, backwards, once q has settled
    np.testing.assert_allclose(np.exp(growth), chi(w, b, phi), rtol=0.03)


@pytest.mark.parametrize("phi", PHIS)
def test_extremes(phi):
    """No warning, and every answer is a number with a meaning."""
    w = np.array([0, 1e-300, 0.5, 1, 4, 1e6, 1e150])
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        for b in (0.0, 1e-300, 0.5, 1e150):
            q = q_star(w, b, phi)
            c = c_star(w, b, phi)
            scales = depth_scales(w, b, phi)
            assert (q >= 0).all()
            assert (c >= 0).all()
            assert (c <= 1).all()
            assert (scales.q[:3] >= 0).all()
            assert not any(np.isnan(s).any() for s in scales)
            assert critical_sigma_w(b, phi) > 0
    assert q_star(0.0, 0.5, phi) == 0.25
    assert q_star(0.0, 0.0, phi) == 0
    assert chi(0.0, 0.5, phi) == 0
    if phi != "relu":
        assert q_star(0.8, 0.0, phi) == 0
        np.testing.assert_allclose(q_star(1e150, 0.0, phi), 1e300, rtol=1e-12)
        np.testing.assert_allclose(
            depth_scales(1e150, 1e150, phi).c, depth_scales(1e8, 1e8, phi).c, rtol=1e-5
        )
    if phi == "tanh":
        np.testing.assert_allclose(
            chi(np.array([0.1, 0.9, 1.0]), 0.0), [0.01, 0.81, 1.0], rtol=1e-14
        )
        assert depth_scales(1.0, 0.0).gradient == np.inf


def test_shapes_and_dtype():
    w = np.linspace(0.5, 3, 4)
    b = np.linspace(0, 1, 3)[:, None]
    whole = depth_scales(w, b)
    for i in range(3):
        for j in range(4):
            np.testing.assert_allclose(
                [s[i, j] for s in whole], depth_scales(w[j], b[i, 0]), rtol=1e-9
            )
    single = w.astype(np.float32)
    for f in (q_star, chi, c_star):
        assert f(single, 0.5).dtype == np.float32
        assert f(w, 0.5).dtype == np.float64
        assert f(np.zeros((0, 2)), 1.0).shape == (0, 2)
        np.testing.assert_allclose(f(single, 0.5), f(w, 0.5), rtol=1e-5)
    assert critical_sigma_w(single).dtype == np.float32
    assert c_map(0.5, single, 0.1).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: q_map(-1.0, 1.0, 0.0), ValueError, "q: expected no negative numbers, got -1.0"),
        (
            lambda: q_star(np.array([1.0, -2.0]), 0.0),
            ValueError,
            "sigma_w: expected no negative numbers, got -2.0",
        ),
        (
            lambda: q_star(1.0, 1e200),
            ValueError,
            "sigma_b: expected at most 1e150, .* got 1e\\+200",
        ),
        (
            lambda: chi(np.ones(2), np.ones(3)),
            ValueError,
            r"sigma_w, sigma_b: expected shapes .*, got \(2,\), \(3,\)",
        ),
        (lambda: c_map(1.5, 1.0, 0.1), ValueError, "c: expected correlations from 0 to 1, got 1.5"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_an_activation_that_is_no_name_is_refused():
    with pytest.raises(ValueError, match="phi: expected one of"):
        kernel(["tanh"])
