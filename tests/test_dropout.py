"""Dropout: the scaling keeps the mean (erratum E2), and the mask is fixed.

The way back uses the same mask.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from step_checks import SWEEPS, check_finite_differences, check_sweep_equals_loop

from gradtrace import Dense, Seq
from gradtrace.steps.dropout import Dropout, Mask

MASK = Dropout(3, 0.4).draw(np.random.default_rng(0), batch=5)
STEPS = [
    Dropout(3, 0.4),
    Dropout(3, 0.4, inverted=False),
    MASK,
    Dropout(3, 0.4).draw(np.random.default_rng(1)),
]


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_pullback_agrees_with_finite_differences(step, sweep):
    check_finite_differences(Seq(Dense(2, 3), step, Dense(3, 2)), sweep)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_alone_and_in_a_sweep(step):
    check_finite_differences(step)
    check_sweep_equals_loop(Seq(Dense(2, 3), step))


@pytest.mark.parametrize("inverted", [True, False])
@given(p_drop=st.floats(0, 0.9), seed=st.integers(0, 999))
def test_training_and_prediction_agree_in_the_mean(inverted, p_drop, seed):
    """Erratum E2: to scale by ρ at prediction would not keep the mean.

    ρ is the probability to be left out.
    """
    rng = np.random.default_rng(seed)
    step = Dropout(1, p_drop, inverted)
    h = np.full((4000, 1), 3.0)
    trained, _ = step.draw(rng, batch=4000)({}, h)
    predicted, _ = step({}, h)
    spread = 3 * (p_drop * (1 - p_drop) / 4000) ** 0.5 / (1 - p_drop if inverted else 1)
    assert abs(trained.mean() - predicted.mean()) <= 6 * spread + 1e-12
    assert predicted[0, 0] == pytest.approx(3 if inverted else 3 * (1 - p_drop))
    left = {0.0, 3 / (1 - p_drop) if inverted else 3.0}
    assert all(min(abs(v - u) for u in left) < 1e-12 for v in np.unique(trained))


def test_scaling_by_rho_as_on_the_slide_misses_the_mean():
    p_drop = 0.2
    h = np.ones((20_000, 1))
    older = Dropout(1, p_drop, inverted=False)
    trained, _ = older.draw(np.random.default_rng(0), batch=len(h))({}, h)
    assert trained.mean() == pytest.approx(1 - p_drop, abs=0.02)
    assert abs(trained.mean() - p_drop) > 0.5


def test_agrees_with_torch_under_torch_s_mask(oracle):
    torch = oracle("torch")
    torch.manual_seed(0)
    leaf = torch.randn(6, 50, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.dropout(leaf, 0.3, training=True)
    g = torch.randn(6, 50, dtype=torch.float64)
    expected.backward(g)
    h = leaf.detach().numpy()
    kept = expected.detach().numpy() != 0
    out, vjp = Mask(kept / (1 - 0.3))({}, h)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(vjp(g.numpy()).h, leaf.grad.numpy(), rtol=1e-10)
    ours = Dropout(50, 0.3).draw(np.random.default_rng(0), batch=6)
    np.testing.assert_allclose(np.unique(ours.m), np.unique(kept / 0.7), rtol=1e-15)


def test_a_drawn_step_always_gives_the_same_and_the_same_seed_the_same_mask():
    h = np.ones((4, 30))
    first, again = (Dropout(30, 0.5).draw(np.random.default_rng(3), batch=4) for _ in range(2))
    assert (first({}, h)[0] == first({}, h)[0]).all()
    assert (first.m == again.m).all()
    assert len(np.unique(first.m, axis=0)) == 4  # each sample has a mask of its own
    shared = Dropout(30, 0.5).draw(np.random.default_rng(3))({}, h)[0]
    assert len(np.unique(shared, axis=0)) == 1
    assert set(np.unique(shared)) == {0, 2}
    assert (Dropout(30, 0).draw(np.random.default_rng(3), batch=4)({}, h)[0] == h).all()


def test_the_mask_is_a_copy():
    m = np.ones((1, 3))
    step = Mask(m)
    m[:] = 0
    assert step({}, np.ones((2, 3)))[0].all()


CASES = {
    "p_drop one": (
        lambda: Dropout(3, 1),
        ValueError,
        "p_drop: expected a probability below 1, got 1",
    ),
    "another batch": (
        lambda: MASK({}, np.ones((4, 3))),
        ValueError,
        r"h of Mask\(3\): expected a batch of 5, .* got 4",
    ),
    "mask of three axes": (
        lambda: Mask(np.ones((2, 2, 3))),
        ValueError,
        r"m: expected shape \(batch, n\), got \(2, 2, 3\)",
    ),
    "superfluous parameter": (
        lambda: Dropout(3, 0.5)({"W": np.ones(3)}, np.ones((1, 3))),
        ValueError,
        "p of Dropout",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
