"""Losses: values and gradients against PyTorch and by hand, for any sweep.

They are stable at logits of ±1e4.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import (
    Softmax,
    argmax,
    binary_cross_entropy,
    cross_entropy,
    half_squared_norm,
    mae,
    mse,
    sigmoid,
)

ALL = [half_squared_norm, mse, mae, binary_cross_entropy, cross_entropy]
named = pytest.mark.parametrize("loss", ALL, ids=lambda f: f.__name__)
reduced = pytest.mark.parametrize("reduction", ["mean", "sum"])


def targets(loss, rng, shape):
    if loss is cross_entropy:
        return rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    return rng.random(shape) if loss is binary_cross_entropy else rng.standard_normal(shape)


def in_torch(torch, loss, u, y):
    """Each sample's loss, written with PyTorch's own functions."""
    F = torch.nn.functional
    return {
        "half_squared_norm": lambda: 0.5 * F.mse_loss(u, y, reduction="none").sum(-1),
        "mse": lambda: F.mse_loss(u, y, reduction="none").mean(-1),
        "mae": lambda: F.l1_loss(u, y, reduction="none").mean(-1),
        "binary_cross_entropy": lambda: F.binary_cross_entropy_with_logits(
            u, y, reduction="none"
        ).sum(-1),
        "cross_entropy": lambda: F.cross_entropy(u, y, reduction="none"),
    }[loss.__name__]()


@reduced
@named
def test_value_and_gradient_agree_with_torch(loss, reduction, oracle):
    torch = oracle("torch")
    rng = np.random.default_rng(0)
    u = 3 * rng.standard_normal((7, 4))
    y = targets(loss, rng, (7, 4))
    t = torch.tensor(u, requires_grad=True)
    each = in_torch(torch, loss, t, torch.tensor(y))
    value = each.mean() if reduction == "mean" else each.sum()
    value.backward()
    L, g = loss(u, y, reduction=reduction)
    np.testing.assert_allclose(L, value.item(), rtol=1e-10)
    np.testing.assert_allclose(g, t.grad, rtol=1e-10, atol=1e-16)


def test_the_mean_is_the_default_and_mse_and_mae_are_those_of_torch(oracle):
    torch = oracle("torch")
    rng = np.random.default_rng(1)
    u, y = rng.standard_normal((2, 7, 4))
    assert mse(u, y)[0] == pytest.approx(
        torch.nn.MSELoss()(torch.tensor(u), torch.tensor(y)).item(), rel=1e-13
    )
    assert mae(u, y)[0] == pytest.approx(
        torch.nn.L1Loss()(torch.tensor(u), torch.tensor(y)).item(), rel=1e-13
    )


@reduced
@named
def test_gradient_agrees_with_finite_differences(loss, reduction):
    rng = np.random.default_rng(2)
    u = rng.standard_normal((2, 3, 5, 4))
    y = targets(loss, rng, (5, 4))
    L, g = loss(u, y, reduction=reduction)
    v = rng.standard_normal(u.shape)
    s = 1e-6
    slope = (
        loss(u + s * v, y, reduction=reduction)[0] - loss(u - s * v, y, reduction=reduction)[0]
    ) / (2 * s)
    assert L.shape == (2, 3)
    assert g.shape == u.shape
    np.testing.assert_allclose((g * v).sum(axis=(-2, -1)), slope, rtol=1e-7, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), loss=st.sampled_from(ALL), reduction=st.sampled_from(["mean", "sum"]))
def test_sweep_equals_loop(data, loss, reduction):
    sweep, batch, n = (data.draw(st.integers(low, 5)) for low in (1, 1, 2))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    swept = data.draw(st.booleans())
    u = rng.standard_normal((sweep, batch, n))
    y = targets(loss, rng, (sweep, batch, n) if swept else (batch, n))
    L, g = loss(u, y, reduction=reduction)
    for i in range(sweep):
        L_i, g_i = loss(u[i], y[i] if swept else y, reduction=reduction)
        np.testing.assert_allclose(L[i], L_i, rtol=1e-13)
        np.testing.assert_allclose(g[i], g_i, rtol=1e-13, atol=1e-16)


@named
def test_arguments_are_not_changed_and_float32_stays_float32(loss):
    rng = np.random.default_rng(3)
    u = rng.standard_normal((5, 4)).astype("f4")
    y = targets(loss, rng, (5, 4)).astype("f4")
    before = u.copy(), y.copy()
    L, g = loss(u, y)
    assert L.dtype == g.dtype == np.float32
    assert (u == before[0]).all()
    assert (y == before[1]).all()


def test_gradient_of_cross_entropy_is_p_minus_y():
    rng = np.random.default_rng(4)
    u = rng.standard_normal((5, 3))
    y = rng.dirichlet(np.ones(3), 5)
    p, vjp = Softmax(3)({}, u)
    L, g = cross_entropy(u, y, reduction="sum")
    np.testing.assert_allclose(g, p - y, rtol=1e-12)
    # the same by the chain rule: -Σ y ln p, then softmax
    np.testing.assert_allclose(g, vjp(-y / p).h, rtol=1e-11)
    assert pytest.approx(-(y * np.log(p)).sum()) == L


def test_two_classes_are_binary_cross_entropy():
    rng = np.random.default_rng(5)
    u = rng.standard_normal((6, 1))
    y = rng.random((6, 1))
    one, g_one = binary_cross_entropy(u, y)
    two, g_two = cross_entropy(np.hstack([u, 0 * u]), np.hstack([y, 1 - y]))
    assert one == pytest.approx(two)
    np.testing.assert_allclose(g_one, g_two[:, :1], rtol=1e-13)


def test_numbers_of_classes_are_one_hot_targets():
    rng = np.random.default_rng(6)
    u = rng.standard_normal((2, 5, 3))
    c = np.array([0, 2, 1, 1, 0])
    for labels, y in (
        (c, np.eye(3)[c]),
        (np.stack([c, c[::-1]]), np.eye(3)[np.stack([c, c[::-1]])]),
    ):
        ours, theirs = cross_entropy(u, labels), cross_entropy(u, y)
        assert (ours[0] == theirs[0]).all()
        assert (ours[1] == theirs[1]).all()


def test_stable_at_ten_thousand():
    u = np.array([[1e4, -1e4]])
    for y, loss, g in (
        ([1.0, 0], 0, [0, 0]),
        ([0.0, 1], 2e4, [1, -1]),
        ([0.5, 0.5], 1e4, [0.5, -0.5]),
    ):
        L, got = cross_entropy(u, np.array([y]))
        assert loss == L
        assert got.tolist() == [g]
    L, got = binary_cross_entropy(u, np.array([[1.0, 0.0]]))
    assert L == 0
    assert got.tolist() == [[0, 0]]
    L, got = binary_cross_entropy(u, np.array([[0.0, 1.0]]))
    assert L == 2e4
    assert got.tolist() == [[1, -1]]


@pytest.mark.parametrize("gap", [50.0, 600.0])
def test_being_almost_sure_and_right_is_not_rounded_to_zero(gap):
    """At a gap of 50, ``p - y`` of the right class is ``-e^-50``.

    Written like that it would be exactly 0.
    """
    tiny = np.exp(-gap)
    L, g = cross_entropy(np.array([[gap / 2, -gap / 2]]), np.array([0]))
    np.testing.assert_allclose([L, *g[0]], [tiny, -tiny, tiny], rtol=1e-12)
    L, g = binary_cross_entropy(
        np.array([[gap], [-gap]]), np.array([[1.0], [0.0]]), reduction="sum"
    )
    np.testing.assert_allclose([L, *g[:, 0]], [2 * tiny, -tiny, tiny], rtol=1e-12)


@pytest.mark.parametrize("a, mse_slope", [(5.0, 1.4e-2), (20.0, 4.2e-9), (600.0, 1e-259)])
def test_mse_saturates_behind_a_sigmoid_and_cross_entropy_does_not(a, mse_slope):
    """A confident wrong answer: the target is 0 and the pre-activation ``a`` large."""
    a = np.array([[a]])
    y = np.zeros((1, 1))
    _, g = mse(sigmoid(a), y)
    assert 0 < (g * sigmoid.slope(a)).item() < mse_slope
    _, g = binary_cross_entropy(a, y)
    assert 0.99 < g.item() <= 1


def test_known_values():
    u = np.array([[3.0, 4.0], [0.0, 0.0]])
    y = np.zeros((2, 2))
    assert [f(u, y)[0] for f in ALL[:3]] == [6.25, 6.25, 1.75]
    assert [f(u, y, reduction="sum")[0] for f in ALL[:3]] == [12.5, 12.5, 3.5]
    assert mae(u, y)[1].tolist() == [[0.25, 0.25], [0, 0]]
    assert cross_entropy(y, np.array([0, 1]))[0] == pytest.approx(np.log(2))


def test_prediction():
    u = np.array([[[1.0, 3, 2], [5, 5, 0]]])
    assert argmax(u).tolist() == [[1, 0]]
    assert (argmax(Softmax(3)({}, u)[0]) == argmax(u)).all()


U = np.zeros((2, 3))
Y = np.full((2, 3), 1 / 3)
CASES = {
    "an empty batch": (
        lambda: mse(U[:0], Y[:0]),
        ValueError,
        r"u: expected at least one sample .* \(0, 3\)",
    ),
    "y of another shape": (
        lambda: mse(U, Y[:, :1]),
        ValueError,
        r"y: expected last axes \(2, 3\), got shape \(2, 1\)",
    ),
    "y without a batch": (
        lambda: half_squared_norm(U, Y[0]),
        ValueError,
        r"y: expected last axes \(2, 3\)",
    ),
    "y of more sweeps": (
        lambda: mse(U, Y[None]),
        ValueError,
        r"y: expected no sweep axes but .* \(1, 2, 3\)",
    ),
    "y of another sweep": (
        lambda: mse(np.zeros((4, 2, 3)), np.zeros((3, 2, 3))),
        ValueError,
        "y: expected no sweep",
    ),
    "y of another dtype": (
        lambda: mse(U, Y.astype("f4")),
        TypeError,
        "y: expected float64, the dtype of u, got float32",
    ),
    "a probability of two": (
        lambda: binary_cross_entropy(U, 6 * Y),
        ValueError,
        "y: expected probabilities .* got 2",
    ),
    "a negative probability": (
        lambda: cross_entropy(U, -Y),
        ValueError,
        "y: expected probabilities from 0 to 1, got -0.33",
    ),
    "probabilities that do not add up": (
        lambda: cross_entropy(U, Y / 2),
        ValueError,
        "add to 1 .* sums from 0.5 to 0.5",
    ),
    "one class": (
        lambda: cross_entropy(U[:, :1], Y[:, :1]),
        ValueError,
        "u: expected at least two classes",
    ),
    "prediction of one class": (
        lambda: argmax(U[:, :1]),
        ValueError,
        r"u: expected at least two classes .* u > 0",
    ),
    "class three of three": (
        lambda: cross_entropy(U, np.array([0, 3])),
        ValueError,
        "y: expected classes from 0 to 2, got 3",
    ),
    "class -1": (
        lambda: cross_entropy(U, np.array([0, -1])),
        ValueError,
        "y: expected classes from 0 to 2, got -1",
    ),
    "too few classes": (
        lambda: cross_entropy(U, np.array([0])),
        ValueError,
        r"y: expected a class number .* \(2\), got",
    ),
    "labels of more sweeps": (
        lambda: cross_entropy(U, np.array([[0, 1]])),
        ValueError,
        "y: expected no sweep axes",
    ),
    "one-hot integers": (
        lambda: cross_entropy(U, np.eye(3, dtype=int)[:2]),
        ValueError,
        "y: expected a class number",
    ),
    "an overflow": (
        lambda: mse(U + 1e200, Y),
        FloatingPointError,
        "u: expected a loss within float64, got an",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "u, error", [([[0.0, 1.0]], TypeError), (np.array([[np.nan, 1.0]]), ValueError)]
)
def test_a_prediction_from_something_else_than_numbers_is_refused(u, error):
    with pytest.raises(error, match="u: expected"):
        argmax(u)
