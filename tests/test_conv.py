"""Convolution and pooling are one dense layer with shared weights.

They are checked against that layer and against PyTorch.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_checks import SWEEPS, arguments, check_finite_differences, check_sweep_equals_loop

from gradtrace import Dense, Residual, Seq, deep, forward, trace
from gradtrace.steps.conv import Conv2D, Flatten, Pool2D

SMALL = Conv2D((2, 5, 4), 3, 3)
STEPS = [
    SMALL,
    Conv2D((1, 4, 4), 2, 2, stride=2),
    Conv2D((2, 5, 6), 3, 3, stride=2, padding=1, phi="sigmoid"),
    Conv2D((2, 3, 3), 1, 1, phi="identity"),
    Conv2D((1, 2, 2), 2, 3, padding=2),
    Residual(Conv2D((2, 4, 3), 2, 3, padding=1)),
    Seq(SMALL, Pool2D((3, 3, 2), 2, "average", stride=1)),
    Seq(SMALL, Pool2D((3, 3, 2), 2, "sum")),
]
KINKED = [Conv2D((2, 5, 4), 3, 3, phi="relu"), Seq(SMALL, Pool2D((3, 3, 2), 2, "max", stride=1))]
POOLS = [
    Pool2D((2, 5, 6), 2, kind, stride)
    for kind in ("max", "average", "sum")
    for stride in (None, 1, 3)
]


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("step", STEPS + KINKED, ids=str)
def test_pullback_agrees_with_finite_differences(step, sweep):
    check_finite_differences(step, sweep, kinked=step in KINKED)


@pytest.mark.parametrize(
    "step", [*STEPS, *KINKED, Seq(SMALL, Flatten(SMALL.returns), Dense(18, 2))], ids=str
)
def test_sweep_equals_loop(step):
    check_sweep_equals_loop(step)


@pytest.mark.parametrize(
    "step", [*POOLS, Flatten((3,))], ids=lambda s: f"{s}, stride {getattr(s, 'stride', 0)}"
)
def test_pools_alone_agree_with_finite_differences(step):
    check_finite_differences(step, kinked=True)


def test_flatten_hands_every_entry_back_to_its_place():
    h = np.random.default_rng(0).standard_normal((2, 5, 3, 4, 2))
    out, vjp = Flatten((3, 4, 2))({}, h)
    assert out.shape == (2, 5, 24)
    assert (out[1, 2] == h[1, 2].ravel()).all()
    assert (vjp(out).h == h).all()


def test_images_may_be_swept_too():
    rng = np.random.default_rng(0)
    p, _, _ = arguments(SMALL, rng)
    h = rng.standard_normal((2, 3, 5, *SMALL.features))
    for step, own in ((SMALL, p), (Pool2D((2, 5, 4), 2), {}), (Flatten((2, 5, 4)), {})):
        out, vjp = step(own, h)
        g = rng.standard_normal(out.shape)
        grads = vjp(g)
        for i in np.ndindex(2, 3):
            alone, vjp_i = step(own, h[i])
            np.testing.assert_allclose(out[i], alone, rtol=1e-12)
            np.testing.assert_allclose(grads.h[i], vjp_i(g[i]).h, rtol=1e-12, atol=1e-14)
            for name in own:
                np.testing.assert_allclose(
                    grads.p[name][i], vjp_i(g[i]).p[name], rtol=1e-11, atol=1e-13
                )


@settings(max_examples=40, deadline=None)
@given(
    c_in=st.integers(1, 3),
    c_out=st.integers(1, 3),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_convolution_agrees_with_torch(
    oracle, c_in, c_out, height, width, kernel, stride, padding, seed
):
    torch = oracle("torch")
    if kernel > min(height, width) + 2 * padding:
        with pytest.raises(ValueError, match="kernel: expected at most"):
            Conv2D((c_in, height, width), c_out, kernel, stride, padding)
        return
    rng = np.random.default_rng(seed)
    step = Conv2D((c_in, height, width), c_out, kernel, stride, padding)
    p, h, _ = arguments(step, rng, batch=2)
    t = {name: torch.tensor(value, requires_grad=True) for name, value in {**p, "h": h}.items()}
    expected = torch.tanh(
        torch.nn.functional.conv2d(t["h"], t["W"], t["b"], stride=stride, padding=padding)
    )
    out, vjp = step(p, h)
    g = rng.standard_normal(out.shape)
    expected.backward(torch.tensor(g))
    assert out.shape == (2, *step.returns)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-10, atol=1e-13)
    ours = vjp(g)
    for name, mine in {**ours.p, "h": ours.h}.items():
        np.testing.assert_allclose(mine, t[name].grad.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("step", POOLS, ids=lambda s: f"{s.kind}, stride {s.stride}")
def test_pooling_agrees_with_torch(oracle, step, ties):
    torch = oracle("torch")
    rng = np.random.default_rng(0)
    h = rng.standard_normal((3, *step.features))
    h = np.round(h) if ties else h
    leaf = torch.tensor(h, requires_grad=True)
    functional = torch.nn.functional
    expected = {
        "max": functional.max_pool2d,
        "average": functional.avg_pool2d,
        "sum": lambda *a: 4 * functional.avg_pool2d(*a),
    }[step.kind](leaf, step.size, step.stride)
    out, vjp = step({}, h)
    g = rng.standard_normal(out.shape)
    expected.backward(torch.tensor(g))
    assert out.shape == (3, *step.returns)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(vjp(g).h, leaf.grad.numpy(), rtol=1e-10, atol=1e-14)


def toeplitz(step, W):
    """The matrix of a convolution without padding: row = pixel in, column = pixel out."""
    (c_in, height, width), (c_out, rows, columns) = step.size, step.returns
    M = np.zeros((c_in, height, width, c_out, rows, columns))
    for o, r, s, c, i, j in np.ndindex(c_out, rows, columns, c_in, step.kernel, step.kernel):
        M[c, r * step.stride + i, s * step.stride + j, o, r, s] = W[o, c, i, j]
    return M.reshape(c_in * height * width, -1)


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_is_a_dense_layer_with_a_toeplitz_matrix(stride):
    rng = np.random.default_rng(0)
    step = Conv2D((2, 6, 5), 3, 3, stride)
    p, h, _ = arguments(step, rng)
    pixels = math.prod(step.returns[1:])
    M = toeplitz(step, p["W"])
    dense = Seq(Flatten(step.features), Dense(*M.shape))
    out, vjp = step(p, h)
    flat, dense_vjp = dense({"1.W": M, "1.b": np.repeat(p["b"], pixels)}, h)
    np.testing.assert_allclose(out.reshape(5, -1), flat, rtol=1e-12, atol=1e-14)
    g = rng.standard_normal(out.shape)
    ours = vjp(g)
    theirs = dense_vjp(g.reshape(5, -1))
    np.testing.assert_allclose(ours.h, theirs.h, rtol=1e-11, atol=1e-13)
    shared = np.zeros_like(p["W"])  # a shared weight's gradient: the sum over its places
    for index in np.ndindex(*shared.shape):
        one = np.zeros_like(shared)
        one[index] = 1
        shared[index] = (theirs.p["1.W"] * toeplitz(step, one)).sum()
    np.testing.assert_allclose(ours.p["W"], shared, rtol=1e-11, atol=1e-13)
    assert (M != 0).sum() == pixels * p["W"].size  # sparse: every other entry is zero


def test_parameter_counts_against_dense():
    """On digits of 28 × 28 ten filters of 5 × 5 need 260 numbers.

    A dense layer to as many units needs 4.5 million.
    """

    def count(step):
        return sum(map(math.prod, step.shapes().values()))

    step = Conv2D((1, 28, 28), 10, 5)
    assert step.returns == (10, 24, 24)
    assert count(step) == 10 * 25 + 10 == 260
    assert count(Dense(28 * 28, 10 * 24 * 24)) == 784 * 5760 + 5760 == 4_521_600
    assert count(Conv2D((1, 280, 280), 10, 5)) == 260  # it does not grow with the image
    assert count(Conv2D((3, 28, 28), 10, 5)) == 760
    assert count(Pool2D((10, 24, 24), 2)) == 0


@settings(max_examples=25, deadline=None)
@given(down=st.integers(-2, 2), right=st.integers(-2, 2), seed=st.integers(0, 99))
def test_a_shift_of_the_input_shifts_the_map(down, right, seed):
    rng = np.random.default_rng(seed)
    step = Conv2D((1, 12, 12), 2, 3)
    p, _, _ = arguments(step, rng)
    h = np.zeros((1, 1, 12, 12))
    h[..., 4:8, 4:8] = rng.standard_normal((4, 4))  # far enough from every edge
    out, _ = step(p, h)
    moved, _ = step(p, np.roll(h, (down, right), axis=(-2, -1)))
    np.testing.assert_allclose(
        moved, np.roll(out, (down, right), axis=(-2, -1)), rtol=1e-13, atol=1e-15
    )
    assert np.ptp(out) > 0.01


def test_known_answers_by_hand():
    h = np.arange(16.0).reshape(1, 1, 4, 4)
    edge = {"W": np.array([[[[-1.0, 1.0], [-1.0, 1.0]]]]), "b": np.array([0.5])}
    out, _ = Conv2D((1, 4, 4), 1, 2, phi="identity")(edge, h)
    assert (out == 2.5).all()  # the slope to the right is one per pixel, in two rows
    pooled = {kind: Pool2D((1, 4, 4), 2, kind)({}, h) for kind in ("max", "average", "sum")}
    assert pooled["max"][0].tolist() == [[[[5, 7], [13, 15]]]]
    assert pooled["average"][0].tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    assert pooled["sum"][0].tolist() == [[[[10, 18], [42, 50]]]]
    g = pooled["max"][1](np.ones((1, 1, 2, 2))).h
    assert np.flatnonzero(g).tolist() == [5, 7, 13, 15]
    assert g.sum() == 4
    assert Flatten((1, 4, 4))({}, h)[0].tolist() == [list(range(16))]


def test_the_tracer_walks_through_a_small_network_with_a_sweep():
    rng = np.random.default_rng(0)
    conv = Conv2D((1, 8, 8), 4, 3)
    pool = Pool2D(conv.returns, 2)
    steps = [conv, pool, Flatten(pool.returns), Dense(36, 3)]
    params = [
        arguments(step, rng, np.array([0.5, 1.0]) if step is conv else 1.0)[0] for step in steps
    ]
    h, vjps = forward(deep(steps, params), rng.standard_normal((5, 1, 8, 8)))
    shapes = [state.shape for state in h[1:]]
    assert shapes == [(2, 5, 4, 6, 6), (2, 5, 4, 3, 3), (2, 5, 36), (2, 5, 3)]
    run = trace(vjps, np.ones((2, 5, 3)))
    assert run.log_h.shape == (5, 2)
    assert np.isfinite(run.log_h).all()
    # max pooling hands every entry back once
    np.testing.assert_allclose(run.log_h[1], run.log_h[2], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_images(scale):
    h = scale * np.random.default_rng(0).standard_normal((2, 1, 4, 4))
    for kind in ("max", "average", "sum"):
        assert np.isfinite(Pool2D((1, 4, 4), 2, kind)({}, h)[0]).all()
    out, vjp = Conv2D((1, 4, 4), 1, 2)({"W": np.ones((1, 1, 2, 2)), "b": np.zeros(1)}, h)
    assert np.isfinite(vjp(np.ones_like(out)).h).all()
    assert np.abs(out).max() <= 1


P = {name: np.ones(shape) for name, shape in SMALL.shapes().items()}
CASES = {
    "size of two axes": (lambda: Conv2D((5, 4), 3, 3), ValueError, "size: expected 3 sizes, got 2"),
    "size with a zero": (
        lambda: Conv2D((1, 0, 4), 3, 3),
        ValueError,
        r"size\[1\]: expected at least 1, got 0",
    ),
    "kernel too large": (
        lambda: Conv2D((1, 4, 3), 1, 4),
        ValueError,
        "kernel: expected at most 3, .* got 4",
    ),
    "image transposed": (
        lambda: SMALL(P, np.ones((1, 2, 4, 5))),
        ValueError,
        r"h of Conv2D.*: expected last axes \(…, 2, 5, 4\)",
    ),
    "image without a batch": (
        lambda: SMALL(P, np.ones((2, 5, 4))),
        ValueError,
        "h of Conv2D.*: expected last axes",
    ),
    "weights of wrong kernel": (
        lambda: SMALL({**P, "W": np.ones((3, 2, 3, 2))}, np.ones((1, 2, 5, 4))),
        ValueError,
        r"p\['W'\] of Conv2D.*: expected last axes \(3, 2, 3, 3\)",
    ),
    "window too large": (
        lambda: Pool2D((1, 4, 3), 4),
        ValueError,
        "size: expected at most 3, .* got 4",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()


def test_a_step_that_changes_the_number_of_axes_is_checked_too():
    step = Seq(Conv2D((1, 5, 5), 2, 3), Flatten((2, 3, 3)), Dense(18, 4))
    check_finite_differences(step, "2 x 3 gains")
    check_finite_differences(Flatten((2, 3, 3)))
