"""Initialisers: fans and moments by PyTorch's formulas, and a spectral norm that is exact."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import BatchNorm, Dense, Seq, WeightNorm, init, init_params

KERNELS = (48, 40, 5, 3)  # c_out, c_in, kh, kw
NAMES = ["lecun", "xavier", "he"]


def variance(name, n, m):
    return {"lecun": 1 / n, "xavier": 2 / (n + m), "he": 2 / n}[name]


def test_fans():
    assert init.fans((7, 4)) == (7, 4)
    assert init.fans((7,)) == (7, 1)
    assert init.fans((6, 3, 5, 2)) == (3 * 5 * 2, 6 * 5 * 2)


def test_fans_and_spreads_are_those_of_torch(oracle):
    nn = oracle("torch").nn
    torch = oracle("torch")
    # torch multiplies from the left: (m, n)
    kernels, matrix = torch.empty(KERNELS), torch.empty(200, 300)
    for weights, shape in ((kernels, KERNELS), (matrix, (300, 200))):
        assert init.fans(shape) == nn.init._calculate_fan_in_and_fan_out(weights)
        n, m = init.fans(shape)
        torch.manual_seed(0)
        bounds = {
            "lecun": (nn.init.kaiming_uniform_, {"nonlinearity": "linear"}),
            "xavier": (nn.init.xavier_uniform_, {}),
            "he": (nn.init.kaiming_uniform_, {"nonlinearity": "relu"}),
        }
        for name, (fill, options) in bounds.items():
            W = getattr(init, name + "_uniform")(np.random.default_rng(0), shape)
            theirs = fill(weights, **options).abs().max().item()  # both ends are all but reached
            assert np.abs(W).max() == pytest.approx(theirs, rel=1e-3)
            assert theirs == pytest.approx(math.sqrt(3 * variance(name, n, m)), rel=1e-3)


@pytest.mark.parametrize("shape", [(300, 200), (100, 400), KERNELS], ids=str)
@pytest.mark.parametrize("form", ["", "_uniform"])
@pytest.mark.parametrize("name", NAMES)
def test_moments(name, form, shape):
    W = getattr(init, name + form)(np.random.default_rng(1), shape)
    v = variance(name, *init.fans(shape))
    assert W.shape == shape
    assert abs(W.mean()) < 4 * (v / W.size) ** 0.5
    assert W.var() == pytest.approx(v, rel=0.03)
    flat = W.ravel() / v**0.5  # the fourth moment tells the forms apart: normal 3, uniform 9/5
    assert (flat**4).mean() == pytest.approx(1.8 if form else 3, rel=0.08)
    assert not form or np.abs(flat).max() <= 3**0.5


def test_the_slips_of_the_slide_are_off_by_a_known_factor():
    """U(±√(1/n)) has a third of LeCun's variance; a normal of variance √(1/n) has √n times it."""
    rng = np.random.default_rng(2)
    n = 400
    assert init.uniform(rng, (n, n), n**-0.5).var() == pytest.approx(1 / (3 * n), rel=0.02)
    assert init.lecun_uniform(rng, (n, n)).var() == pytest.approx(1 / n, rel=0.02)
    wide = init.gaussian(rng, (n, n), n**-0.25)
    right = init.lecun(rng, (n, n))
    assert wide.var() / right.var() == pytest.approx(n**0.5, rel=0.03)


def test_uniform_initialisers_fill_a_step():
    p = init_params(Dense(30, 20), np.random.default_rng(3), init.he_uniform, b=init.he_uniform)
    for name, n in (("W", 30), ("b", 20)):
        assert 0.9 * (6 / n) ** 0.5 < np.abs(p[name]).max() <= (6 / n) ** 0.5


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(1, 40),
    m=st.integers(1, 40),
    seed=st.integers(0, 999),
    power=st.integers(-150, 150),
)
def test_the_square_of_the_spectral_norm_is_the_largest_eigenvalue(n, m, seed, power):
    W = np.random.default_rng(seed).standard_normal((n, m))
    norm = init.spectral_norm(W)
    np.testing.assert_allclose(norm**2, np.linalg.eigvalsh(W.T @ W)[-1], rtol=1e-11)
    np.testing.assert_allclose(init.spectral_norm(W * 10.0**power), norm * 10.0**power, rtol=1e-12)
    unit = init.spectral(np.random.default_rng(seed), (n, m))
    np.testing.assert_allclose(np.linalg.eigvalsh(unit.T @ unit)[-1], 1, rtol=1e-11)


def test_spectral_norm_of_many_and_of_special_matrices():
    W = (
        np.random.default_rng(5).standard_normal((2, 3, 6, 4))
        * np.array([1, 0, 1e-200])[:, None, None]
    )
    one_by_one = [[init.spectral_norm(w) for w in some] for some in W]
    np.testing.assert_allclose(init.spectral_norm(W), one_by_one, rtol=1e-12)
    assert init.spectral_norm(np.eye(4)) == pytest.approx(1, abs=1e-15)
    assert init.spectral_norm(np.zeros((2, 3))) == 0
    assert init.spectral_norm(np.array([[0.0, 3], [0, 0]])) == pytest.approx(3, abs=1e-15)
    one = np.random.default_rng(5).standard_normal((6, 4)).astype("f4")
    assert init.spectral_norm(one).dtype == np.float32


def test_kernels_count_as_a_matrix_with_a_row_for_each_output():
    rng = np.random.default_rng(6)
    W = init.spectral(rng, (6, 3, 5, 2))
    assert W.shape == (6, 3, 5, 2)
    assert np.linalg.norm(W.reshape(6, -1), 2) == pytest.approx(1, abs=1e-12)
    Q = init.orthogonal(rng, (6, 3, 5, 2))
    assert Q.shape == (6, 3, 5, 2)
    np.testing.assert_allclose(Q.reshape(6, -1) @ Q.reshape(6, -1).T, np.eye(6), atol=1e-12)


CASES = {
    "three axes": (
        lambda: init.he(np.random.default_rng(0), (2, 3, 4)),
        r"shape: expected .*\(n, m\) or .* got \(2, 3, 4\)",
    ),
    "no axes": (lambda: init.fans(()), "shape: expected at least one size, got none"),
    "a norm of a vector": (
        lambda: init.spectral_norm(np.ones(3)),
        r"W: expected last axes \(…, …\), got shape \(3,\)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_draw_starts_biases_at_zero_and_factors_at_one():
    p = init_params(Seq(Dense(3, 4), BatchNorm(4), WeightNorm(4, 2)), np.random.default_rng(0))
    assert all((p[name] == 1).all() for name in ("1.gamma", "2.length"))
    assert not any(p[name].any() for name in ("0.b", "1.beta", "2.b"))


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (2, 4), (4, 2)], ids=str)
def test_orthogonal_matrices_are_uniform_over_all(shape):
    """A rotation of an orthogonal matrix is as likely as itself.

    So entries have mean 0 and variance 1/max(n, m), and determinants no sign.
    """
    rng = np.random.default_rng(0)
    draws = 4000
    W = np.array([init.orthogonal(rng, shape) for _ in range(draws)])
    np.testing.assert_allclose(W.mean(axis=0), 0, atol=4 / draws**0.5)
    np.testing.assert_allclose((W**2).mean(axis=0), 1 / max(shape), atol=4 / draws**0.5)
    assert shape[0] != shape[1] or abs(np.linalg.det(W).mean()) < 4 / draws**0.5


def test_without_a_width_the_spread_is_one():
    assert init.gaussian(np.random.default_rng(0), (300, 200)).std() == pytest.approx(1, rel=0.01)
    assert np.abs(init.uniform(np.random.default_rng(0), (300, 200))).max() == pytest.approx(
        1, rel=0.01
    )
