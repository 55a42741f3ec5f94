"""Every step at the edges: any shape and sweep, nobody in the batch, one unit.

Numbers near the ends of the floats are among them.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import (
    GRU,
    LSTM,
    NARX,
    RNN,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Highway,
    LayerNorm,
    Masked,
    Maxout,
    OneGate,
    OnInput,
    Pool2D,
    Residual,
    Seq,
    Softmax,
    StochasticDepth,
    WeightNorm,
    forward,
    gradient_errors,
    init,
    init_params,
    trace,
    unroll,
)

STEPS = {  # a step of every kind, of any width
    "dense": lambda n: Dense(n, n + 1),
    "sigmoid": lambda n: Dense(n, n, "sigmoid"),
    "softplus": lambda n: Dense(n, 2, "softplus"),
    "softmax": Softmax,
    "residual": lambda n: Residual(Dense(n, n)),
    "highway": Highway,
    "matrix on the input": lambda n: OnInput(Dense(3, 2, "sigmoid"), RNN(2, n)),
    "stochastic depth": lambda n: StochasticDepth(Dense(n, n), 0.3),
    "dropout": lambda n: Dropout(n, 0.5),
    "sequence": lambda n: Seq(Dense(n, 3), Dense(3, n)),
    "layer norm": lambda n: LayerNorm(n + 1, eps=0.1),
    "weight norm": lambda n: WeightNorm(n, n),
    "convolution": lambda n: Conv2D((n, 3, 4), 2, 2),
    "average pool": lambda n: Pool2D((n, 3, 4), 2, "average"),
    "flatten": lambda n: Flatten((n, 2)),
    "RNN": lambda n: RNN(2, n),
    "LSTM": lambda n: LSTM(2, n),
    "GRU": lambda n: GRU(2, n),
    "GRU before": lambda n: GRU(1, n, reset="before", keep="1-z"),
    "one gate": lambda n: OneGate(n, n_in=2),
    "NARX": lambda n: NARX(1, n, (1, 3)),
    "masked": lambda n: Masked(RNN(2, n)),
}
KINKED = {
    "relu": lambda n: Dense(n, n, "relu"),
    "maxout": lambda n: Maxout(n, 2),
    "max pool": lambda n: Pool2D((n, 3, 4), 2, "max"),
}
ALL = STEPS | KINKED
every = pytest.mark.parametrize("kind", ALL)


def arguments(step, rng, batch, sweep=(), scale=1.0):
    gain = scale * (0.5 + rng.random(sweep)) if sweep else scale
    p = init_params(step, rng, init.lecun, gain=gain)
    p = {k: v + 0.1 * scale * rng.standard_normal(v.shape) for k, v in p.items()}
    x = None if step.inputs is None else rng.standard_normal((batch, *step.inputs))
    return p, rng.standard_normal((batch, *step.features)), x


@pytest.mark.parametrize("kind", STEPS)
@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(1, 5),
    batch=st.integers(1, 5),
    sweep=st.sampled_from([(), (3,), (2, 1), (2, 3)]),
    scale=st.sampled_from([1e-3, 0.3, 1.0, 2.0]),
    seed=st.integers(0, 99),
)
def test_gradients_of_any_shape_sweep_and_scale(kind, n, batch, sweep, scale, seed):
    rng = np.random.default_rng(seed)
    step = STEPS[kind](n)
    errors = gradient_errors(step, *arguments(step, rng, batch, sweep, scale), rng=rng, width=3e-4)
    assert max(errors.values()) < 1e-6, errors


def test_statistics_of_a_batch_need_two_samples():
    for batch in (0, 1):
        with pytest.raises(
            ValueError, match=f"h of BatchNorm.*: expected a batch of at least 2, got {batch}"
        ):
            BatchNorm(2)({"gamma": np.ones(2), "beta": np.zeros(2)}, np.zeros((batch, 2)))


@every
@pytest.mark.parametrize("size", [5e-324, 1e-308, 1e300, -1e300, 1.7e308])
def test_states_near_the_ends_of_the_floats_give_finite_numbers_or_an_error_that_names_the_step(
    kind, size
):
    rng = np.random.default_rng(1)
    step = ALL[kind](2)
    p, h, x = arguments(step, rng, 2)
    try:
        out, vjp = step(p, np.full_like(h, size), x)
    except FloatingPointError as error:
        assert abs(size) > 1
        assert str(step)[:8] in str(error)
        assert "overflow" in str(error)
        return
    grads = vjp(np.full(out.shape, 1e-3))
    assert np.isfinite(out).all()
    assert np.isfinite(grads.h).all()
    if abs(size) < 1:  # nothing is lost where all is nearly linear
        calm, vjp_0 = step(p, np.zeros_like(h), x)
        np.testing.assert_allclose(out, calm, atol=1e-12)
        if kind not in KINKED:
            np.testing.assert_allclose(grads.h, vjp_0(np.full(out.shape, 1e-3)).h, atol=1e-12)


@pytest.mark.parametrize("g", [5e-324, 1e300])
@every
def test_gradients_near_the_ends_of_the_floats_stay_linear(kind, g):
    rng = np.random.default_rng(2)
    step = ALL[kind](2)
    out, vjp = step(*arguments(step, rng, 2))
    with np.errstate(all="ignore"):
        tiny, one = vjp(np.full(out.shape, g)).h, vjp(np.ones(out.shape)).h
        np.testing.assert_allclose(tiny, one * g, rtol=1e-9, atol=1e-322)


def test_a_chain_of_a_hundred_thousand_steps():
    cell = RNN(1, 1, "identity")
    p = {"W": np.array([[0.5]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    h, vjps = forward(unroll(cell, p, np.zeros((10**5, 1, 1))), np.ones((1, 1)))
    log = trace(vjps, np.ones((1, 1))).log_h
    assert h[-1] == 0
    assert log[0] == pytest.approx(-1e5 * np.log(2), rel=1e-14)
    assert np.isfinite(log).all()


# whose hypot is of real numbers
@pytest.mark.parametrize("kind", [kind for kind in ALL if kind != "layer norm"])
def test_a_complex_step_through_a_step_is_its_pullback(kind):
    """``Im F(h + iεu, p + iεv) / ε`` is the slope along ``(u, v)``, to the last digit."""
    rng = np.random.default_rng(0)
    step = ALL[kind](2)
    p, h, x = arguments(step, rng, 3)
    out, vjp = step(p, h, x)
    g = rng.standard_normal(out.shape)
    grads = vjp(g)
    inputs = {"h": (h, grads.h), "x": (x, grads.x)} | {name: (p[name], grads.p[name]) for name in p}
    moves = {name: rng.standard_normal(a.shape) for name, (a, _) in inputs.items() if a is not None}
    moved = {name: inputs[name][0] + 1e-30j * move for name, move in moves.items()}
    there, _ = step({name: moved[name] for name in p}, moved["h"], moved.get("x"))
    assert there.dtype == np.complex128
    slope = sum((inputs[name][1] * move).sum() for name, move in moves.items())
    np.testing.assert_allclose((g * there.imag / 1e-30).sum(), slope, rtol=1e-12, atol=1e-13)
