"""Every step, by every way through a chain, in odd shapes and layouts, against complex steps.

The slope of an analytic function, ``Im f(a + i s) / s``, has no rounding error at ``s = 1e-30`` and
knows no pullback.
"""

from functools import partial

import numpy as np
import pytest
from step_checks import all_steps

from gradtrace import (
    GRU,
    LSTM,
    NARX,
    RNN,
    BatchNorm,
    Binomial,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Full,
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
    SqrtT,
    StochasticDepth,
    Truncated,
    WeightNorm,
    backward,
    bptt,
    deep,
    forward,
    jacobians,
    trace,
    unroll,
)
from gradtrace.steps.activations import NAMED
from gradtrace.steps.norms import BatchNormInference


def predicting(n):
    return BatchNormInference(np.linspace(-1, 1, n), np.linspace(0.5, 2, n))


def with_strides(n):
    return Conv2D((n, 4, 3), 2, 2, stride=2, padding=1, phi="softplus")


STEPS = {  # a name, and the step for so many inputs m, units n and samples B
    **{phi: lambda m, n, B, phi=phi: Dense(n, n, phi) for phi in NAMED},
    "maxout": lambda m, n, B: Maxout(n, n),
    "softmax": lambda m, n, B: Softmax(n),
    "seq": lambda m, n, B: Seq(Dense(n, n + 1), Dense(n + 1, n)),
    "residual": lambda m, n, B: Residual(RNN(m, n)),
    "highway": lambda m, n, B: Highway(n),
    "matrix on the input": lambda m, n, B: OnInput(Dense(m, m, "sigmoid"), RNN(m, n)),
    "branch with a chance": lambda m, n, B: StochasticDepth(Dense(n, n), 0.3),
    "branch kept": lambda m, n, B: StochasticDepth(Dense(n, n), 0.3, keep=True),
    "branch dropped": lambda m, n, B: StochasticDepth(Dense(n, n), 0.3, keep=False),
    "dropout": lambda m, n, B: Dropout(n, 0.4, inverted=False),
    "dropout drawn": lambda m, n, B: Dropout(n, 0.4).draw(np.random.default_rng(0), max(B, 1)),
    "batch norm": lambda m, n, B: BatchNorm(n, eps=0.1),
    "batch norm, predicting": lambda m, n, B: predicting(n),
    "layer norm": lambda m, n, B: LayerNorm(n, eps=0.1),
    "weight norm": lambda m, n, B: WeightNorm(n, n),
    "convolution": lambda m, n, B: Conv2D((n, 3, 2), n, 3, padding=1),
    "convolution, strides": lambda m, n, B: with_strides(n),
    "largest of a window": lambda m, n, B: Pool2D((n, 4, 3), 2, "max", stride=1),
    "average of a window": lambda m, n, B: Pool2D((n, 4, 3), 2, "average"),
    "flatten": lambda m, n, B: Flatten((n, 2, 2)),
    "RNN": lambda m, n, B: RNN(m, n),
    "LSTM": lambda m, n, B: LSTM(m, n),
    "GRU": lambda m, n, B: GRU(m, n),
    "GRU, reset before": lambda m, n, B: GRU(m, n, "before", "1-z"),
    "one gate": lambda m, n, B: OneGate(n, n_in=m),
    "one gate, no input": lambda m, n, B: OneGate(n),
    "NARX": lambda m, n, B: NARX(m, n, (1, 3)),
    "masked": lambda m, n, B: Masked(LSTM(m, n)),
    "masked, no input": lambda m, n, B: Masked(OneGate(n)),
}
CHANGE_SHAPE = ("convolution, strides", "largest of a window", "average of a window", "flatten")
SHAPES = {  # T, n_in, n, batch, sweep
    "usual": (4, 2, 3, 5, ()),
    "one step": (1, 2, 3, 5, ()),
    "one input": (4, 1, 3, 5, ()),
    "one unit": (4, 2, 1, 5, ()),
    "one sample": (4, 2, 3, 1, ()),
    "one of all": (1, 1, 1, 1, ()),
    "nobody": (4, 2, 3, 0, ()),
    "nobody in a sweep": (4, 2, 3, 0, (4,)),
    "a sweep": (4, 2, 3, 2, (4,)),
    "two sweeps": (3, 2, 2, 2, (3, 2)),
    "a sweep of one": (4, 2, 3, 2, (1,)),
    "a sweep of one of all": (1, 1, 1, 1, (1, 1)),
    "a sweep of none": (3, 2, 3, 2, (0,)),
}
PLANS = [Full(), SqrtT(), Binomial(slots=1), Binomial(slots=2, block=2), Truncated(999, 999)]


def flat(a, kept):
    """All but the first ``kept`` axes in one."""
    return a.reshape(*a.shape[:kept], int(np.prod(a.shape[kept:])))


def setting(kind, shape, dtype=float):
    """A step, parameters, inputs (or None), a first state, and what the loss puts on each state."""
    T, n_in, n, batch, sweep = SHAPES[shape]
    T = 1 if kind in CHANGE_SHAPE else T
    step = STEPS[kind](n_in, n, batch)
    rng = np.random.default_rng(7)

    def random(*shape):
        return rng.standard_normal(shape).astype(dtype)

    p = {name: random(*sweep, *own) for name, own in step.shapes().items()}
    # something has to sweep: without parameters it is the first state
    h0 = random(batch, *step.features) if p else random(*sweep, batch, *step.features)
    x = None if step.inputs is None else random(T, batch, *step.inputs)
    last = step.features
    if kind in CHANGE_SHAPE:
        out, _ = step.step(p, h0)
        last = out.shape[len(sweep) + 1 :]
    v = [random(*sweep, batch, *step.features) for _ in range(T)]
    v.append(random(*sweep, batch, *last))
    return step, p, x, h0, v


def skipped(kind, shape):
    """Statistics of a batch need two samples, as test_norms says."""
    return kind == "batch norm" and SHAPES[shape][3] < 2


CASES = [(kind, shape) for kind in STEPS for shape in SHAPES if not skipped(kind, shape)]


# The oracle
# ----------


def standardised(step, p, h, axis):
    c = h - h.mean(axis, keepdims=True)
    z = c / np.sqrt((c * c).mean(axis, keepdims=True) + step.eps)
    return z * p["gamma"][..., None, :] + p["beta"][..., None, :]


def weight_normed(step, p, h):
    W = p["v"] * p["length"][..., None, :] / np.sqrt((p["v"] * p["v"]).sum(-2, keepdims=True))
    return np.tanh(h @ W + p["b"][..., None, :])


ANALYTIC = {  # in place of formulas that guard against overflow by |·|
    LayerNorm: lambda step, p, h: standardised(step, p, h, -1),
    BatchNorm: lambda step, p, h: standardised(step, p, h, -2),
    WeightNorm: weight_normed,
}


def losses(step, p, x, h0, v):
    """``Σ_t v_t · h_t`` of every sweep member, by formulas alone."""
    formula = ANALYTIC.get(type(step))
    sweep = v[0].ndim - 1 - len(step.features)
    h = h0
    loss = flat(v[0] * h, sweep).sum(-1)
    for t, g in enumerate(v[1:]):
        if formula:
            h = formula(step, p, h)
        else:
            h, _ = step.step(p, h, None if x is None else x[t])
        loss = loss + flat(g * h, sweep).sum(-1)
    return loss


def slopes(f, at, rng):
    """A random direction, and the slope of ``f`` along it: a complex step."""
    direction = rng.standard_normal(at.shape)
    return direction, f(at + 1e-30j * direction).imag / 1e-30


def by_every_way(step, p, x, h0, v):
    """``∂L/∂h_0``, ``∂L/∂x`` and ``∂L/∂θ``, where that way has them, by name of the way."""
    path = unroll(step, p, len(v) - 1 if x is None else x)
    vjps = forward(path, h0)[1]
    log = trace(vjps, v)
    single = h0.dtype == np.float32
    found = {"step": by_hand(step, p, path, h0, v)}
    for name, grads in (("backward", backward(vjps, v)), ("trace", log.grads)):
        found[name] = grads.h[0], None if x is None else np.array(grads.x), grads.shared()
    with np.errstate(divide="ignore"):
        norms = [np.log(np.linalg.norm(flat(g, vjps.sweep), axis=-1)) for g in log.grads.h]
    np.testing.assert_allclose(log.log_h, norms, rtol=1e-5 if single else 1e-12, atol=1e-6)
    for plan in PLANS:
        run = bptt(path, h0, v, plan)
        rtol = 1e-4 if single else 1e-11
        np.testing.assert_allclose(run.log_h, log.log_h, rtol=rtol, atol=1e-6)
        found[f"bptt by {plan}"] = run.grads.h0, None, run.grads.shared()
    if v[0].shape == v[-1].shape:
        g = flat(v[-1].copy(), vjps.sweep)  # its layout is not what is asked here
        for J, direct in zip(jacobians(vjps)[::-1], v[-2::-1], strict=True):
            g = (g[..., None, :] @ J.mT)[..., 0, :] + flat(direct, vjps.sweep)
        found["jacobians"] = g.reshape(v[0].shape), None, None
    return found


def by_hand(step, p, path, h0, v):
    """The same three, by a call of the step and of its pullback for every time."""
    pullbacks, h = [], h0
    for _, _, x_t in path:
        h, vjp = step(p, h, x_t)
        pullbacks.append(vjp)
    g = v[-1]
    dxs, total = [], {name: 0 for name in p}
    for vjp, direct in zip(reversed(pullbacks), v[-2::-1], strict=True):
        dh, dx, dp = vjp(g)
        g = dh + direct
        dxs.insert(0, dx)
        total = {name: total[name] + dp[name] for name in p}
    return g, None if step.inputs is None else np.array(dxs), total


@pytest.mark.parametrize(("kind", "shape"), CASES, ids=[f"{kind}-{shape}" for kind, shape in CASES])
def test_gradients_by_every_way_are_those_of_a_complex_step(kind, shape):
    step, p, x, h0, v = setting(kind, shape)
    rng = np.random.default_rng(8)
    sweep = len(SHAPES[shape][-1])

    def with_p(name, a):
        return losses(step, p | {name: a}, x, h0, v)

    u, along_h = slopes(lambda a: losses(step, p, x, a, v), h0, rng)
    if x is not None:
        w, along_x = slopes(lambda a: losses(step, p, a, h0, v), x, rng)
    along_p = {name: slopes(partial(with_p, name), value, rng) for name, value in p.items()}

    def check(gradient, direction, slope, said):
        inner = flat(gradient * direction, sweep).sum(-1)
        np.testing.assert_allclose(inner, slope, rtol=1e-9, atol=1e-11, err_msg=said)

    for way, (dh, dx, dp) in by_every_way(step, p, x, h0, v).items():
        check(dh, u, along_h, f"h by {way}")
        if dx is not None:
            # time is in front of the sweep
            shares = [flat(d * w_t, sweep).sum(-1) for d, w_t in zip(dx, w, strict=True)]
            check(np.stack(shares, -1), 1.0, along_x, f"x by {way}")
        for name in dp or {}:
            assert dp[name].shape == p[name].shape, f"{name} by {way}"
            check(dp[name], *along_p[name], f"{name} by {way}")


def test_the_table_has_every_step():
    missing = all_steps() - {type(make(2, 3, 5)) for make in STEPS.values()}
    assert not missing, f"add to STEPS in tests/test_odd_shapes.py: {missing}"


# Memory
# ------


def every_second(a):
    wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan, a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def read_only(a):
    a = a.copy()
    a.setflags(write=False)
    return a


def unaligned(a):
    return np.frombuffer(b"." + a.tobytes(), a.dtype, offset=1).reshape(a.shape)


def on_disk(a, folder):
    number = len(list(folder.iterdir()))
    mapped = np.memmap(folder / str(number), a.dtype, "w+", shape=a.shape)
    mapped[...] = a
    return mapped


LAYOUTS = {
    "Fortran order": lambda a, _: np.asfortranarray(a),
    "last axes swapped": lambda a, _: a.mT.copy().mT if a.ndim > 1 else a,
    "backwards": lambda a, _: np.flip(np.flip(a).copy()),
    "every second": lambda a, _: every_second(a),
    "repeated by strides of zero": lambda a, _: np.broadcast_to(a[:1], a.shape),
    "read-only": lambda a, _: read_only(a),
    "unaligned": lambda a, _: unaligned(a),
    "on disk": on_disk,
}


def results(step, p, x, h0, v):
    """What chains give, which copy their arguments; what the others give, which read in place."""
    copied, in_place = [], []
    for way, (dh, dx, dp) in by_every_way(step, p, x, h0, v).items():
        given = copied if way in ("backward", "trace", "jacobians") else in_place
        given += arrays(dp or {}, dx, dh, [])
    return copied, in_place


def arrays(p, x, h, v):
    """All of these arrays in one list, without inputs that are None."""
    return [*p.values(), *([] if x is None else [x]), h, *v]


def each(change, p, x, h, v):
    """The same with a change to every array."""
    changed_p = {name: change(value) for name, value in p.items()}
    return changed_p, None if x is None else change(x), change(h), [change(a) for a in v]


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", STEPS)
def test_memory_layouts_change_nothing_and_nothing_changes_the_arguments(
    kind, layout, dtype, tmp_path
):
    step, p, x, h0, v = setting(kind, "a sweep", dtype)

    laid = each(lambda a: LAYOUTS[layout](a, tmp_path), p, x, h0, v)
    plain = each(lambda a: np.array(a, order="C"), *laid)
    copied, in_place = results(step, *laid)
    expected, expected_in_place = results(step, *plain)
    for found, right in zip(copied, expected, strict=True):
        np.testing.assert_array_equal(found, right)  # bit for bit
    near = {"rtol": 1e-11, "atol": 1e-12} if dtype is np.float64 else {"rtol": 1e-3, "atol": 1e-4}
    for found, right in zip(in_place, expected_in_place, strict=True):
        np.testing.assert_allclose(found, right, **near)  # BLAS sums other layouts in another order
    assert all(value.dtype == dtype for value in (*copied, *in_place))
    for after, before in zip(arrays(*laid), arrays(*plain), strict=True):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("kind", STEPS)
def test_float32_agrees_with_float64(kind):
    small = by_every_way(*setting(kind, "usual", np.float32))
    large = by_every_way(*setting(kind, "usual", np.float64))
    for way in small:
        dh, dx, dp = small[way]
        right_dh, right_dx, right_dp = large[way]
        found = arrays(dp or {}, dx, dh, [])
        expected = arrays(right_dp or {}, right_dx, right_dh, [])
        for value, right in zip(found, expected, strict=True):
            assert value.dtype == np.float32, way
            near = 1e-3 * np.abs(right).max()
            np.testing.assert_allclose(value, right, rtol=1e-3, atol=near, err_msg=way)


# Odd, and legal
# --------------

ONE = np.ones((1, 1))
KEEP = [kind for kind in STEPS if kind not in CHANGE_SHAPE]


def shared_by_every_way(path, h0, g):
    yield "backward", backward(forward(path, h0)[1], g).shared()
    for plan in PLANS:
        yield plan, bptt(path, h0, g, plan).grads.shared()


@pytest.mark.parametrize("where", ["nowhere", "on h_0 alone"])
@pytest.mark.parametrize("kind", KEEP)
def test_a_loss_that_no_step_sees(kind, where):
    step, p, x, h0, v = setting(kind, "usual")
    T = len(v) - 1
    path = unroll(step, p, T if x is None else x)
    g = [None if where == "nowhere" else v[0]] + [None] * T
    vjps = forward(path, h0)[1]
    log = trace(vjps, g)
    grads = backward(vjps, g)
    expected = np.zeros_like(h0) if where == "nowhere" else v[0]
    assert (grads.h[0] == expected).all()
    assert not any(a.any() for a in grads.h[1:])
    assert np.isneginf(log.log_h[1:]).all()
    assert all(np.isneginf(a).all() for a in log.log_p.values())
    for plan in PLANS:
        run = bptt(path, h0, g, plan)
        np.testing.assert_array_equal(run.log_h, log.log_h)
        assert (run.grads.h0 == expected).all()
        assert not any(a.any() for a in run.grads.shared().values())


@pytest.mark.parametrize(
    "inner", [RNN(2, 3), LSTM(2, 3), GRU(2, 3), OneGate(3), NARX(2, 3)], ids=str
)
def test_a_mask_of_zeros_passes_everything_bit_for_bit(inner):
    rng = np.random.default_rng(0)
    step = Masked(inner)
    p = {name: rng.standard_normal(shape) for name, shape in step.shapes().items()}
    h0, g = rng.standard_normal((2, 4, *step.features))
    x = rng.standard_normal((5, 4, *step.inputs))
    x[..., -1] = 0
    h, vjps = forward(unroll(step, p, x), h0)
    log = trace(vjps, g)
    assert all((state == h0).all() for state in h)
    assert all((back == g).all() for back in log.grads.h)
    assert all(np.isneginf(share).all() for share in log.log_p.values())
    assert np.ptp(log.log_h) == 0
    assert (jacobians(vjps) == np.eye(h0.size)).all()


def test_another_width_in_the_middle():
    rng = np.random.default_rng(0)
    steps = [Dense(3, 3), Dense(3, 7, "softplus"), Dense(7, 3), Highway(3)]
    params = []
    for step in steps:
        params.append({name: rng.standard_normal(shape) for name, shape in step.shapes().items()})
    h0, g = rng.standard_normal((2, 5, 3))

    def loss(params):
        h = h0
        for step, p in zip(steps, params, strict=True):
            h = step.step(p, h)[0]
        return (g * h).sum()

    def loss_with(t, name, value):
        changed = [dict(p) for p in params]
        changed[t][name] = value
        return loss(changed)

    path = deep(steps, params)
    _, vjps = forward(path, h0)
    ways = [backward(vjps, g).p]
    ways += [bptt(path, h0, g, plan).grads.p for plan in PLANS]
    for t, p in enumerate(params):
        for name, value in p.items():
            u, slope = slopes(partial(loss_with, t, name), value, rng)
            for grads in ways:
                assert (grads[t][name] * u).sum() == pytest.approx(slope, rel=1e-11, abs=0)


def test_ten_thousand_steps_against_high_precision(oracle):
    mp = oracle("mpmath").mp.clone()
    mp.dps = 40
    rng = np.random.default_rng(0)
    T = 10_000
    p = {"W": 1.3 * ONE, "U": ONE, "b": np.array([0.1])}
    x = rng.standard_normal((T, 1, 1))
    path = unroll(RNN(1, 1), p, x)
    h, vjps = forward(path, 0 * ONE)
    w, expected = mp.mpf(1.3), [mp.mpf(0)]
    for t in reversed(range(T)):
        a = w * mp.mpf(h[t].item()) + mp.mpf(x[t].item()) + mp.mpf(0.1)
        expected.append(expected[-1] + mp.log(w) - 2 * mp.log(mp.cosh(a)))
    expected = np.array(expected[::-1], float)
    assert expected[0] < -2000
    np.testing.assert_allclose(trace(vjps, ONE).log_h, expected, rtol=1e-13, atol=1e-13)
    for plan in (SqrtT(), Binomial(slots=30, block=10), Truncated(T, T)):
        log_h = bptt(path, 0 * ONE, ONE, plan).log_h
        np.testing.assert_allclose(log_h, expected, rtol=1e-13, atol=1e-13)


def test_three_hundred_units_agree_with_torch(oracle):
    torch = oracle("torch")
    rng = np.random.default_rng(0)
    n = 300
    p = {
        "W": rng.standard_normal((n, n)) / n**0.5,
        "U": rng.standard_normal((20, n)),
        "b": rng.standard_normal(n),
    }
    x = rng.standard_normal((6, 3, 20))
    h0, g = rng.standard_normal((2, 3, n))
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
    h = torch.tensor(h0)
    for x_t in torch.tensor(x):
        h = torch.tanh(h @ leaves["W"] + x_t @ leaves["U"] + leaves["b"])
    h.backward(torch.tensor(g))
    for _, shared in shared_by_every_way(unroll(RNN(20, n), p, x), h0, g):
        for name, value in shared.items():
            np.testing.assert_allclose(value, leaves[name].grad.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("T", [3, 200])
def test_sums_over_time_of_shares_near_the_end_of_the_floats(T):
    p = {"W": ONE, "U": 0 * ONE, "b": np.zeros(1)}
    x = np.full((T, 1, 1), 1e150) * np.arange(1, T + 1)[:, None, None]
    for _, shared in shared_by_every_way(unroll(RNN(1, 1, "identity"), p, x), 0 * ONE, 1e150 * ONE):
        assert shared["U"].item() == pytest.approx(1e300 * T * (T + 1) / 2, rel=1e-14)
        assert shared["b"].item() == pytest.approx(T * 1e150, rel=1e-14)


def test_shares_at_the_end_of_the_floats_that_cancel():
    """As one product their parts overflow, which is said; in blocks of steps they do not."""
    p = {"W": ONE, "U": 0 * ONE, "b": np.zeros(1)}
    x = np.full((200, 1, 1), 1.7e158) * np.where(np.arange(200) % 2, 1, -1)[:, None, None]
    path = unroll(RNN(1, 1, "identity"), p, x)
    g = 1e150 * ONE
    with pytest.raises(FloatingPointError, match="∂L/∂U: expected finite numbers, got an overflow"):
        backward(forward(path, 0 * ONE)[1], g).shared()
    assert bptt(path, 0 * ONE, g).grads.shared()["U"] == 0


@pytest.mark.parametrize("plan", [None, *PLANS], ids=str)
def test_one_member_of_a_sweep_with_no_gradient_beside_one_that_explodes(plan):
    p = {"W": np.array([10.0, 0.1, 1.0]).reshape(3, 1, 1), "b": np.zeros((3, 1))}
    path = deep(Dense(1, 1, "identity"), 400 * [p])
    g = np.array([1.0, 0.0, 1e-300]).reshape(3, 1, 1)
    log = trace(forward(path, 0 * ONE)[1], g) if plan is None else bptt(path, 0 * ONE, g, plan)
    expected = [400 * np.log(10), -np.inf, -300 * np.log(10)]
    np.testing.assert_allclose(log.log_h[0], expected, rtol=1e-12)


# What the docstring of trace says it cannot do
# ---------------------------------------------


def test_a_sample_the_range_of_floats_below_another_of_its_member_is_lost():
    p = {"W": ONE, "b": np.zeros(1)}
    h0 = np.array([[1.0], [-1.0]])  # relu stops the second sample
    vjps = forward(deep(Dense(1, 1, "relu"), [p]), h0)[1]
    for small, log in (1e-100, -100 * np.log(10)), (1e-200, -np.inf):
        g = np.array([[small], [1e200]])
        assert backward(vjps, g).h[0].tolist() == [[small], [0.0]]
        assert trace(vjps, g).log_h[0] == pytest.approx(log)


def test_nothing_is_rescaled_within_a_step():
    three = Seq(*3 * [Dense(1, 1, "identity")])
    for last, log in (1e-100, -100 * np.log(10)), (1e-200, -np.inf):
        p = {f"{i}.W": w * ONE for i, w in enumerate([1e200, 1e-200, last])}
        p |= {f"{i}.b": np.zeros(1) for i in range(3)}
        vjps = forward(deep(three, [p]), 0 * ONE)[1]
        assert trace(vjps, ONE).log_h[0] == pytest.approx(log)
