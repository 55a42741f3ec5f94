"""Jacobians in blocks, and the spectra of their products.

The oracles are closed forms and arithmetic with many digits.
"""

import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import LSTM, RNN, Dense, Seq, deep, forward, init, init_params, unroll
from gradtrace.tracing.jacobians import (
    jacobians,
    log_qr_growth,
    log_singular_values,
    lyapunov,
    spectral_radius,
)


def test_samples_that_do_not_meet_give_blocks():
    cell = RNN(1, 2)
    rng = np.random.default_rng(0)
    p = init_params(cell, rng)
    x = rng.standard_normal((4, 3, 1))
    h0 = rng.standard_normal((3, 2))
    J = jacobians(forward(unroll(cell, p, x), h0)[1])
    for b in range(3):
        alone = jacobians(forward(unroll(cell, p, x[:, b : b + 1]), h0[b : b + 1])[1])
        np.testing.assert_allclose(J[:, 2 * b : 2 * b + 2, 2 * b : 2 * b + 2], alone, rtol=1e-13)
        J[:, 2 * b : 2 * b + 2, 2 * b : 2 * b + 2] = 0
    assert not J.any()


def exact(mp, J, t, digits):
    """``ln σ`` of ``J_1 … J_t`` at so many digits, by eigenvalues of ``P Pᵀ``."""
    with mp.workdps(digits):
        P = mp.eye(J.shape[-1])
        for J_t in J[:t]:
            P = P * mp.matrix(J_t.tolist())
        squares = mp.eigsy(P * P.T, eigvals_only=True)
        log = np.sort([float(mp.log(abs(square)) / 2) for square in squares])[::-1]
    assert 2 * (log[0] - log[-1]) < (digits - 30) * math.log(10)  # else the digits were too few
    return log


def assert_exact(mp, log, J, ts, digits):
    for t in ts:
        theirs = exact(mp, J, t, digits)
        assert (np.abs(log[t - 1] - theirs) <= 1e-12 * np.maximum(1, np.abs(theirs))).all(), t


def tanh_products(T, n, gain):
    rng = np.random.default_rng(0)
    cell = RNN(n, n)
    p = init_params(cell, rng, gain=gain)
    return jacobians(
        forward(unroll(cell, p, rng.standard_normal((T, 1, n))), rng.standard_normal((1, n)))[1]
    )


def test_singular_values_of_a_tanh_net_past_the_float_range(oracle):
    J = tanh_products(250, 8, 1.5)
    log = log_singular_values(J)
    assert log[-1, 0] - log[-1, -1] > 740  # e^740 is past the largest float
    assert_exact(oracle("mpmath"), log, J, (1, 3, 30, 150, 250), digits=1600)


rng = np.random.default_rng(3)
SIZES = np.exp(rng.uniform(-40, 40, (20, 6)))
GAUSS = rng.standard_normal((20, 6, 6))
HARD = {
    "columns of very different sizes": GAUSS * SIZES[:, None],
    "rows of very different sizes": GAUSS * SIZES[:, :, None],
    "both": GAUSS * SIZES[:, None] * SIZES[::-1, :, None],
    "smallest direction first": np.triu(GAUSS) * (1 - np.eye(6))
    + np.diag(np.exp(np.linspace(-9, 9, 6))),
    "triangular": np.tril(GAUSS) * (1 - np.eye(6)) + np.diag(np.exp(np.linspace(9, -9, 6))),
    "one by one": GAUSS[:, :1, :1],
}


@pytest.mark.parametrize("name", HARD)
def test_singular_values_of_badly_scaled_products(name, oracle):
    assert_exact(
        oracle("mpmath"), log_singular_values(HARD[name]), HARD[name], (1, 2, 5, 20), digits=3000
    )


def constant(rows):
    return np.array([rows] * 200)


def triangular_net():
    W = np.tril(np.random.default_rng(8).uniform(-1, 1, (3, 3)), -1) + np.diag([0.6, 0.8, 1.0])
    p = {"W": W, "U": np.ones((1, 3)), "b": np.zeros(3)}
    x = 0.1 * np.random.default_rng(0).standard_normal((200, 1, 1))
    return jacobians(forward(unroll(RNN(1, 3), p, x), np.zeros((1, 3)))[1])


def random_triangles(seed, n):
    """Well-conditioned, with the smallest entry of the diagonal first."""
    rng = np.random.default_rng(seed)
    return constant(
        np.tril(rng.uniform(-1, 1, (n, n)), -1) + np.diag(np.sort(rng.uniform(0.3, 2, n)))
    )


ALIKE = {  # rows of whose product become alike
    "three": constant([[1.0, 0, 0], [1.9, 1.5, 0], [1.9, 1.9, 1.9]]),
    "four": constant([[0.6, 0, 0, 0], [-0.2, 0.8, 0, 0], [-0.4, 0, 0.8, 0], [0.4, 0.1, -0.4, 1.0]]),
    "a net": triangular_net(),
    **{f"random {seed}": random_triangles(seed, 3 + seed % 3) for seed in (1, 4, 7, 10, 11)},
}


@pytest.mark.parametrize("name", ALIKE)
def test_singular_values_of_products_whose_rows_become_alike(name, oracle):
    J = ALIKE[name]
    log = log_singular_values(J)
    assert_exact(oracle("mpmath"), log, J, (1, 20, 100, 200), digits=900)
    volume = np.cumsum(np.linalg.slogdet(J)[1], axis=0)
    np.testing.assert_allclose(log.sum(axis=-1), volume, rtol=1e-11, atol=1e-11)


def open_gates(bias, T=40):
    """Jacobians of an LSTM, the last step first.

    Its memory stays, and its hidden state is forgotten.
    """
    cell = LSTM(2, 4)
    rng = np.random.default_rng(0)
    p = init_params(cell, rng, init.lecun, b=lambda rng, shape: cell.bias(f=bias))
    path = unroll(cell, p, 0.3 * np.random.default_rng(1).standard_normal((100, 1, 2)))
    return jacobians(forward(path, np.zeros((1, 8)))[1])[::-1][:T].swapaxes(-1, -2)


@pytest.mark.parametrize("bias", [3.0, 4.0, 5.0, 6.0])
def test_singular_values_of_two_groups_that_part(bias, oracle):
    J = open_gates(bias)
    assert_exact(oracle("mpmath"), log_singular_values(J), J, (1, 5, 20, 40), digits=400)


def test_singular_values_do_not_depend_on_the_rest_of_a_sweep():
    J = np.stack([open_gates(bias) for bias in (-1.0, 3.0, 5.0, 6.0)], axis=1)
    together = log_singular_values(J)
    for i in range(J.shape[1]):
        np.testing.assert_allclose(
            together[:, i], log_singular_values(J[:, i]), rtol=1e-12, atol=1e-12
        )


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 7), T=st.integers(1, 12), size=st.floats(0, 680), seed=st.integers(0, 99))
def test_products_of_diagonal_matrices_are_exact(n, T, size, seed):
    log_diagonals = np.random.default_rng(seed).uniform(-size, size, (T, n))
    J = np.exp(log_diagonals)[..., None] * np.eye(n)
    expected = -np.sort(-np.cumsum(np.log(np.exp(log_diagonals)), axis=0))
    np.testing.assert_allclose(log_singular_values(J), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        np.sort(log_qr_growth(J)[-1])[::-1], expected[-1], rtol=1e-12, atol=1e-12
    )


def test_a_thousand_steps_past_the_float_range():
    J = np.broadcast_to(np.diag([1e-300, 1.0, 1e300]), (1000, 3, 3))
    log = log_singular_values(J)[-1] / math.log(10)
    np.testing.assert_allclose(log, [300_000, 0, -300_000], rtol=1e-12, atol=1e-9)


def test_products_of_orthogonal_matrices_change_no_length():
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((300, 9, 9)))[0]
    assert np.abs(log_singular_values(Q)).max() < 1e-13
    assert np.abs(log_qr_growth(Q)).max() < 1e-12
    assert np.abs(lyapunov(Q, every=5)).max() < 1e-13


@pytest.mark.parametrize("a, b", [(0.9, 3.0), (0.5, 100.0), (1.0, 1.0), (1.1, -2.0)])
def test_a_non_normal_matrix_in_closed_form(a, b):
    """Wᵗ = aᵗ [[1, c], [0, 1]] with c = t b / a, whose singular values are exp(±arsinh(c / 2))."""
    W = np.array([[a, b], [0.0, a]])
    t = np.arange(1, 401)
    bend = np.arcsinh(np.abs(t * b / a) / 2)
    expected = t[:, None] * math.log(a) + np.stack([bend, -bend], axis=1)
    np.testing.assert_allclose(
        log_singular_values(np.broadcast_to(W, (400, 2, 2))), expected, rtol=1e-12, atol=1e-12
    )
    assert spectral_radius(W) == pytest.approx(a)


def test_rho_below_one_can_first_grow():
    W = np.array([[0.9, 3.0], [0.0, 0.9]])
    log = log_singular_values(np.broadcast_to(W, (300, 2, 2)))[:, 0]
    assert log.max() > 2
    assert log[-1] < -20
    # in the end the radius sets the slope
    assert log[-1] - log[-2] == pytest.approx(math.log(0.9), abs=5e-3)


def test_lyapunov_exponents_of_gaussian_matrices():
    """The exponents are (ln 2 + ψ((n - k + 1) / 2)) / 2.

    The growth of one step is half the logarithm of a χ², with variance ψ'/4.
    """
    digamma_half = -np.euler_gamma - 2 * math.log(2)
    psi = {1: digamma_half, 2: -np.euler_gamma, 3: digamma_half + 2, 4: 1 - np.euler_gamma}
    psi_slope = {1: math.pi**2 / 2, 2: math.pi**2 / 6, 3: math.pi**2 / 2 - 4, 4: math.pi**2 / 6 - 1}
    J = np.random.default_rng(0).standard_normal((20_000, 4, 4))
    for k, exponent in enumerate(lyapunov(J, every=5)):
        error = math.sqrt(psi_slope[4 - k] / 4 / len(J))
        assert abs(exponent - (math.log(2) + psi[4 - k]) / 2) < 4 * error
    assert (math.log(2) + psi[4]) / 2 == pytest.approx(0.558, abs=5e-4)


@pytest.mark.parametrize("below", [0.0, 1.0])
def test_a_frame_that_is_left_as_it_is_keeps_the_order_of_the_diagonal(below):
    W = np.array([[0.5, 0.0], [below, 2.0]])
    J = np.broadcast_to(W, (500, 2, 2))
    np.testing.assert_allclose(lyapunov(J), np.log([0.5, 2.0]), rtol=1e-12)
    turned = np.array([[0.6, -0.8], [0.8, 0.6]])  # the same net, its state in other directions
    J = np.broadcast_to(turned @ W @ turned.T, (500, 2, 2))
    np.testing.assert_allclose(lyapunov(J), np.log([2.0, 0.5]), atol=0.01)


def test_orthogonalising_every_fifth_step_gives_the_digits_that_the_products_keep():
    J = tanh_products(103, 8, 1.0)
    every, fifth = log_qr_growth(J), log_qr_growth(J, every=5)
    np.testing.assert_allclose(fifth[:-1], every[4:100:5], rtol=1e-8)
    np.testing.assert_allclose(fifth[-1], every[-1], rtol=1e-8)  # the last three steps count too
    np.testing.assert_allclose(lyapunov(J) * 103, every[-1], rtol=1e-14)


def test_growth_is_the_diagonal_of_the_triangular_factor_of_the_product():
    J = np.random.default_rng(0).standard_normal((4, 3, 3))
    for t, P in enumerate(accumulate(J, np.matmul)):
        expected = np.log(np.abs(np.diag(np.linalg.qr(P.T)[1])))
        np.testing.assert_allclose(log_qr_growth(J)[t], expected, rtol=1e-11, atol=1e-12)


def test_three_things_that_are_not_the_same():
    J = tanh_products(100, 16, 1.0)
    true, growth = log_singular_values(J)[-1], log_qr_growth(J)[-1]
    with np.errstate(divide="ignore"):
        product = np.log(np.linalg.svd(list(accumulate(J, np.matmul))[-1], compute_uv=False))
    # the plain product ends at 16 digits: its smallest values are too large
    assert product[0] == pytest.approx(true[0], rel=1e-13)
    assert product[-1] > true[-1] + 50
    assert abs(growth[0] - true[0]) > 0.1
    assert growth.sum() == pytest.approx(true.sum(), rel=1e-12)  # both are ln |det|


def test_a_sweep_gives_what_its_members_give():
    J = (
        np.random.default_rng(0).standard_normal((40, 2, 3, 4, 4))
        * np.array([1.0, 1e-9, 1e9])[:, None, None]
    )
    J[:, 1, 0] *= np.array([1e8, 1.0, 1e-8, 1.0])[:, None]
    for function in (log_singular_values, log_qr_growth, lyapunov, spectral_radius):
        together = function(J)
        for i in np.ndindex(2, 3):
            mine = together[i] if function is lyapunov else together[:, *i]
            np.testing.assert_allclose(mine, function(J[:, *i]), rtol=1e-11, atol=1e-11)


RELU = np.array([[1.0, 0.0], [1.0, 0.0]])  # the second unit has slope 0


@pytest.mark.parametrize(
    "J, last",
    [
        ([RELU], [math.log(2) / 2, -np.inf]),
        ([RELU] * 900, [math.log(2) / 2, -np.inf]),
        ([RELU, 2 * RELU.T], [math.log(4), -np.inf]),
        ([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])], [-np.inf, -np.inf]),
        ([np.array([[0.0, 1.0], [0.0, 0.0]])], [0, -np.inf]),
        ([np.array([[0.0, 1.0], [0.0, 0.0]])] * 2, [-np.inf, -np.inf]),
        ([np.eye(2), np.zeros((2, 2)), np.eye(2)], [-np.inf, -np.inf]),
        ([np.diag([1e308, 5e-324])] * 3, 3 * np.log([1e308, 5e-324])),
        ([np.full((1, 1), -1.7e308)] * 9, [9 * math.log(1.7e308)]),
        ([np.diag([1e-320, 1e-322])] * 2, 2 * np.log([1e-320, 1e-322])),
    ],
)
def test_zeros_and_extremes_have_a_defined_answer(J, last):
    np.testing.assert_allclose(log_singular_values(np.array(J))[-1], last, rtol=1e-12, atol=1e-12)


def test_rank_is_lost_for_good_and_only_as_far_as_it_is_lost():
    J = np.random.default_rng(0).standard_normal((50, 6, 6))
    J[3, :, :2] = 0
    J[7, 1] = 0
    log = log_singular_values(J)
    assert np.isfinite(log[:3]).all()
    assert (np.isinf(log[3:]) == [False] * 4 + [True] * 2).all()


def test_empty_and_single_precision():
    for J in (np.empty((0, 3, 3)), np.empty((4, 0, 0)), np.empty((4, 0, 3, 3))):
        assert log_singular_values(J).shape == log_qr_growth(J).shape == J.shape[:-1]
    J = np.random.default_rng(0).standard_normal((30, 3, 3)).astype("f4")
    for function in (log_singular_values, log_qr_growth, lyapunov, spectral_radius):
        assert function(J).dtype == np.float32
        np.testing.assert_allclose(function(J), function(J.astype(float)), rtol=1e-5)
    cell = RNN(1, 2)
    p = {k: v.astype("f4") for k, v in init_params(cell, np.random.default_rng(0)).items()}
    for batch in (0, 1, 2):
        vjps = forward(unroll(cell, p, np.ones((3, batch, 1), "f4")), np.ones((batch, 2), "f4"))[1]
        assert jacobians(vjps).shape == (3, 2 * batch, 2 * batch)
        assert jacobians(vjps).dtype == np.float32


def test_arguments_are_not_changed():
    J = np.random.default_rng(0).standard_normal((9, 3, 3))
    before = J.copy()
    for function in (log_singular_values, log_qr_growth, lyapunov, spectral_radius):
        first = function(J)
        assert (function(J) == first).all()
        assert (before == J).all()


WIDER = deep(
    [Dense(2, 3), Dense(3, 3)], [init_params(Dense(2, 3), rng), init_params(Dense(3, 3), rng)]
)
TWICE = Seq(Dense(2, 2, "identity"), Dense(2, 2, "identity"))
LARGE = deep(
    TWICE,
    [{name: np.full(shape, 1e200) * (len(shape) == 2) for name, shape in TWICE.shapes().items()}],
)
BAD = {
    "a slope that overflows": (
        lambda: jacobians(forward(LARGE, np.zeros((1, 2)))[1]),
        FloatingPointError,
        "vjps: expected finite Jacobians, got an overflow",
    ),
    "a step that widens": (
        lambda: jacobians(forward(WIDER, np.ones((1, 2)))[1]),
        ValueError,
        r"vjps: expected steps that keep the shape \(1, 3\) .*, got \(1, 2\) before step 1",
    ),
    "not square": (
        lambda: log_qr_growth(np.ones((2, 3, 4))),
        ValueError,
        r"J: expected the shape \(T, \*sweep, n, n",
    ),
    "no time": (lambda: log_singular_values(np.eye(3)), ValueError, r"J: expected .* got \(3, 3\)"),
    "no Jacobian": (
        lambda: lyapunov(np.ones((0, 2, 2))),
        ValueError,
        "J: expected at least one Jacobian, got",
    ),
    "an overflow": (
        lambda: lyapunov(np.full((3, 1, 1), 1e300), 2),
        FloatingPointError,
        "every: expected few enough for a finite product, got 2",
    ),
    "a vector": (lambda: spectral_radius(np.ones(3)), ValueError, r"W: expected last axes"),
    "not square W": (
        lambda: spectral_radius(np.ones((2, 3))),
        ValueError,
        r"W: expected the shape \(\*sweep, n, n\)",
    ),
    "empty W": (
        lambda: spectral_radius(np.ones((0, 0))),
        ValueError,
        "W: expected at least one row",
    ),
}


@pytest.mark.parametrize("call, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "J", [np.full((4, 2, 2), 1e200), np.array(4 * [[[1e200, -1e200], [1e200, 1e200]]])]
)
def test_a_product_that_overflows_is_named_whether_it_ends_as_infinity_or_as_nan(J):
    with pytest.raises(FloatingPointError, match=r"every: .*overflows"):
        log_qr_growth(J, every=4)


HUGE = np.array([[1.7e308, 1.7e308], [1.7e308, -1.7e308]])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: spectral_radius(np.abs(HUGE)), "W"),
        (lambda: init.spectral_norm(HUGE), "W"),
        (lambda: log_qr_growth(HUGE[None]), "J"),
    ],
)
def test_what_overflows_at_the_end_of_the_floats_is_named(call, name):
    with pytest.raises(
        FloatingPointError, match=f"{name}: expected .* within float64, got an overflow"
    ):
        call()


@pytest.mark.parametrize("draw", [init.gaussian, init.uniform])
def test_a_spread_that_would_leave_the_floats_is_refused(draw):
    with pytest.raises(ValueError, match=r"(sd|r): expected at most 1e.300"):
        draw(np.random.default_rng(0), (3, 2), 1.7e308)
