"""Clipping by norm keeps the direction; by value it does not.

Both agree with PyTorch and survive extremes.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace.training.clip import clip_norm, clip_value, total_log_norm


def gradients(sweep=(), seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return {
        name: np.asarray(scale * rng.standard_normal((*sweep, *shape)))
        for name, shape in {"W": (3, 4), "b": (4,), "s": ()}.items()
    }


def joined(g):
    return np.concatenate([v.ravel() for v in g.values()])


@pytest.mark.parametrize("limit", [0.5, 2.0, 100.0])
def test_clipping_agrees_with_torch(limit, oracle):
    """PyTorch divides by ‖g‖ + 1e-6; that is taken out before the comparison."""
    torch = oracle("torch")
    g = gradients()
    tensors = [torch.zeros(v.shape, dtype=torch.float64, requires_grad=True) for v in g.values()]

    def give():
        for tensor, value in zip(tensors, g.values(), strict=True):
            tensor.grad = torch.tensor(value)

    give()
    norm = torch.nn.utils.clip_grad_norm_(tensors, limit).item()
    clipped, before = clip_norm(g, limit)
    np.testing.assert_allclose(np.exp(before), norm, rtol=1e-12)
    factor = norm / (norm + 1e-6) if norm > limit else 1.0
    for tensor, value in zip(tensors, clipped.values(), strict=True):
        np.testing.assert_allclose(value * factor, tensor.grad.numpy(), rtol=1e-10)
    give()
    torch.nn.utils.clip_grad_value_(tensors, limit)
    for tensor, value in zip(tensors, clip_value(g, limit)[0].values(), strict=True):
        np.testing.assert_allclose(value, tensor.grad.numpy(), rtol=1e-10)


@settings(deadline=None, max_examples=60)
@given(power=st.integers(-320, 305), limit=st.integers(-300, 300), seed=st.integers(0, 99))
def test_the_norm_becomes_the_limit_and_the_direction_stays_at_every_scale(power, limit, seed):
    g = gradients(seed=seed, scale=10.0**power)
    clipped, before = clip_norm(g, 10.0**limit)
    after = total_log_norm(clipped)
    goal = limit * np.log(10)
    if before > goal:
        np.testing.assert_allclose(after, goal, rtol=0, atol=1e-11)
        a, b = joined(g) / np.abs(joined(g)).max(), joined(clipped) / np.abs(joined(clipped)).max()
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    else:
        assert after == before
        assert (joined(clipped) == joined(g)).all()


def test_the_norm_before_survives_where_its_square_overflows():
    _, before = clip_norm({"a": np.array([3e300]), "b": np.array([[4e300]])}, 1.0)
    np.testing.assert_allclose(before, np.log(5) + 300 * np.log(10), rtol=1e-14)
    clipped, before = clip_norm({"a": np.zeros(2)}, 1.0)
    assert before == -np.inf
    assert (clipped["a"] == 0).all()


def test_a_gradient_of_exactly_the_limit_is_not_touched():
    g = {"a": np.array([3.0, 4.0])}
    assert (clip_norm(g, 5.0)[0]["a"] == g["a"]).all()
    np.testing.assert_allclose(clip_norm(g, 2.5)[0]["a"], [1.5, 2.0], rtol=1e-14)


def test_clipping_by_value_turns_the_gradient():
    clipped, before = clip_value({"a": np.array([30.0, 0.4]), "b": np.array([-7.0])}, 1.0)
    assert clipped["a"].tolist() == [1.0, 0.4]
    assert clipped["b"].tolist() == [-1.0]
    np.testing.assert_allclose(np.exp(before), (900 + 0.16 + 49) ** 0.5, rtol=1e-14)


def test_clipped_gradients_are_biased():
    """One steep sample against two gentle ones.

    The true gradient points right, the mean of the clipped ones left.
    """
    samples = np.array([9.0, -1.0, -1.0])
    clipped = [float(clip_norm({"w": np.array([g])}, 1.0)[0]["w"][0]) for g in samples]
    assert samples.mean() > 2
    assert np.mean(clipped) == pytest.approx(-1 / 3)


@pytest.mark.parametrize("clip", [clip_norm, clip_value])
def test_sweep_equals_loop(clip):
    g = gradients((2, 3))
    limit = np.array([[0.1, 1.0, 2.0], [3.0, 4.0, 100.0]])
    swept, before = clip(g, limit, sweep=2)
    same, _ = clip(g, 2.0, sweep=2)
    assert before.shape == (2, 3)
    for i in np.ndindex(2, 3):
        own = {k: np.asarray(v[i]) for k, v in g.items()}
        for result, at in ((swept, float(limit[i])), (same, 2.0)):
            alone, log = clip(own, at)
            np.testing.assert_allclose(before[i], log, rtol=1e-13)
            for name in g:
                np.testing.assert_allclose(result[name][i], alone[name], rtol=1e-13)


@pytest.mark.parametrize("clip", [clip_norm, clip_value])
def test_arguments_are_not_changed_and_float32_stays_float32(clip):
    g = {k: v.astype("f4") for k, v in gradients(scale=10.0).items()}
    before = {k: v.copy() for k, v in g.items()}
    clipped, _ = clip(g, 1.0)
    swept, _ = clip({"a": np.ones((2, 3), "f4")}, np.array([0.1, 5.0]), sweep=1)
    assert all(v.dtype == np.float32 for v in (*clipped.values(), *swept.values()))
    assert all((g[k] == before[k]).all() for k in g)
    assert joined(clipped).tolist() != joined(g).tolist()


G = {"w": np.ones((2, 3))}
CASES = {
    "limits without a sweep": (
        lambda: clip_norm(G, np.ones(2)),
        ValueError,
        "limit: expected one number, .* 0 sweep axes",
    ),
    "limits that do not fit": (
        lambda: clip_norm(G, np.ones(3), sweep=1),
        ValueError,
        r"limit: .* got shape \(3,\)",
    ),
    "sweeps that differ": (
        lambda: clip_norm({**G, "b": np.ones(3)}, 1.0, sweep=1),
        ValueError,
        "grads: expected arrays that share",
    ),
    "too many sweep axes": (
        lambda: clip_norm(G, 1.0, sweep=3),
        ValueError,
        "grads: expected arrays that share their 3",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()


def test_a_limit_may_be_an_array_without_axes():
    grads = {"W": np.array([3.0, 4.0])}
    assert np.allclose(clip_norm(grads, np.array(1.0))[0]["W"], [0.6, 0.8])
    with pytest.raises(ValueError, match="limit: expected at least 0"):
        clip_norm(grads, np.array(-1.0))
