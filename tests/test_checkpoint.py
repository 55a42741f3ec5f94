"""Plans of what to keep: the gradients of backward and the norms of trace.

States and steps are counted.
"""

import tracemalloc
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace import (
    GRU,
    LSTM,
    NARX,
    RNN,
    Dense,
    OneGate,
    Residual,
    backward,
    deep,
    forward,
    init_params,
    trace,
    unroll,
)
from gradtrace.tracing.checkpoint import BPTTResult, SummedGradients, bptt
from gradtrace.tracing.schedules import Binomial, Full, SqrtT, Truncated, schedule

T, B = 23, 3
EXACT = [
    Full(),
    SqrtT(),
    Binomial(slots=1),
    Binomial(slots=2),
    Binomial(slots=4),
    Binomial(slots=3, block=4),
    Binomial(slots=99),
    Binomial(nbytes=20_000),
    Truncated(T, T),
    Truncated(99, 99),
]
CELLS = [RNN(2, 5), RNN(2, 5, "relu"), LSTM(2, 3), GRU(2, 4), NARX(2, 3), OneGate(4)]


def in_time(cell, T=T, B=B, dtype=float, **how):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((T, B, *cell.inputs)).astype(dtype) if cell.inputs else T
    h0 = rng.standard_normal((B, *cell.features)).astype(dtype)
    return unroll(cell, init_params(cell, rng, dtype=dtype, **how), x), h0


def losses(h0, T=T):
    """A loss on the last state, on some, and on all as a function of them."""
    rng = np.random.default_rng(1)

    def random():
        return rng.standard_normal(h0.shape).astype(h0.dtype)

    some = [random() if t % 5 in (0, 3) else None for t in range(T + 1)]
    return {
        "last": random(),
        "some": some,
        "all": lambda t, h: h / (t + 1),
    }


def listed(g, h):
    return [g(t, h_t) for t, h_t in enumerate(h)] if callable(g) else g


@pytest.mark.parametrize("loss", ["last", "some", "all"])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_exact_plan_has_the_gradients_of_backward_and_the_norms_of_trace(cell, loss):
    path, h0 = in_time(cell)
    g = losses(h0)[loss]
    h, vjps = forward(path, h0)
    expected = backward(vjps, listed(g, h))
    log_h = trace(vjps, listed(g, h)).log_h
    shared = expected.shared()
    for plan in EXACT:
        run = bptt(path, h0, g, plan)
        np.testing.assert_allclose(run.log_h, log_h, rtol=0, atol=1e-12)
        np.testing.assert_allclose(run.grads.h0, expected.h[0], rtol=1e-12, atol=1e-14)
        assert run.grads.shared().keys() == shared.keys()
        assert run.usage.truncated == 0
        for name, value in run.grads.shared().items():
            near = 1e-12 * abs(shared[name]).max()
            np.testing.assert_allclose(value, shared[name], rtol=1e-12, atol=near)


@pytest.mark.parametrize("plan", EXACT, ids=str)
def test_depth_with_a_gradient_for_each_layer_and_a_sweep_that_begins_late(plan):
    rng = np.random.default_rng(2)
    steps = [Dense(6, 4), Dense(4, 5, "relu"), Residual(Dense(5, 5)), Dense(5, 2, "sigmoid")]
    gains = [1, 1, np.linspace(0.5, 1.5, 3), 1]
    pairs = zip(steps, gains, strict=True)
    path = deep(steps, [init_params(step, rng, gain=gain) for step, gain in pairs])
    h0, g = rng.standard_normal((B, 6)), rng.standard_normal((3, B, 2))
    vjps = forward(path, h0)[1]
    expected = backward(vjps, g)
    run = bptt(path, h0, g, plan)
    np.testing.assert_allclose(run.log_h, trace(vjps, g).log_h, rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.grads.h0, expected.h[0], rtol=1e-12, atol=1e-14)
    for mine, theirs in zip(run.grads.p, expected.p, strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine:
            np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("plan", [Full(), SqrtT(), Binomial(slots=3)], ids=str)
def test_a_sweep_in_time_equals_a_loop(plan):
    gains = np.linspace(0.5, 1.5, 3)
    path, h0 = in_time(LSTM(2, 3), gain=gains)
    run = bptt(path, h0, lambda t, h: h if t else None, plan)
    for i, gain in enumerate(gains):
        alone = bptt(in_time(LSTM(2, 3), gain=gain)[0], h0, lambda t, h: h if t else None, plan)
        np.testing.assert_allclose(run.log_h[:, i], alone.log_h, rtol=0, atol=1e-11)
        for name, value in alone.grads.p[0].items():
            np.testing.assert_allclose(run.grads.p[0][name][i], value, rtol=1e-10, atol=1e-12)


def test_pytorch_agrees(oracle):
    torch = oracle("torch")
    path, h0 = in_time(RNN(2, 5))
    g = losses(h0)["last"]
    p = {k: torch.tensor(v, requires_grad=True) for k, v in path[0].p.items()}
    h = start = torch.tensor(h0, requires_grad=True)
    for x in torch.tensor(path.inputs):
        h = torch.tanh(h @ p["W"] + x @ p["U"] + p["b"])
    h.backward(torch.tensor(g))
    run = bptt(path, h0, g, Binomial(slots=3)).grads
    np.testing.assert_allclose(run.h0, start.grad.numpy(), rtol=1e-10, atol=1e-14)
    for name, value in run.shared().items():
        np.testing.assert_allclose(value, p[name].grad.numpy(), rtol=1e-10, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(
    T=st.integers(1, 14),
    k1=st.integers(1, 16),
    k2=st.integers(1, 16),
    loss=st.sampled_from(["last", "some", "all"]),
)
def test_truncated_is_the_sum_of_the_contributions_that_it_keeps(T, k1, k2, loss):
    """What the loss on ``h_s`` contributes through step ``t + 1``, pair by pair.

    It is kept if its way back gets there.
    """
    path, h0 = in_time(RNN(2, 3), T=T, B=2)
    g = losses(h0, T)[loss]
    h, vjps = forward(path, h0)
    g_s = listed(g, h) if isinstance(listed(g, h), list) else [None] * T + [g]
    W = np.zeros((3, 3))
    dh0 = np.zeros_like(h0)
    lost = 0
    ends = [*range(k1, T, k1), T]
    for s, extra in enumerate(g_s):
        if extra is None:
            continue
        one = backward(vjps, [extra if t == s else None for t in range(T + 1)])
        reach = max(0, min(end for end in ends if end >= s) - k2)
        kept = range(reach, s)
        W = W + sum((one.p[t]["W"] for t in kept), np.zeros((3, 3)))
        dh0 = dh0 + (one.h[0] if reach == 0 else 0)
        lost += s - len(kept)
    run = bptt(path, h0, g, Truncated(k1, k2))
    np.testing.assert_allclose(run.grads.p[0]["W"], W, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(run.grads.h0, dh0, rtol=1e-10, atol=1e-12)
    assert run.usage.truncated == lost
    assert run.usage.evaluations == T
    assert run.usage.states <= max(k1, k2) + 1


def test_truncated_norms_end_where_its_one_way_back_ends():
    path, h0 = in_time(RNN(2, 5))
    g = losses(h0)["last"]
    log_h, full = bptt(path, h0, g, Truncated(T, 6)).log_h, bptt(path, h0, g).log_h
    np.testing.assert_allclose(log_h[T - 6 :], full[T - 6 :], rtol=0, atol=1e-12)
    assert (log_h[: T - 6] == -np.inf).all()


@pytest.mark.parametrize("k1, k2", [(2, 5), (4, 7), (3, 3)])
def test_where_truncated_ways_back_overlap_the_norm_is_that_of_the_longest_gradient(k1, k2):
    path, h0 = in_time(RNN(2, 5), gain=1.3)
    h, vjps = forward(path, h0)

    def g(t, h):
        return h if t < 12 else 1e-3 * h  # early ways are the longer ones

    expected = np.full(T + 1, -np.inf)
    ends = [*range(k1, T, k1), T]
    for after, end in zip([-1, *ends], ends, strict=False):
        one = trace(vjps, [g(t, h[t]) if after < t <= end else None for t in range(T + 1)]).log_h
        reach = slice(max(0, end - k2), end + 1)
        expected[reach] = np.maximum(expected[reach], one[reach])
    np.testing.assert_allclose(
        bptt(path, h0, g, Truncated(k1, k2)).log_h, expected, rtol=0, atol=1e-12
    )


def test_layers_that_no_way_back_reaches_have_gradients_of_zero():
    rng = np.random.default_rng(0)
    layer = Dense(3, 3)
    path = deep(layer, [init_params(layer, rng) for _ in range(6)])
    h0 = rng.standard_normal((2, 3))
    grads = bptt(path, h0, h0, Truncated(6, 2)).grads
    assert [sorted(p) for p in grads.p] == 6 * [["W", "b"]]
    assert not grads.h0.any()
    assert [p["W"].any() and p["b"].any() for p in grads.p] == 4 * [False] + 2 * [True]
    assert all(p["W"].shape == (3, 3) and p["b"].shape == (3,) for p in grads.p)


def count(actions, *kinds):
    return sum(stop - start for kind, start, stop in actions if kind in kinds)


def test_gruslys_thousand_steps_in_fifty_slots():
    actions = schedule(Binomial(slots=50), 1000)
    assert count(actions, "advance") == 1948
    assert count(actions, "advance", "record") == 2948
    path, h0 = in_time(OneGate(1), T=1000, B=1)
    usage = bptt(path, h0, h0, Binomial(slots=50)).usage
    assert usage.evaluations == 2948
    assert usage.states <= 51


@lru_cache(None)
def fewest(T, slots):
    """All forward evaluations, by trying every place for the next state to store."""
    if slots == 1 or T == 1:
        return T * (T + 1) // 2  # each step anew from the only state
    return min(y + fewest(T - y, slots - 1) + fewest(y, slots) for y in range(1, T))


@pytest.mark.parametrize("slots", [*range(1, 8), 40])
def test_binomial_takes_the_fewest_evaluations_that_any_schedule_can(slots):
    for steps in range(1, 40):
        assert count(schedule(Binomial(slots=slots), steps), "advance", "record") == fewest(
            steps, slots
        )
    if slots == 40:
        assert fewest(39, 40) == 2 * 39 - 1  # room for all


@settings(max_examples=60, deadline=None)
@given(
    plan=st.one_of(
        st.just(Full()),
        st.just(SqrtT()),
        st.builds(Binomial, st.integers(1, 9), st.integers(1, 5)),
        st.builds(Truncated, st.integers(1, 20), st.integers(1, 20)),
    ),
    T=st.integers(1, 60),
)
def test_a_schedule_only_uses_what_it_has_and_leaves_nothing_behind(plan, T):
    at, stored, recorded, back = 0, set(), {}, []
    for kind, start, stop in schedule(plan, T):
        if kind == "store":
            assert stop == at
            stored.add(stop)
        elif kind == "free":
            stored.remove(start) if start == stop else recorded.pop((start, stop))
        elif kind in ("advance", "record"):
            assert start < stop
            assert start == at or start in stored
            at = stop
            if kind == "record":
                recorded[start, stop] = True
        elif kind == "begin":
            assert at == stop
            place = stop
        else:
            assert (start, stop) in recorded
            assert stop == place
            place = start
            back.append((start, stop))
        assert not isinstance(plan, Binomial) or len(stored) <= plan.slots
    assert not stored
    assert not recorded
    if not isinstance(plan, Truncated):
        assert back[-1][0] == 0
        assert sum(stop - start for start, stop in back) == T


@pytest.mark.parametrize(
    "plan, states, evaluations", [(Full(), 10_001, 10_000), (SqrtT(), 200, 19_900)], ids=str
)
def test_ten_thousand_states_to_keep(plan, states, evaluations):
    path, h0 = in_time(RNN(1, 2), T=10_000, B=1)
    usage = bptt(path, h0, h0, plan).usage
    assert (usage.states, usage.evaluations) == (states, evaluations)
    assert usage.nbytes == states * h0.nbytes


@pytest.mark.parametrize(
    "plan",
    [Full(), SqrtT(), Binomial(slots=12, block=8), Binomial(nbytes=2**20), Truncated(50, 100)],
    ids=str,
)
def test_the_memory_that_numpy_really_takes_is_that_of_the_account(plan):
    path, h0 = in_time(RNN(4, 64), T=600, B=32)  # a state is 16 KiB
    bptt(path, h0, h0, plan)
    tracemalloc.start()
    try:
        usage = bptt(path, h0, h0, plan).usage
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    recorded = {Full: 600, SqrtT: 25, Truncated: 100}.get(type(plan), getattr(plan, "block", 0))
    walking = 6 * 16 + recorded  # the way back through 256 KB, and pre-activations
    assert usage.nbytes < peak < usage.nbytes + walking * h0.nbytes + 2**18
    if isinstance(plan, Binomial) and plan.nbytes:
        assert peak < plan.nbytes + 2**20  # parameters, gradients, and the way back through a block


@pytest.mark.parametrize(
    "plan", [SqrtT(), Binomial(slots=20, block=128), Truncated(1000, 2000)], ids=str
)
def test_a_chain_of_a_hundred_thousand_steps_in_few_states_keeps_its_logarithms(plan):
    steps = 100_000
    half = {"W": np.array([[0.5]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    path = unroll(RNN(1, 1, "identity"), half, np.zeros((steps, 1, 1)))
    run = bptt(path, np.zeros((1, 1)), np.ones((1, 1)), plan)
    assert run.usage.states <= 2000
    assert run.usage.evaluations < 5 * steps
    reach = 2000 if isinstance(plan, Truncated) else steps
    np.testing.assert_allclose(
        run.log_h[: -reach - 2 : -1], -np.arange(reach + 1) * np.log(2), rtol=1e-12
    )
    assert run.grads.p[0]["b"] == 2


@pytest.mark.parametrize("plan", [Full(), SqrtT(), Binomial(slots=4)], ids=str)
def test_explosion_keeps_its_logarithms_and_says_what_overflows(plan):
    p = {"W": np.array([[10.0]]), "U": np.zeros((1, 1)), "b": np.zeros(1)}
    path = unroll(RNN(1, 1, "identity"), p, np.zeros((400, 1, 1)))
    some = [np.ones((1, 1)) if t == 350 else None for t in range(400)] + [np.ones((1, 1))]
    for g in (np.ones((1, 1)), some):
        run = bptt(path, np.zeros((1, 1)), g, plan)
        np.testing.assert_allclose(
            run.log_h, trace(forward(path, np.zeros((1, 1)))[1], g).log_h, rtol=1e-12
        )
        with pytest.raises(
            FloatingPointError, match="∂L/∂h_0: expected finite numbers, got an overflow of float64"
        ):
            run.grads  # noqa: B018
    with pytest.raises(FloatingPointError, match=r"step 309 of 400: next state of RNN"):
        bptt(path, np.ones((1, 1)), np.ones((1, 1)), plan)


@pytest.mark.parametrize("plan", EXACT, ids=str)
def test_shares_of_parameters_far_apart_in_scale_have_the_gradient_of_backward(plan):
    """``∂L/∂U = Σ x_t g_t`` where ``g_t`` falls to 1e-200 and ``x_t`` rises as far.

    Every step counts the same.
    """
    p = {"W": np.array([[1e-40]]), "U": np.array([[1e-210]]), "b": np.zeros(1)}
    path = unroll(
        RNN(1, 1, "identity"),
        p,
        (np.arange(1, 7) * 10.0 ** np.arange(200, -1, -40)).reshape(6, 1, 1),
    )
    h0 = np.zeros((1, 1))
    g = np.ones((1, 1))
    expected = backward(forward(path, h0)[1], g).shared()
    run = bptt(path, h0, g, plan)
    assert expected["U"][0, 0] == pytest.approx(21)
    for name, value in run.grads.shared().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12)


def test_one_number_past_the_floats_is_an_overflow_of_the_whole_gradient():
    grads = SummedGradients(np.zeros((1, 2)), [{"W": np.eye(2), "b": np.array([1.0, np.inf])}])
    with pytest.raises(
        FloatingPointError, match="∂L/∂b: expected finite numbers, got an overflow of float64"
    ):
        BPTTResult(np.zeros(3), None, grads).grads  # noqa: B018


@pytest.mark.parametrize("scale", [1e300, 5e-324, 0.0])
@pytest.mark.parametrize("plan", [Full(), SqrtT(), Binomial(slots=2), Truncated(3, 3)], ids=str)
def test_loss_gradients_at_the_ends_of_the_float_range(plan, scale):
    path, h0 = in_time(RNN(2, 5), gain=0.5)
    g = np.full_like(h0, scale)
    run = bptt(path, h0, g, plan)
    expected = trace(forward(path, h0)[1], g).log_h
    # the last way back is one of two steps
    reached = slice(T - 2 if isinstance(plan, Truncated) else 0, None)
    np.testing.assert_allclose(run.log_h[T - 2 :], expected[T - 2 :], rtol=1e-12)
    np.testing.assert_allclose(run.log_h[reached], expected[reached], rtol=1e-12)


@pytest.mark.parametrize("plan", [Full(), SqrtT(), Binomial(slots=2), Truncated(2, 3)], ids=str)
@pytest.mark.parametrize("cell", [RNN(2, 1), LSTM(2, 1)], ids=str)
def test_an_empty_batch_one_step_and_float32(plan, cell):
    path, h0 = in_time(cell, B=0)
    run = bptt(path, h0, h0, plan)
    assert (run.log_h == -np.inf).all()
    assert run.grads.h0.shape == h0.shape
    assert not run.grads.p[0]["W"].any()
    path, h0 = in_time(cell, T=1)
    np.testing.assert_allclose(
        bptt(path, h0, h0, plan).log_h, trace(forward(path, h0)[1], h0).log_h, atol=1e-14
    )
    path, h0 = in_time(cell, dtype=np.float32)
    grads = bptt(path, h0, lambda t, h: h, plan).grads
    assert grads.h0.dtype == np.float32
    assert {a.dtype.name for a in grads.p[0].values()} == {"float32"}


def test_arguments_stay_as_they_are():
    path, h0 = in_time(RNN(2, 5))
    arrays = [
        h0,
        path.inputs,
        *path[0].p.values(),
        *(g for g in losses(h0)["some"] if g is not None),
    ]
    for array in arrays:
        array.flags.writeable = False
    g = losses(h0)["some"]
    for plan in (Full(), SqrtT(), Binomial(slots=3), Truncated(2, 3)):
        first, again = bptt(path, h0, g, plan), bptt(path, h0, g, plan)
        assert np.array_equal(first.log_h, again.log_h)


PATH, H0 = in_time(RNN(2, 5))
RNG = np.random.default_rng(0)


def misfit():
    """Five layers of width 5 and a last one of width 4."""
    layers = [*5 * [Dense(5, 5)], Dense(4, 4)]
    return deep(layers, [init_params(layer, RNG) for layer in layers])


CASES = {
    "h0 of wrong width": (
        lambda: bptt(PATH, H0[:, :4], H0),
        ValueError,
        r"h0 of .*: expected last axes \(…, 5\)",
    ),
    "layers that do not fit": (
        lambda: bptt(misfit(), H0, H0, SqrtT()),
        ValueError,
        "step 6 of 6: h of Dense.4, 4, tanh.: expected last axes",
    ),
    "g of wrong shape": (
        lambda: bptt(PATH, H0, H0[:2]),
        ValueError,
        r"g\[23\]: expected the shape \(3, 5\)",
    ),
    "g of another dtype": (
        lambda: bptt(PATH, H0, H0.astype("f4")),
        TypeError,
        "g: expected float64, .* got float32",
    ),
    "g too short": (
        lambda: bptt(PATH, H0, [H0] * 3),
        ValueError,
        "g: expected 24 entries, .* got 3",
    ),
    "g with NaN": (
        lambda: bptt(PATH, H0, [None] * T + [H0 * np.nan]),
        ValueError,
        r"g\[23\]: expected finite numbers",
    ),
    "g on one state misshapen": (
        lambda: bptt(PATH, H0, [H0[:2]] + [H0] * T),
        ValueError,
        r"g\[0\]: expected the sha",
    ),
    "g a function of lists": (
        lambda: bptt(PATH, H0, lambda t, h: [1.0]),
        TypeError,
        r"g\(23, h_23\): expected a numpy",
    ),
    "g a function of NaN": (
        lambda: bptt(PATH, H0, lambda t, h: h * np.inf),
        ValueError,
        r"g\(23, h_23\): expected fi",
    ),
    "neither": (
        lambda: Binomial(),
        TypeError,
        "slots, nbytes: expected one of the two, got None and None",
    ),
    "both": (
        lambda: Binomial(slots=3, nbytes=3),
        TypeError,
        "slots, nbytes: expected one of the two, got 3 and 3",
    ),
    "too few bytes": (
        lambda: bptt(PATH, H0, H0, Binomial(nbytes=900)),
        ValueError,
        "nbytes: expected at least 960, eight states of 120 each, got 900",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_named(name):
    call, kind, message = CASES[name]
    with pytest.raises(kind, match=message):
        call()


def test_truncated_ways_back_know_a_sweep_that_begins_at_a_later_step():
    """Three samples and three members: the norms are those of the members.

    They are as if all had been swept from the start.
    """
    rng = np.random.default_rng(0)
    params = [init_params(Dense(2, 2), rng) for _ in range(6)]
    params[3] = params[3] | {"b": rng.standard_normal((3, 2))}
    h0 = rng.standard_normal((3, 2))
    plan = Truncated(2, 2)

    def loss(t, h):
        return np.ones_like(h)

    late = bptt(deep(Dense(2, 2), params), h0, loss, plan)
    early = bptt(deep(Dense(2, 2), params), np.broadcast_to(h0, (3, 3, 2)), loss, plan)
    np.testing.assert_allclose(late.log_h, early.log_h, rtol=1e-13)


@settings(max_examples=60, deadline=None)
@given(k1=st.integers(1, 9), k2=st.integers(1, 20), T=st.integers(1, 40))
def test_truncated_keeps_no_state_that_no_later_way_back_reads(k1, k2, T):
    actions = schedule(Truncated(k1, k2), T)
    recorded = []
    for i, (kind, *piece) in enumerate(actions):
        if kind == "free":
            recorded = [other for other in recorded if other != piece]
        elif kind == "record":
            if actions[i - 1].kind != "record":  # the last way back is over
                read = [[start, stop] for kind, start, stop in actions[i:] if kind == "backward"]
                assert all(other in read for other in recorded)
            recorded.append(piece)


def test_states_of_nobody_take_no_memory():
    path, h0 = in_time(RNN(2, 5), B=0)
    plans = Full(), SqrtT(), Binomial(slots=3), Truncated(2, 3)
    assert [bptt(path, h0, h0, plan).usage.nbytes for plan in plans] == 4 * [0]
