"""Every step obeys the contract: its pullback is right for state, input and each parameter.

With a sweep, it is right for every member. Other layers have the same tests in files of their own.
"""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp
from hypothesis import given, settings
from hypothesis import strategies as st
from step_checks import SWEEPS, arguments, check_finite_differences, check_sweep_equals_loop

from gradtrace import RNN, Dense, OnInput, Residual, Seq, init, init_params
from gradtrace.steps.activations import sigmoid, tanh

# Finite differences of a smooth step are right anywhere; those of one with relu, beside its kinks.
SMOOTH = [
    Dense(3, 4, "tanh"),
    Dense(3, 4, "sigmoid"),
    Dense(3, 4, "identity"),
    RNN(2, 3, "tanh"),
    RNN(2, 3, "sigmoid"),
    RNN(1, 1, "tanh"),
    Residual(Dense(3, 3)),
    Residual(RNN(2, 3)),
    Seq(Dense(3, 5), Dense(5, 2, "sigmoid")),
    Seq(RNN(2, 3), Dense(3, 4)),
    OnInput(Seq(Dense(2, 3), Dense(3, 4, "sigmoid")), RNN(4, 3)),
    Residual(Seq(Dense(3, 5, "sigmoid"), Dense(5, 3, "identity"))),
]
KINKED = [Dense(3, 4, "relu"), RNN(2, 3, "relu"), Residual(Dense(3, 3, "relu"))]


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("step", SMOOTH + KINKED, ids=str)
def test_pullback_agrees_with_finite_differences(step, sweep):
    check_finite_differences(step, sweep, kinked=step in KINKED)


AUTOGRAD_PHI = {
    "tanh": anp.tanh,
    "relu": lambda a: anp.maximum(a, 0),
    "identity": lambda a: a,
    "sigmoid": lambda a: 1 / (1 + anp.exp(-a)),
}


def autograd_forward(step, p, h, x):
    """The formulas of the steps once more, in autograd's numpy, which differentiates by itself."""
    match step:
        case Dense():
            phi = AUTOGRAD_PHI[step.phi.name]
            return phi(anp.dot(h, p["W"]) + p["b"])
        case RNN():
            phi = AUTOGRAD_PHI[step.phi.name]
            return phi(anp.dot(h, p["W"]) + anp.dot(x, p["U"]) + p["b"])
        case OnInput():
            of_first = {name: p[f"x.{name}"] for name in step.first.shapes()}
            read = autograd_forward(step.first, of_first, x, None)
            return autograd_forward(step.inner, p, h, read)
        case Residual():
            return h + autograd_forward(step.inner, p, h, x)
        case Seq():
            for i, inner in enumerate(step.steps):
                own = {name: p[f"{i}.{name}"] for name in inner.shapes()}
                h = autograd_forward(inner, own, h, x if i == 0 else None)
            return h


@pytest.mark.parametrize("step", SMOOTH + KINKED, ids=str)
def test_pullback_agrees_with_autograd(step):
    rng = np.random.default_rng(2)
    p, h, x = arguments(step, rng)
    out, vjp = step(p, h, x)
    g = rng.standard_normal(out.shape)
    ours = vjp(g)

    def function(at):
        return autograd_forward(step, at["p"], at["h"], at["x"])

    at = {"p": p, "h": h, "x": anp.zeros(1) if x is None else x}
    pull, value = make_vjp(function)(at)
    theirs = pull(g)
    np.testing.assert_allclose(out, value, rtol=1e-13)
    np.testing.assert_allclose(ours.h, theirs["h"], rtol=1e-10, atol=1e-14)
    if x is not None:
        np.testing.assert_allclose(ours.x, theirs["x"], rtol=1e-10, atol=1e-14)
    for name in p:
        np.testing.assert_allclose(ours.p[name], theirs["p"][name], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("step", SMOOTH + KINKED, ids=str)
def test_sweep_equals_loop(step):
    check_sweep_equals_loop(step)


@given(a=st.floats(-300, 300))
def test_slopes_stay_relatively_right_far_into_saturation(a):
    """tanh' is 1 / cosh² a and σ' is ¼ / cosh² (a/2): here both are computed with more digits."""
    a = np.array([a])
    wide = a.astype(np.longdouble)
    tanh_slope = 1 / np.cosh(wide) ** 2
    sigmoid_slope = 0.25 / np.cosh(wide / 2) ** 2
    np.testing.assert_allclose(tanh.slope(a), tanh_slope.astype(float), rtol=1e-12)
    np.testing.assert_allclose(sigmoid.slope(a), sigmoid_slope.astype(float), rtol=1e-12)


def test_residual_with_zero_weights_is_the_identity_bit_for_bit():
    step = Residual(Seq(Dense(4, 6), Dense(6, 4, "identity")))
    p = {name: np.zeros(shape) for name, shape in step.shapes().items()}
    h = np.random.default_rng(0).standard_normal((3, 4))
    out, vjp = step(p, h)
    assert (out == h).all()
    assert (vjp(h).h == h).all()


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), m=st.integers(1, 6), seed=st.integers(0, 99))
def test_initialisers_keep_their_promises(n, m, seed):
    rng = np.random.default_rng(seed)
    Q = init.orthogonal(rng, (n, m))
    product = Q.T @ Q if n >= m else Q @ Q.T
    np.testing.assert_allclose(product, np.eye(min(n, m)), atol=1e-12)
    assert np.linalg.norm(init.spectral(rng, (n, m)), 2) == pytest.approx(1)
    assert (init.identity(rng, (n, n)) == np.eye(n)).all()
    assert (init.zeros(rng, (n, m)) == 0).all()


def test_gains_share_one_draw():
    step = Dense(3, 4)
    gains = np.array([0.5, 2.0])
    swept = init_params(step, np.random.default_rng(0), gain=gains)
    for i, gain in enumerate(gains):
        alone = init_params(step, np.random.default_rng(0), gain=gain)
        assert (swept["W"][i] == alone["W"]).all()


def test_a_parameter_may_have_an_initialiser_of_its_own():
    p = init_params(RNN(2, 3), np.random.default_rng(0), W=init.identity)
    assert (p["W"] == np.eye(3)).all()
