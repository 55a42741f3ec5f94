"""Every step obeys the contract: its pullback is right for state, input and each parameter, with
and without sweeps.
"""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp
from hypothesis import given, settings
from hypothesis import strategies as st
from step_checks import SWEEPS, arguments, check_finite_differences, check_sweep_equals_loop

from gradtrace import RNN, Dense, Residual, Seq, init, init_params
from gradtrace.steps.activations import sigmoid, tanh

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
    Residual(Seq(Dense(3, 5, "sigmoid"), Dense(5, 3, "identity"))),
]
KINKED = [Dense(3, 4, "relu"), RNN(2, 3, "relu"), Residual(Dense(3, 3, "relu"))]


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("step", SMOOTH + KINKED, ids=str)
def test_pullback_agrees_with_finite_differences(step, sweep):
    check_finite_differences(step, sweep, kinked=step in KINKED)


def autograd_forward(step, p, h, x):
    """The same formulas once more, in the oracle's numpy."""
    phi = {
        "tanh": anp.tanh,
        "relu": lambda a: anp.maximum(a, 0),
        "identity": lambda a: a,
        "sigmoid": lambda a: 1 / (1 + anp.exp(-a)),
    }
    match step:
        case Dense():
            return phi[step.phi.name](anp.dot(h, p["W"]) + p["b"])
        case RNN():
            return phi[step.phi.name](anp.dot(h, p["W"]) + anp.dot(x, p["U"]) + p["b"])
        case Residual():
            return h + autograd_forward(step.inner, p, h, x)
        case Seq():
            for i, inner in enumerate(step.steps):
                own = {k.split(".", 1)[1]: v for k, v in p.items() if k.startswith(f"{i}.")}
                h = autograd_forward(inner, own, h, x if i == 0 else None)
            return h


@pytest.mark.parametrize("step", SMOOTH + KINKED, ids=str)
def test_pullback_agrees_with_autograd(step):
    rng = np.random.default_rng(2)
    p, h, x = arguments(step, rng)
    out, vjp = step(p, h, x)
    g = rng.standard_normal(out.shape)
    ours = vjp(g)
    pull, value = make_vjp(
        lambda args: autograd_forward(step, args["p"], args["h"], args["x"]),
    )({"p": p, "h": h, "x": x if x is not None else anp.zeros(1)})
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
    """In extended precision the textbook formulas survive a little longer; past that, ln φ' is
    linear in |a|.
    """
    a = np.array([a])
    wide = np.abs(a.astype(np.longdouble))
    np.testing.assert_allclose(tanh.slope(a), np.float64(1 / np.cosh(wide) ** 2), rtol=1e-12)
    np.testing.assert_allclose(
        sigmoid.slope(a), np.float64(0.25 / np.cosh(wide / 2) ** 2), rtol=1e-12
    )


def test_residual_with_zero_weights_is_the_identity_bit_for_bit():
    step = Residual(Seq(Dense(4, 6), Dense(6, 4, "identity")))
    h = np.random.default_rng(0).standard_normal((3, 4))
    out, vjp = step({k: np.zeros(s) for k, s in step.shapes().items()}, h)
    assert (out == h).all() and (vjp(h).h == h).all()


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), m=st.integers(1, 6), seed=st.integers(0, 99))
def test_initialisers_keep_their_promises(n, m, seed):
    rng = np.random.default_rng(seed)
    Q = init.orthogonal(rng, (n, m))
    np.testing.assert_allclose(Q.T @ Q if n >= m else Q @ Q.T, np.eye(min(n, m)), atol=1e-12)
    assert np.linalg.norm(init.spectral(rng, (n, m)), 2) == pytest.approx(1)
    assert (init.identity(rng, (n, n)) == np.eye(n)).all() and not init.zeros(rng, (n, m)).any()


def test_gains_share_one_draw():
    step, gains = Dense(3, 4), np.array([0.5, 2.0])
    swept = init_params(step, np.random.default_rng(0), gain=gains)
    for i, gain in enumerate(gains):
        assert (swept["W"][i] == init_params(step, np.random.default_rng(0), gain=gain)["W"]).all()
    assert (
        init_params(RNN(2, 3), np.random.default_rng(0), W=init.identity)["W"].tolist()
        == np.eye(3).tolist()
    )
