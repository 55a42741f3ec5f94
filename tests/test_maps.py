"""Iterated maps against what is known of them.

The gradients over a map of starts are held to the tracer.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import RNN, forward, trace, unroll
from gradtrace.theory.dynamics import basins, iterate, tanh_rnn
from gradtrace.theory.maps import bifurcation, logistic, logistic_exponent, mandelbrot, period
from gradtrace.theory.surfaces import cliff

CYCLE = [0.3828, 0.5009, 0.8269, 0.8750]


def grid(n=60, reach=1.5):
    x = np.linspace(-reach, reach, n)
    return np.stack(np.meshgrid(x, x), -1)


def test_at_three_and_a_half_the_logistic_map_has_period_four():
    x = logistic(3.5, np.array([0.1, 0.3, 0.77]), 2000)
    np.testing.assert_allclose(
        np.sort(x[-4:], axis=0), np.array(CYCLE)[:, None] * np.ones(3), atol=5e-5
    )
    assert (period(x) == 4).all()
    assert (np.abs(np.diff(x[-4:], axis=0)) > 0.1).all()
    np.testing.assert_allclose(np.sort(bifurcation(3.5, keep=4)), CYCLE, atol=5e-5)


def test_at_four_the_logistic_map_is_the_doubling_of_an_angle():
    angle = np.array([0.1, 0.7, 1.3])
    t = np.arange(20)[:, None]
    np.testing.assert_allclose(
        logistic(4.0, np.sin(angle) ** 2, 19), np.sin(2.0**t * angle) ** 2, atol=1e-9
    )
    np.testing.assert_allclose(
        logistic_exponent(4.0, np.array([0.1, 0.3, 0.77])), np.log(2), atol=1e-3
    )


def test_exponents_in_closed_form():
    """At a fixed point 1 - 1/r the slope is 2 - r.

    At r = 2 it is 0; at r = 0.5 the fixed point is 0, with slope r.
    """
    r = np.array([0.5, 1.5, 2.5, 2.9])
    np.testing.assert_allclose(
        logistic_exponent(r), np.log(np.abs([0.5, 0.5, 0.5, 0.9])), atol=1e-10
    )
    assert logistic_exponent(2.0, 0.5) == -np.inf
    slopes = 3.5 * (1 - 2 * logistic(3.5, 0.3, 2000)[-4:])
    np.testing.assert_allclose(logistic_exponent(3.5), np.log(np.abs(slopes)).mean(), rtol=1e-9)


def test_periods_double_on_the_way_to_chaos():
    r = np.array([2.8, 3.2, 3.5, 3.55, 3.566, 3.83, 4.0])
    assert period(logistic(r, 0.3, 20_000)).tolist() == [1, 2, 4, 8, 16, 3, 0]
    assert period(np.array([0.0, 1, 2, 3, 4, 5, 6, 7]), longest=4) == 0
    assert period(np.array([9.0, 2, 3, 1, 2, 3, 1, 2, 3]), longest=4) == 3
    assert period(np.array([9.0, 9, 1, 2, 3, 1, 2, 3]), longest=4) == 0  # not yet settled
    assert period(np.array([0.0, 1, 2, 3, 4, 5, 6, 6]), longest=4) == 0  # one pair is no period
    assert period(logistic(3.5, 0.3, 2000), longest=3) == 0


def test_bifurcation_is_the_tail_of_the_orbit():
    r = np.linspace(2.5, 4, 7)
    np.testing.assert_array_equal(bifurcation(r, skip=50, keep=9), logistic(r, 0.3, 58)[-9:])


def test_who_belongs_to_the_mandelbrot_set():
    known = mandelbrot(np.array([0, -1, 0.25, -2, 1j, 0.26, 1, -2.01, 3]), 5000)
    assert (known.step[:5] == -1).all()
    assert (known.step[5:] > 0).all()
    assert known.step[-1] == 1
    assert mandelbrot(1.0, 10).step == 3


def test_the_escape_step_is_that_of_a_plain_loop_and_the_slope_that_of_finite_differences():
    c = np.array([0.3 + 0.5j, 0.26, -0.7 + 0.4j, 1 + 1j, -0.5 + 0.6j])
    found = mandelbrot(c, 40)
    for ci, step, log_slope in zip(c, *found, strict=True):
        z, n = ci, 1
        while abs(z) <= 2 and n < 40:
            z, n = z * z + ci, n + 1
        assert step == (n if abs(z) > 2 else -1)

        def end(z1, n=n, ci=ci):
            for _ in range(n - 1):
                z1 = z1 * z1 + ci
            return z1

        numeric = (end(ci + 1e-7) - end(ci - 1e-7)) / 2e-7
        np.testing.assert_allclose(log_slope, np.log(abs(numeric)), rtol=1e-5, atol=1e-5)


def test_the_area_of_the_mandelbrot_set():
    """The area 1.5066 is known.

    500 steps on a grid of 320 000 points in the upper half-plane give it to 1 %.
    """
    x, y = (np.arange(800) + 0.5) / 800 * 2.5 - 2, (np.arange(400) + 0.5) / 400 * 1.2
    area = 2 * (mandelbrot(x + 1j * y[:, None], 500).step < 0).mean() * 2.5 * 1.2
    assert abs(area - 1.5066) < 0.015


def test_inside_the_set_the_gradient_vanishes_and_outside_it_explodes():
    found = mandelbrot(np.array([-0.1 + 0.1j, -1.1, 0.2501, 0.4]), 3000)
    assert (found.log_slope[:2] < -100).all()
    assert (found.log_slope[2:] > 0).all()
    assert mandelbrot(0.0, 5).log_slope == -np.inf


W, B = np.array([[1.6, 0.3], [-0.2, 1.5]]), np.array([0.02, -0.03])


def test_the_jacobian_of_the_step_is_that_of_finite_differences():
    step = tanh_rnn(W, B)
    h = np.array([0.3, -0.4])
    numeric = [(step(h + e)[0] - step(h - e)[0]) / 2e-6 for e in 1e-6 * np.eye(2)]
    np.testing.assert_allclose(step(h)[1], numeric, rtol=1e-8)


@pytest.mark.parametrize("scale", [0.05, 1.0, 8.0])
def test_log_norms_are_the_tracers(scale):
    """The tracer, fed the rows of the identity one by one, finds the same Jacobian."""
    starts, steps = grid(4), 300
    orbits = iterate(tanh_rnn(scale * W, B), starts, steps)
    cell = RNN(1, 2)
    p = {"W": scale * W, "U": np.zeros((1, 2)), "b": B}
    for i in range(4):
        h, vjps = forward(unroll(cell, p, np.zeros((steps, 1, 1))), starts[i, i][None])
        np.testing.assert_allclose(
            orbits.h[:, i, i], np.array([s[0] for s in h]), rtol=1e-9, atol=1e-300
        )
        logs = [trace(vjps, row[None]).log_h[0] for row in np.eye(2)]
        np.testing.assert_allclose(
            orbits.log_norm[-1, i, i], np.logaddexp(2 * logs[0], 2 * logs[1]) / 2, rtol=1e-9
        )
    if scale != 1.0:
        assert orbits.log_norm[-1].min() < -750  # e^-750 is no float
    np.testing.assert_allclose(orbits.log_norm[0], np.log(2) / 2)


def test_inside_a_basin_gradients_vanish_and_on_its_boundary_they_explode():
    step = tanh_rnn(np.diag([1.5, 1.6]), np.zeros(2))
    starts = grid()
    orbits = iterate(step, starts, 150)
    found = basins(step, orbits.h)
    assert len(found.attractors) == 4
    assert (found.label >= 0).all()
    for attractor in found.attractors:
        np.testing.assert_allclose(step(attractor)[0], attractor, atol=1e-7)
    quadrant = 2 * (starts[..., 1] > 0) + (starts[..., 0] > 0)
    # each label stands for one quadrant
    assert len(set(zip(found.label.ravel(), quadrant.ravel(), strict=True))) == 4
    middle = orbits.log_norm[8]  # 29, 30: the two columns next to 0
    assert middle[10, 10] < 0 < middle[10, 30]
    assert middle[10, 30] > middle[10, 33] > middle[10, 45]
    on = iterate(step, np.array([[0.0, 1.0]]), 150)
    # the slope at h₁ = 0
    np.testing.assert_allclose(np.diff(on.log_norm[50:, 0]), np.log(1.5), rtol=1e-9)
    assert basins(step, on.h).label == [-1]


def test_cycles_are_attractors_too():
    step = tanh_rnn(np.array([[-2.0]]), np.zeros(1))
    found = basins(step, iterate(step, np.array([[-1.0], [0.3], [2.0], [0.0]]), 200).h)
    assert found.label.tolist() == [0, 0, 0, -1]  # one cycle of two, whatever the phase
    (cycle,) = found.attractors
    assert cycle.shape == (2, 1)
    np.testing.assert_allclose(cycle[0], -cycle[1], rtol=1e-9)


def test_a_rotation_ends_nowhere():
    turn = 3 * np.array([[np.cos(1), np.sin(1)], [-np.sin(1), np.cos(1)]])
    step = tanh_rnn(turn, np.zeros(2))
    found = basins(step, iterate(step, grid(5) + 0.01, 100).h)
    assert (found.label == -1).all()
    assert found.attractors == []


def test_the_function_of_its_input_that_a_net_computes_grows_steeper():
    x = np.linspace(-1, 1, 2001)[:, None]
    orbits = iterate(tanh_rnn(np.array([[2.0]]), np.zeros(1)), x, 12)
    slope = np.gradient(orbits.h[..., 0], x[:, 0], axis=1)
    for t in (1, 3):
        np.testing.assert_allclose(
            np.exp(orbits.log_norm[t, 500:1501]), slope[t, 500:1501], rtol=1e-3
        )
    # 2^t at x = 0
    np.testing.assert_allclose(orbits.log_norm[:, 1000], np.arange(13) * np.log(2), atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(w=st.floats(-6, 6), b=st.floats(-4, 4), x0=st.floats(-2, 2), steps=st.integers(1, 8))
def test_the_gradient_of_the_cliff_is_that_of_finite_differences(w, b, x0, steps):
    def loss(w, b):
        return cliff(w, b, x0, 0.7, steps).loss

    found = cliff(w, b, x0, 0.7, steps)
    e = 1e-6
    np.testing.assert_allclose(
        found.dw, (loss(w + e, b) - loss(w - e, b)) / (2 * e), rtol=1e-4, atol=1e-8
    )
    np.testing.assert_allclose(
        found.db, (loss(w, b + e) - loss(w, b - e)) / (2 * e), rtol=1e-4, atol=1e-8
    )


def test_the_cliff_agrees_with_torch_over_fifty_steps(oracle):
    torch = oracle("torch")
    w, b = np.meshgrid(np.linspace(2, 8, 30), np.linspace(-4, 0, 30))
    wt, bt = (torch.tensor(v, requires_grad=True) for v in (w, b))
    x = torch.full((30, 30), 0.5, dtype=torch.float64)
    for _ in range(50):
        x = wt * torch.sigmoid(x) + bt
    loss = (torch.sigmoid(x) - 0.7) ** 2
    loss.sum().backward()
    found = cliff(w, b)
    np.testing.assert_allclose(found.loss, loss.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(found.dw, wt.grad.numpy(), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.db, bt.grad.numpy(), rtol=1e-8, atol=1e-12)


def test_on_the_cliff_the_gradient_is_a_thousand_times_the_usual_one():
    found = cliff(np.linspace(2, 8, 200), np.linspace(-4, 0, 200)[:, None])
    size = np.hypot(found.dw, found.db)
    assert size.max() > 1000 * np.median(size)


def test_the_mean_over_examples_is_smoother_than_each_of_them():
    """Each example has its wall at another bias, so that the mean has many low ones."""
    bias = np.linspace(-3.2, -1.5, 400)
    examples = np.linspace(-2, 2, 50)[:, None]
    found = cliff(5.0, bias, x0=examples)
    assert found.loss.shape == (50, 400)
    rise = np.abs(np.diff(found.loss, axis=1)).max(axis=1)
    assert np.abs(np.diff(found.loss.mean(0))).max() < 0.5 * rise.max()


def test_extremes():
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        assert mandelbrot(np.array([1e300, -1e300 + 1e300j, 5e-324]), 50).step.tolist() == [
            1,
            1,
            -1,
        ]
        assert mandelbrot(np.zeros((0, 3)), 5).step.shape == (0, 3)
        assert logistic(np.zeros((0,)), 0.5, 3).shape == (4, 0)
        assert logistic(4.0, 0.5, 0).shape == (1,)
        assert logistic(4.0, 5e-324, 1)[1] == 2e-323
        assert logistic(4.0, 1.0, 5)[-1] == 0
        step = tanh_rnn(1e300 * np.eye(2), np.zeros(2))
        far = iterate(step, np.array([[1e-300, 0.0], [1e5, 1.0]]), 3)
        assert far.log_norm[-1, 1] == -np.inf
        assert np.isfinite(far.h).all()
        assert iterate(step, np.zeros((0, 2)), 3).log_norm.shape == (4, 0)
        assert basins(step, np.zeros((9, 0, 2))).label.shape == (0,)
        assert cliff(np.zeros((0,)), 0.0).db.shape == (0,)
        flat = cliff(1e300, np.array([-1e300, 1e300, 0.0]), steps=1)
        assert (flat.dw == 0).all()
        assert np.isfinite(flat.loss).all()
    steep = iterate(tanh_rnn(np.array([[1e200]]), np.zeros(1)), np.zeros((1, 1)), 100).log_norm[
        -1, 0
    ]
    np.testing.assert_allclose(steep, 100 * 200 * np.log(10), rtol=1e-12)
    with pytest.raises(
        FloatingPointError, match="w, b, target: expected a loss and a gradient within float32"
    ):
        cliff(np.float32(1e3), np.float32(-5e2), np.float32(0), 0.7, 20)
    with pytest.raises(FloatingPointError, match="within float64, got an overflow at step 1"):
        iterate(lambda h: (h * 1e200, np.eye(1)), np.full((1, 1), 1e200), 2)


def test_float32_stays_float32():
    r = np.array([3.5], np.float32)
    assert (
        logistic(r, 0.3, 5).dtype
        == bifurcation(r).dtype
        == logistic_exponent(r, steps=5).dtype
        == np.float32
    )
    assert mandelbrot(np.array([0.3 + 0.5j], np.complex64), 5).log_slope.dtype == np.float32
    orbits = iterate(
        tanh_rnn(W.astype(np.float32), B.astype(np.float32)), grid(3).astype(np.float32), 5
    )
    assert orbits.h.dtype == orbits.log_norm.dtype == np.float32
    assert all(v.dtype == np.float32 for v in cliff(r, 0.5))


def test_arguments_stay_as_they_were():
    starts = grid(3)
    c = np.array([0.3, 0.1j])
    before = starts.copy(), c.copy()
    step = tanh_rnn(W, B)
    basins(step, iterate(step, starts, 20).h)
    mandelbrot(c, 10)
    assert (starts == before[0]).all()
    assert (c == before[1]).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: logistic(4.5, 0.3, 5), ValueError, "r: expected numbers from 0 to 4, got 4.5"),
        (
            lambda: logistic(3.5, np.array([0.3, -0.1]), 5),
            ValueError,
            "x0: expected numbers from 0 to 1, got -0.1",
        ),
        (
            lambda: logistic_exponent(np.ones(2), np.ones(3) / 2),
            ValueError,
            r"r, x0: expected shapes that broadcast",
        ),
        (
            lambda: period(np.zeros(9), longest=5),
            ValueError,
            r"x: expected at least 10 states, .* got shape \(9,\)",
        ),
        (
            lambda: mandelbrot(complex(0, np.nan), 5),
            ValueError,
            "c: expected a finite number, got nan",
        ),
        (
            lambda: tanh_rnn(np.eye(2), np.zeros(3)),
            ValueError,
            r"W, b: expected shapes .*, got \(2, 2\) and \(3,\)",
        ),
        (
            lambda: iterate(tanh_rnn(W, B), 1.0, 5),
            ValueError,
            r"h: expected shape \(\*grid, n\), got a single number",
        ),
        (
            lambda: basins(tanh_rnn(W, B), np.zeros((5, 2))),
            ValueError,
            r"h: expected .* at least 8, got \(5, 2\)",
        ),
        (
            lambda: cliff(1.0, np.zeros(2), np.zeros(3)),
            ValueError,
            "w, b, x0, target: expected shapes that broadcast",
        ),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_an_exponent_is_the_mean_over_the_states_before_each_step():
    r = np.array([2.5, 3.7, 4.0])
    x0 = 0.2
    slopes = np.log(np.abs(r * (1 - 2 * logistic(r, x0, 9))))
    for steps in (1, 2, 7):
        np.testing.assert_allclose(
            logistic_exponent(r, x0, skip=0, steps=steps), slopes[:steps].mean(0), rtol=1e-13
        )
        np.testing.assert_allclose(
            logistic_exponent(r, x0, 3, steps), slopes[3 : 3 + steps].mean(0), rtol=1e-13
        )


def test_a_cycle_that_does_not_attract_has_no_basin():
    """A quarter turn comes back to where it was after four steps, and no neighbour comes nearer."""
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    for shrink, count in ((1.0, 0), (0.5, 1)):

        def step(h, shrink=shrink):
            return h @ (shrink * turn), np.broadcast_to(shrink * turn, (*h.shape, 2))

        found = basins(step, iterate(step, grid(4), 80).h)
        assert len(found.attractors) == count
        assert (found.label == count - 1).all()


def test_the_ends_of_the_ranges_are_in_them():
    np.testing.assert_array_equal(
        logistic(np.array([0.0, 4.0]), 0.5, 2), [[0.5, 0.5], [0.0, 1.0], [0.0, 0.0]]
    )
    np.testing.assert_array_equal(logistic(3.0, np.array([0.0, 1.0]), 1), [[0.0, 1.0], [0.0, 0.0]])


def test_unless_asked_a_thousand_steps_are_forgotten():
    r = np.array([3.5, 3.8])
    np.testing.assert_array_equal(bifurcation(r), logistic(r, 0.3, 1099)[1000:])
    np.testing.assert_array_equal(logistic_exponent(r), logistic_exponent(r, 0.3, 1000, 10_000))


def test_a_gradient_that_overflows_on_both_sides_is_named():
    with pytest.raises(
        FloatingPointError, match="w, b, target: expected a loss and a gradient within float32"
    ):
        # x stays 0, and g grows to ±inf in turn
        cliff(np.float32(-1e3), np.float32(5e2), np.float32(0))
