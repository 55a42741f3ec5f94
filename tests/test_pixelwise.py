"""The same step at every pixel: against finite differences, PyTorch's BatchNorm2d and a 1 × 1 convolution."""

import numpy as np
import pytest
from step_checks import SWEEPS, arguments, check_finite_differences, check_purity_and_dtype, check_sweep_equals_loop

from gradtrace import RNN, BatchNorm, Conv2D, Dense, Pixelwise, Seq, Softmax

STEPS = [Pixelwise(BatchNorm(3), 2, 4), Pixelwise(Dense(3, 2), 2, 3), Pixelwise(Softmax(4), 3, 2),
         Pixelwise(Dense(1, 1, "sigmoid"), 1, 1)]


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_pullback_agrees_with_finite_differences(step, sweep):
    check_finite_differences(step, sweep)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_arguments_are_not_changed_and_float32_stays_float32(step):
    check_purity_and_dtype(step)


@pytest.mark.parametrize("step", [STEPS[1], Pixelwise(Seq(Dense(3, 2), BatchNorm(2)), 2, 3)], ids=str)
def test_sweep_equals_loop(step):
    check_sweep_equals_loop(step)


def test_batch_norm_of_channels_is_that_of_torch(oracle):
    torch = oracle("torch")
    rng = np.random.default_rng(0)
    step = Pixelwise(BatchNorm(3), 4, 5)
    p, h, _ = arguments(step, rng)
    out, vjp = step(p, h)
    g = rng.standard_normal(out.shape)
    ht, gamma, beta = (torch.tensor(a, requires_grad=True) for a in (h, p["gamma"], p["beta"]))
    theirs = torch.nn.functional.batch_norm(ht, None, None, gamma, beta, training=True, eps=step.inner.eps)
    theirs.backward(torch.tensor(g))
    grads = vjp(g)
    ours = (out, grads.h, grads.p["gamma"], grads.p["beta"])
    for a, b in zip(ours, (theirs.detach(), ht.grad, gamma.grad, beta.grad), strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-10, atol=1e-13)


def test_a_dense_layer_at_every_pixel_is_a_convolution_of_one_pixel():
    rng = np.random.default_rng(1)
    step, conv = Pixelwise(Dense(3, 2), 4, 5), Conv2D((3, 4, 5), 2, 1, phi="tanh")
    p, h, _ = arguments(step, rng)
    q = {"W": p["W"].T[:, :, None, None].copy(), "b": p["b"]}
    (out, vjp), (same, vjp_conv) = step(p, h), conv(q, h)
    np.testing.assert_allclose(out, same, rtol=1e-13)
    g = rng.standard_normal(out.shape)
    np.testing.assert_allclose(vjp(g).p["W"], vjp_conv(g).p["W"][:, :, 0, 0].T, rtol=1e-12)


BAD = {"a number": (lambda: Pixelwise(3, 2, 2), TypeError, "inner: expected a step"),
       "a cell": (lambda: Pixelwise(RNN(1, 2), 2, 2), TypeError, "inner: expected a step from vector to vector"),
       "a step of images": (lambda: Pixelwise(STEPS[0], 2, 2), TypeError, "inner: expected a step from vector"),
       "no height": (lambda: Pixelwise(Dense(1, 1), 0, 2), ValueError, "height: expected at least 1, came 0"),
       "another width": (lambda: STEPS[3]({"W": np.ones((1, 1)), "b": np.ones(1)}, np.ones((1, 1, 1, 2))), ValueError,
                         r"h of .* expected last axes \(…, 1, 1, 1\), came shape \(1, 1, 1, 2\)")}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call()
