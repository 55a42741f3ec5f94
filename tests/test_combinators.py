"""Ways past a layer: highway and stochastic depth; residual blocks are in test_steps too."""

import numpy as np
import pytest
from step_checks import SWEEPS, arguments, check_finite_differences, check_sweep_equals_loop

from gradtrace import RNN, Dense, Residual, Seq, deep, forward, init_params, sigmoid, trace
from gradtrace.steps.combinators import Highway, StochasticDepth

BRANCH = Seq(Dense(3, 5), Dense(5, 3, "identity"))
STEPS = [
    Highway(3),
    Highway(1, "sigmoid"),
    Highway(3, "identity"),
    StochasticDepth(BRANCH, 0.3),
    StochasticDepth(BRANCH, 0.3, keep=True),
    StochasticDepth(BRANCH, 0.3, keep=False),
    StochasticDepth(RNN(2, 3), 0.5),
    Seq(Highway(3), StochasticDepth(Highway(3), 0.2)),
]
KINKED = [Highway(3, "relu")]


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("step", STEPS + KINKED, ids=str)
def test_pullback_agrees_with_finite_differences(step, sweep):
    check_finite_differences(step, sweep, kinked=step in KINKED)


@pytest.mark.parametrize("step", STEPS[:4] + STEPS[5:] + KINKED, ids=str)
def test_sweep_equals_loop(step):
    check_sweep_equals_loop(step)


@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "relu"])
def test_highway_agrees_with_torch(oracle, phi):
    torch = oracle("torch")
    rng = np.random.default_rng(0)
    step = Highway(4, phi)
    p, h, _ = arguments(step, rng)
    g = rng.standard_normal(h.shape)
    t = {name: torch.tensor(value, requires_grad=True) for name, value in {**p, "h": h}.items()}
    B = torch.sigmoid(t["h"] @ t["W2"] + t["b2"])
    expected = getattr(torch, phi)(t["h"] @ t["W"] + t["b"]) * B + t["h"] * (1 - B)
    expected.backward(torch.tensor(g))
    out, vjp = step(p, h)
    ours = vjp(g)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-10)
    for name, mine in {**ours.p, "h": ours.h}.items():
        np.testing.assert_allclose(mine, t[name].grad.numpy(), rtol=1e-10, atol=1e-14)


def test_a_shut_highway_is_the_identity_bit_for_bit_and_an_open_one_the_layer():
    rng = np.random.default_rng(0)
    step = Highway(4)
    p, h, _ = arguments(step, rng)
    g = rng.standard_normal(h.shape)
    out, vjp = step({**p, "b2": np.full(4, -1e4)}, h)
    assert (out == h).all()
    assert (vjp(g).h == g).all()
    assert not any(value.any() for value in vjp(g).p.values())
    out, vjp = step({**p, "b2": np.full(4, 1e4)}, h)
    layer, layer_vjp = Dense(4, 4)({"W": p["W"], "b": p["b"]}, h)
    assert (out == layer).all()
    assert (vjp(g).h == layer_vjp(g).h).all()


@pytest.mark.parametrize("bias", [-2.0, -8.0, 50.0])
def test_a_highway_of_zero_weights_multiplies_the_gradient_by_its_carry_gate(bias):
    """With W = W2 = 0 the Jacobian is (1 − B) I: 50 layers leave 50 ln(1 − B)."""
    step = Highway(3)
    p = {**{name: np.zeros(shape) for name, shape in step.shapes().items()}, "b2": np.full(3, bias)}
    _, vjps = forward(deep(step, [p] * 50), np.ones((1, 3)))
    log_h = trace(vjps, np.ones((1, 3))).log_h
    assert log_h[0] - log_h[-1] == pytest.approx(50 * np.log(sigmoid(np.array(-bias))), rel=1e-12)


@pytest.mark.parametrize(
    "step",
    [Residual(Dense(3, 3, "sigmoid")), Residual(BRANCH)],
    ids=["z + σ(Wz + b)", "x + W2 φ(W1 x)"],
)
def test_a_residual_block_hands_back_g_plus_what_its_branch_hands_back(step):
    rng = np.random.default_rng(0)
    p, h, _ = arguments(step, rng)
    eye = np.eye(3)[:, None, :]  # one sweep member for each row of the Jacobian
    jacobian = step(p, h[:1])[1](eye).h[:, 0]
    branch = step.inner(p, h[:1])[1](eye).h[:, 0]
    np.testing.assert_allclose(jacobian, np.eye(3) + branch, rtol=1e-14)
    assert np.abs(branch).max() > 0.01


def test_a_dropped_branch_is_the_identity_and_a_kept_one_the_residual_step():
    rng = np.random.default_rng(0)
    step = StochasticDepth(BRANCH, 0.3)
    p, h, _ = arguments(step, rng)
    g = rng.standard_normal(h.shape)
    out, vjp = StochasticDepth(BRANCH, 0.3, keep=False)(p, h)
    assert (out == h).all()
    assert (vjp(g).h == g).all()
    assert not any(v.any() for v in vjp(g).p.values())
    out, vjp = StochasticDepth(BRANCH, 0.3, keep=True)(p, h)
    whole, whole_vjp = Residual(BRANCH)(p, h)
    assert (out == whole).all()
    assert (vjp(g).h == whole_vjp(g).h).all()


@pytest.mark.parametrize("p_drop", [0.0, 0.2, 0.7, 1.0])
def test_the_expectation_over_draws_is_the_undecided_step(p_drop):
    """For one block exactly (1 − ρ) of the kept plus ρ of the dropped.

    ``draw`` keeps with probability 1 − ρ.
    """
    rng = np.random.default_rng(0)
    step = StochasticDepth(BRANCH, p_drop)
    p, h, _ = arguments(step, rng)
    g = rng.standard_normal(h.shape)
    kept, dropped = (StochasticDepth(BRANCH, p_drop, keep)(p, h) for keep in (True, False))
    out, vjp = step(p, h)
    np.testing.assert_allclose(out, (1 - p_drop) * kept[0] + p_drop * dropped[0], rtol=1e-12)
    np.testing.assert_allclose(
        vjp(g).h, (1 - p_drop) * kept[1](g).h + p_drop * dropped[1](g).h, rtol=1e-12
    )
    share = np.mean([step.draw(rng).keep for _ in range(4000)])
    assert abs(share - (1 - p_drop)) <= 4 * (p_drop * (1 - p_drop) / 4000) ** 0.5


def test_leaving_out_shrinking_layers_keeps_the_gradient_larger():
    rng = np.random.default_rng(0)
    inner = Dense(4, 4, "identity")
    p = {"W": -0.5 * np.eye(4), "b": np.zeros(4)}  # h' = h/2 where kept: 40 layers cost 40 ln 2
    step = StochasticDepth(inner, 0.5)
    start = np.ones((1, 4))
    layers = [step.draw(rng) for _ in range(40)]
    kept = sum(layer.keep for layer in layers)
    _, vjps = forward(deep(layers, [p] * 40), start)
    run = trace(vjps, start)
    assert 0 < kept < 40
    assert run.log_h[0] - run.log_h[-1] == pytest.approx(-kept * np.log(2))
    assert [share == -np.inf for share in run.log_p["W"]] == [not layer.keep for layer in layers]


def test_draws_are_reproducible_and_a_step_never_changes():
    step = StochasticDepth(BRANCH, 0.5)
    first, second = (
        [step.draw(rng).keep for _ in range(20)] for rng in map(np.random.default_rng, (3, 3))
    )
    assert first == second
    assert len(set(first)) == 2
    assert step.keep is None
    assert str(step.draw(np.random.default_rng(0))).endswith(("kept)", "dropped)"))


def test_a_swept_branch_keeps_its_sweep_axes_when_dropped():
    step = StochasticDepth(Dense(3, 3), 0.5, keep=False)
    p = init_params(step, np.random.default_rng(0), gain=np.array([0.5, 1.0]))
    _, vjps = forward(deep(step, [p]), np.ones((4, 3)))
    assert trace(vjps, np.ones((2, 4, 3))).log_h.shape == (2, 2)


H = np.ones((2, 3))
CASES = {
    "branch that changes width": (
        lambda: StochasticDepth(Dense(3, 4), 0.5)({"W": np.ones((3, 4)), "b": np.ones(4)}, H),
        ValueError,
        r"inner: expected .* the last axes \(2, 3\) that it takes",
    ),
    "state of wrong width": (
        lambda: Highway(2)(init_params(Highway(2), np.random.default_rng(0)), H),
        ValueError,
        r"h of Highway\(2, tanh\): expected last axes \(…, 2\)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
