"""Activations and choices: values and slopes, at known points and far into saturation.

The oracle is PyTorch.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_checks import SWEEPS, arguments, check_finite_differences, check_sweep_equals_loop

from gradtrace import RNN, Dense, Seq, activation
from gradtrace.steps.activations import (
    NAMED,
    SELU_ALPHA,
    SELU_SCALE,
    elu,
    leaky_relu,
    selu,
    softplus,
)
from gradtrace.steps.dense import Maxout, Softmax

KINKED = [
    Dense(3, 4, "leaky_relu"),
    Dense(3, 4, leaky_relu(0.3)),
    Dense(3, 4, "selu"),
    Maxout(3, 4, 3),
    Maxout(2, 1),
    Seq(Maxout(3, 4), Softmax(4)),
]
SMOOTH = [Dense(3, 4, "softplus"), RNN(2, 3, "softplus"), Seq(Dense(3, 4, "identity"), Softmax(4))]
ROUNDED = [Dense(3, 4, "elu"), RNN(2, 3, "elu")]  # their second derivative jumps
STEPS = KINKED + SMOOTH + ROUNDED


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_pullback_agrees_with_finite_differences(step, sweep):
    check_finite_differences(step, sweep, kinked=step not in SMOOTH)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_sweep_equals_loop(step):
    check_sweep_equals_loop(step)


def torch_functions(torch):
    F = torch.nn.functional
    return {
        "identity": lambda a: a,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": F.relu,
        "elu": F.elu,
        "selu": F.selu,
        "leaky_relu": F.leaky_relu,
        "softplus": lambda a: F.softplus(a, threshold=800),
    }


@pytest.mark.parametrize("phi", NAMED.values(), ids=str)
def test_value_and_slope_agree_with_torch(phi, oracle):
    torch = oracle("torch")
    a = np.concatenate([np.linspace(-15, 15, 301), [-1e4, 1e4]])
    if phi.name == "softplus":
        a = a[:-1]  # torch's own formula overflows there
    t = torch.tensor(a, requires_grad=True)
    value = torch_functions(torch)[phi.name](t)
    value.sum().backward()
    np.testing.assert_allclose(phi(a), value.detach(), rtol=1e-10, atol=1e-16)
    smooth = phi.name in ("sigmoid", "tanh")  # whose slopes PyTorch rounds to 0 in saturation
    np.testing.assert_allclose(phi.slope(a), t.grad, rtol=1e-10, atol=1e-15 if smooth else 0)


def test_maxout_and_softmax_agree_with_torch(oracle):
    torch = oracle("torch")
    step = Seq(Maxout(3, 4, 5), Softmax(4))
    rng = np.random.default_rng(0)
    p, h, _ = arguments(step, rng)
    out, vjp = step(p, h)
    g = rng.standard_normal(out.shape)
    ours = vjp(g)
    t = {k: torch.tensor(v, requires_grad=True) for k, v in {**p, "h": h}.items()}
    pieces = [t["h"] @ t["0.W"][:, k : k + 4] + t["0.b"][k : k + 4] for k in range(0, 20, 4)]
    value = torch.softmax(torch.stack(pieces).max(dim=0).values, dim=-1)
    value.backward(torch.tensor(g))
    np.testing.assert_allclose(out, value.detach(), rtol=1e-12)
    np.testing.assert_allclose(ours.h, t["h"].grad, rtol=1e-10, atol=1e-15)
    for name in p:
        np.testing.assert_allclose(ours.p[name], t[name].grad, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("phi", [*NAMED.values(), leaky_relu(0.3)], ids=str)
def test_slope_is_the_derivative_and_max_slope_its_supremum(phi):
    a = np.linspace(-40, 40, 2001) + 1e-4
    s = 1e-5
    np.testing.assert_allclose(phi.slope(a), (phi(a + s) - phi(a - s)) / (2 * s), atol=2e-9)
    steepest = np.abs(phi.slope(np.append(a, [-1e-9, 1e-9]))).max()
    assert steepest <= phi.max_slope * (1 + 1e-15)
    assert steepest == pytest.approx(phi.max_slope, rel=1e-8)


@pytest.mark.parametrize("phi", [elu, selu, softplus], ids=str)
@given(a=st.floats(-690, -30))
def test_left_tails_stay_relatively_right(phi, a):
    """``φ'`` is ``c e^a`` there, and softplus itself is ``e^a``: nothing rounds to zero."""
    c = {"elu": 1, "selu": SELU_SCALE * SELU_ALPHA, "softplus": 1}[phi.name]
    a = np.array([a])
    np.testing.assert_allclose(phi.slope(a), c * np.exp(a), rtol=1e-12)
    if phi is softplus:
        np.testing.assert_allclose(phi(a), np.exp(a), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("phi", NAMED.values(), ids=str)
def test_extremes_are_finite_and_keep_the_dtype(phi, dtype):
    a = np.array([-1e4, 0, 1e4], dtype)
    assert phi(a).dtype == phi.slope(a).dtype == dtype
    assert np.isfinite(phi(a)).all()
    assert np.isfinite(phi.slope(a)).all()
    assert softplus(a).tolist() == [0, np.log(dtype(2)), 1e4]
    assert softplus.slope(a).tolist() == [
        0,
        0.5,
        1,
    ]


@pytest.mark.parametrize("phi", [elu, selu, softplus, leaky_relu(0.2)], ids=str)
def test_a_complex_step_passes_through(phi):
    a = np.array([-20.0, -1.5, -0.1, 0.1, 1.5, 20.0])
    np.testing.assert_allclose(phi(a + 1e-100j).imag / 1e-100, phi.slope(a), rtol=1e-13)


def test_known_answers():
    a = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(
        NAMED["tanh"](a), 2 * NAMED["sigmoid"](2 * a) - 1, rtol=1e-12, atol=1e-16
    )
    one = math.erfc(0.5**0.5) * math.e**0.5
    two = math.erfc(2**0.5) * math.e**2
    pi = math.pi
    alpha = (2 / pi) ** 0.5 / (1 - one)  # Klambauer et al. 2017, in closed form
    scale = (1 - one) * (2 * pi / (2 * two + pi * one**2 - 2 * (2 + pi) * one + pi + 2)) ** 0.5
    np.testing.assert_allclose([SELU_SCALE, SELU_ALPHA], [scale, alpha], rtol=2e-15)
    assert (round(SELU_SCALE, 4), round(SELU_ALPHA, 4)) == (1.0507, 1.6733)
    np.testing.assert_allclose(selu(a[a > 0]), SELU_SCALE * a[a > 0])
    assert leaky_relu(0.2)(np.array([-5.0, 5.0])).tolist() == [-1, 5]
    np.testing.assert_allclose(softplus(a) - softplus(-a), a, atol=1e-14)
    assert (leaky_relu(0)(a) == NAMED["relu"](a)).all()
    assert (leaky_relu(1)(a) == a).all()


def test_selu_keeps_mean_zero_and_variance_one():
    """Its two constants make a fixed point for a standard normal input.

    The integral is taken on each side of 0.
    """
    z, w = np.polynomial.legendre.leggauss(200)
    at = np.concatenate([6 * (z - 1), 6 * (z + 1)])  # from -12 to 0 and from 0 to 12
    density = 6 * np.tile(w, 2) * np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi)
    assert abs(density @ selu(at)) < 1e-13
    assert density @ selu(at) ** 2 == pytest.approx(1, abs=1e-13)


def test_names_lead_to_the_same_objects():
    assert all(activation(name) is phi and str(phi) == name for name, phi in NAMED.items())
    assert leaky_relu() == activation("leaky_relu") != leaky_relu(0.2)
    assert str(leaky_relu(0.2)) == "leaky_relu(0.2)"
    assert leaky_relu(0.2) != leaky_relu(0.2 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 6),
    batch=st.integers(1, 4),
    seed=st.integers(0, 99),
    scale=st.sampled_from([1e-3, 1, 1e4]),
)
def test_softmax_jacobian(n, batch, seed, scale):
    rng = np.random.default_rng(seed)
    h = scale * rng.standard_normal((batch, n))
    q, vjp = Softmax(n)({}, h)
    np.testing.assert_allclose(q.sum(axis=-1), 1, rtol=1e-14)
    # row i is ∂q_i/∂h, for all samples
    J = vjp(np.broadcast_to(np.eye(n)[:, None], (n, batch, n))).h
    for b in range(batch):
        np.testing.assert_allclose(
            J[:, b], np.diag(q[b]) - np.outer(q[b], q[b]), rtol=1e-12, atol=1e-15
        )


def test_softmax_far_apart_keeps_the_slope_of_the_winner():
    """``q (1 - q)`` of the winner is ``e^-600``, which ``1 - q`` would round to zero."""
    q, vjp = Softmax(2)({}, np.array([[-300.0, 300.0]]))
    np.testing.assert_allclose(
        vjp(np.array([[0.0, 1.0]])).h, [[-np.exp(-600), np.exp(-600)]], rtol=1e-13
    )
    np.testing.assert_allclose(
        vjp(np.array([[1.0, 0.0]])).h, [[np.exp(-600), -np.exp(-600)]], rtol=1e-13
    )
    assert q.tolist() == [[np.exp(-600), 1]]
    assert Softmax(3)({}, np.array([[1e4, -1e4, 1e4]]))[0].tolist() == [[0.5, 0, 0.5]]


def test_maxout_makes_relu_and_the_absolute_value():
    h = np.array([[-2.0], [3.0]])
    out, vjp = Maxout(1, 2, 2)({"W": np.array([[0.0, -1, 1, 1]]), "b": np.zeros(4)}, h)
    assert out.tolist() == [[0, 2], [3, 3]]  # max(0, h) and max(-h, h)
    assert vjp(np.ones((2, 2))).h.tolist() == [[-1], [2]]
    tied = Maxout(1, 1, 3)({"W": np.array([[2.0, 2, 2]]), "b": np.zeros(3)}, np.ones((1, 1)))[1](
        np.ones((1, 1))
    )
    assert tied.h.tolist() == [[2]]
    assert tied.p["b"].tolist() == [1, 0, 0]


CASES = {
    "the factory itself": (
        lambda: Dense(2, 2, leaky_relu),
        TypeError,
        "phi: expected the name .* got function",
    ),
    "unknown name": (
        lambda: activation("softmax"),
        ValueError,
        "expected one of identity, .*, got 'softmax'",
    ),
    "wrong width": (
        lambda: Softmax(3)({}, np.ones((1, 2))),
        ValueError,
        r"h of Softmax\(3\): expected last axes \(…, 3\)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
