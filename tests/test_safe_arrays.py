"""One rule for arrays that went in or came out.

What the caller does to them afterwards changes no result.
"""

import numpy as np
import pytest

from gradtrace import (
    LSTM,
    RNN,
    Dense,
    LayerNorm,
    Seq,
    backward,
    bptt,
    deep,
    forward,
    init_params,
    trace,
    unroll,
)

CHAINS = {
    "RNN": RNN(2, 3),
    "LSTM": LSTM(2, 3),
    "deep": Dense(3, 3),
    "norm": Seq(LayerNorm(3), Dense(3, 3)),
    "norm last": Seq(Dense(3, 3), LayerNorm(3)),
}


def setting(kind):
    """A path, what went into it, and how to walk it again with arrays that nobody has touched."""
    rng = np.random.default_rng(0)
    step = CHAINS[kind]
    recurrent = step.inputs is not None
    params = [init_params(step, rng) for _ in range(1 if recurrent else 4)]
    x = rng.standard_normal((4, 2, 2)) if recurrent else None
    h0 = rng.standard_normal((2, *step.features))
    g = [rng.standard_normal(h0.shape) for _ in range(5)]
    path = unroll(step, params[0], x) if recurrent else deep(step, params)
    return path, params, x, h0, g


def results(vjps, log, grads):
    """Everything that can still be asked for after a walk forward and back."""
    values = [
        log.log_h,
        *log.log_p.values(),
        *log.grads.h,
        *log.grads.shared().values(),
        *grads.shared().values(),
    ]
    values += [value for p in grads.p for value in p.values()] + [
        x for x in grads.x if x is not None
    ]
    return [np.array(value) for value in values]


def walk(kind, meddle_between=None, meddle_after=None):
    path, params, x, h0, g = arrays = setting(kind)
    h, vjps = forward(path, h0)
    if meddle_between:
        meddle_between(arrays, h)
    log = trace(vjps, g)
    grads = backward(vjps, g)
    if meddle_after:
        meddle_after(arrays, h, log, grads)
    return results(vjps, log, grads)


def spoil(array):
    """Change an array in place, if it can be changed."""
    if array is not None and array.flags.writeable:
        array[...] = 7.0


def inputs(arrays):
    _, params, x, h0, _ = arrays
    return [h0, *([] if x is None else [x]), *(value for p in params for value in p.values())]


@pytest.mark.parametrize("kind", CHAINS)
def test_what_went_into_forward_may_be_changed_afterwards(kind):
    def meddle(arrays, h):
        for array in inputs(arrays):
            assert array.flags.writeable, "the caller's own array stays his"
            spoil(array)

    for found, expected in zip(walk(kind, meddle), walk(kind), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", CHAINS)
def test_arrays_that_went_in_stay_writeable(kind):
    path, _, _, h0, g = arrays = setting(kind)
    _, vjps = forward(path, h0)
    for way_back in (
        lambda g: backward(vjps, g),
        lambda g: trace(vjps, g),
        lambda g: bptt(path, h0, g),
    ):
        way_back(g)
        way_back(g[-1])
        assert all(array.flags.writeable for array in (*inputs(arrays), *g))


@pytest.mark.parametrize("kind", CHAINS)
def test_states_that_come_out_are_read_only(kind):
    path, _, _, h0, _ = setting(kind)
    h, _ = forward(path, h0)
    for state in h:
        with pytest.raises(ValueError, match="read-only"):
            state -= 1
    assert (h[0] == h0).all()


@pytest.mark.parametrize("kind", CHAINS)
def test_what_went_into_the_way_back_or_came_out_may_be_changed(kind):
    def meddle(arrays, h, log, grads):
        for array in (*inputs(arrays), *arrays[-1], *h, *grads.h, log.log_h.copy()):
            spoil(array)
        for p in grads.p:
            for value in p.values():
                spoil(value)

    for found, expected in zip(walk(kind, None, meddle), walk(kind), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", CHAINS)
def test_results_of_bptt_share_nothing_with_its_arguments(kind):
    path, params, x, h0, g = arrays = setting(kind)
    run, again = (bptt(path, h0, g) for _ in range(2))
    for array in (*inputs(arrays), *g):
        spoil(array)
    np.testing.assert_array_equal(run.log_h, again.log_h)
    np.testing.assert_array_equal(run.grads.h0, again.grads.h0)
    for mine, other in zip(run.grads.p, again.grads.p, strict=True):
        for name, value in mine.items():
            np.testing.assert_array_equal(value, other[name])
            assert not any(np.shares_memory(value, array) for array in inputs(arrays))


@pytest.mark.parametrize("kind", CHAINS)
def test_a_step_by_itself_hands_out_arrays_of_its_own(kind):
    path, _, _, h0, g = setting(kind)
    step, p, x = path[0]
    out, vjp = step(p, h0, x)
    grads = vjp(g[-1])
    before = [np.array(value) for value in (grads.h, *grads.p.values())]
    spoil(out)
    for value, kept in zip((grads.h, *grads.p.values()), before, strict=True):
        np.testing.assert_array_equal(value, kept)
